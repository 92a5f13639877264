"""The human queue as people see it: positions told to waiting visitors, and chats given out by the inbox's policy."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from hub.emitter import Publisher, place_agent, place_visitor
from hub.registry import Registry
from hub.routing import POLICIES
from models import ownership, views
from models.book import Change
from models.db import Database, DatabaseUnavailableError

PAUSE = 0.1
"""Seconds in which several moves become one look."""
LOOK = 1.0
"""Seconds between looks without a move: an agent came, left, got room or is gone for too long, or others moved it."""
MOST = 200
"""Positions told in one look."""

_log = logging.getLogger("frontdesk.queue")


class QueueBoard:
    """Keeps each waiting conversation's position, and lets policies assign."""

    def __init__(self, db: Database, registry: Registry, out: Publisher) -> None:
        self._db = db
        self._registry = registry
        self._out = out
        self._places: dict[str, int] = {}
        self._wake = asyncio.Event()
        self._moved = self._moved_elsewhere = True
        self.told: Callable[[Change], None] = lambda _change: None

    def place(self, conversation: str) -> int | None:
        """Position in the queue, 1 being next; None when not waiting."""
        return self._places.get(conversation)

    def moved(self) -> None:
        """Somebody entered or left the queue: it is given out and positions are told."""
        self._moved = True
        self._wake.set()

    def moved_elsewhere(self) -> None:
        """Another process moved the queue, and gives it out itself: positions are told."""
        self._moved_elsewhere = True
        self._wake.set()

    async def run(self) -> None:
        """Look whenever something moved, and each second."""
        patient_until = asyncio.get_running_loop().time() + ownership.AWAY_AFTER / 1000
        while True:
            try:
                if asyncio.get_running_loop().time() > patient_until:
                    await self._requeue()
                await self._look()
            except DatabaseUnavailableError:
                self._moved = True
            except Exception:
                self._moved = True
                _log.exception("queue was not looked at")
            try:
                await asyncio.wait_for(self._wake.wait(), LOOK)
            except TimeoutError:
                continue
            await asyncio.sleep(PAUSE)
            self._wake.clear()

    async def _requeue(self) -> None:
        """Not in the first half minute: agents whose sockets were ours need a moment to come back."""
        if await self._db.read(ownership.any_left_alone):
            self._tell_all(await self._db.write(ownership.requeue_absent, None, "queue"))

    async def _look(self) -> None:
        moved, elsewhere = self._moved, self._moved_elsewhere
        self._moved = self._moved_elsewhere = False
        if moved or self._places:
            await self._assign()
        if moved or elsewhere or not self._db.sqlite:
            await self._tell()

    def _tell_all(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self.told(change)

    async def _assign(self) -> None:
        by_policy: dict[str, list[str]] = {}
        for live in self._registry.inboxes():
            by_policy.setdefault(live.inbox.assignment, []).append(live.id)
        by_policy.pop("manual", None)
        for name, mine in by_policy.items():
            arg = ownership.AssignQueue(mine, POLICIES[name])
            self._tell_all(await self._db.write(ownership.assign_queue, arg, "queue"))

    async def _tell(self) -> None:
        waiting = await self._db.read(ownership.queue)
        places = {conversation: number for number, conversation in enumerate(waiting, 1)}
        changed = [c for c, number in places.items() if self._places.get(c) != number][:MOST]
        self._places = places
        for row in await self._db.read(ownership.rows, changed) if changed else ():
            view, summary = views.conversation(row), views.summary(row)
            place_visitor(view, self.place)
            place_agent(summary, self.place)
            self._out.to_visitor(row["identity_id"], "conversation", view)
            self._out.to_agents("conversation", summary)
