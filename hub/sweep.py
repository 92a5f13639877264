"""Learns what other processes committed, by the bell or by looking each second, and has the emitter tell it.

Only with PostgreSQL: on SQLite there is one process, which knows what it did.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from hub.bell import Rung
from hub.emitter import Emitter
from models import heads
from models.db import Database, DatabaseUnavailableError
from models.heads import Watched

EVERY = 1.0
"""Seconds between two looks."""

_log = logging.getLogger("frontdesk.sweep")


class Sweep:
    """*visitors* gives the identities that have sockets here, *agents* says whether an agent has one."""

    def __init__(
        self,
        db: Database,
        emitter: Emitter,
        visitors: Callable[[], Sequence[str]],
        listens: Callable[[str], bool],
        agents: Callable[[], bool],
        queue_moved: Callable[[], None],
    ) -> None:
        self._db = db
        self._emitter = emitter
        self._visitors = visitors
        self._listens = listens
        self._agents = agents
        self._queue_moved = queue_moved
        self._since: int | None = None
        self._now = asyncio.Event()
        self.clock: Callable[[int], None] = _nothing
        """Called with the database's time at each look."""

    def heard(self, rung: Iterable[Rung]) -> None:
        """Take the bells of other processes; what nobody here listens to is not read."""
        agents = self._agents()
        for one in rung:
            if agents or self._listens(one.identity):
                self._emitter.heard(one.conversation, one.rev, (one.before, one.seq))
            else:
                self._emitter.forget(one.conversation)
            if one.queue:
                self._queue_moved()

    def at_once(self) -> None:
        """Look now: the bell was away for a while."""
        self._now.set()

    async def run(self) -> None:
        """Look each second until cancelled."""
        while True:
            try:
                await self.look()
            except DatabaseUnavailableError:
                pass
            except Exception:
                _log.exception("sweep failed")
            try:
                await asyncio.wait_for(self._now.wait(), EVERY)
            except TimeoutError:
                continue
            self._now.clear()

    async def look(self) -> None:
        """Compare what is stored with what was told here."""
        watched = Watched(self._visitors(), self._agents(), self._since)
        if not watched.identities and not watched.all_fresh:
            self._since = None
            return
        seen = await self._db.read(heads.look, watched)
        self.clock(seen.at)
        new = [head.conversation for head in seen.heads if head.fresh and not self._emitter.knows(head.conversation)]
        bases = await self._db.read(heads.bases, (new, self._since)) if new else {}
        for head in seen.heads:
            self._emitter.heard(head.conversation, head.rev, bases.get(head.conversation))
        self._since = seen.at


def _nothing(_now: int) -> None:
    return None
