"""The human queue as people see it: positions told to waiting visitors, and chats given out by the inbox's policy."""

import asyncio
import logging
from collections.abc import Callable

from hub.emitter import Publisher, place_agent, place_visitor
from hub.registry import Registry
from hub.routing import POLICIES
from models import ownership, threads, views
from models.book import Change
from models.db import Database, DatabaseUnavailableError

PAUSE = 0.1
"""Seconds in which several moves become one look."""
LOOK = 1.0
"""Seconds between looks without a move: an agent came, left or got room, or is gone for too long (INV-12)."""

_log = logging.getLogger("frontdesk.queue")


class QueueBoard:
    """Keeps each waiting conversation's position, and lets policies assign."""

    def __init__(self, db: Database, registry: Registry, out: Publisher) -> None:
        self._db = db
        self._registry = registry
        self._out = out
        self._places: dict[str, int] = {}
        self._moved = asyncio.Event()
        self.told: Callable[[Change], None] = lambda _change: None

    def place(self, conversation: str) -> int | None:
        """Position in the queue, 1 being next; None when not waiting."""
        return self._places.get(conversation)

    def moved(self) -> None:
        """Somebody entered or left the queue."""
        self._moved.set()

    async def run(self) -> None:
        """Look whenever something moved, and now and then."""
        absent_after = asyncio.get_running_loop().time() + ownership.AWAY_AFTER / 1000
        while True:
            try:
                if asyncio.get_running_loop().time() > absent_after:
                    for change in await self._db.write(ownership.requeue_absent, None, "queue"):
                        self.told(change)
                await self._assign()
                await self._tell()
            except DatabaseUnavailableError:
                pass
            except Exception:
                _log.exception("queue was not looked at")
            try:
                await asyncio.wait_for(self._moved.wait(), LOOK)
            except TimeoutError:
                continue
            await asyncio.sleep(PAUSE)
            self._moved.clear()

    async def _assign(self) -> None:
        by_policy: dict[str, list[str]] = {}
        for live in self._registry.inboxes():
            by_policy.setdefault(live.inbox.assignment, []).append(live.id)
        by_policy.pop("manual", None)
        for name, mine in by_policy.items():
            arg = ownership.AssignQueue(mine, POLICIES[name])
            for change in await self._db.write(ownership.assign_queue, arg, "queue"):
                self.told(change)

    async def _tell(self) -> None:
        waiting = await self._db.read(ownership.queue)
        places = {conversation: number for number, conversation in enumerate(waiting, 1)}
        changed = [c for c, number in places.items() if self._places.get(c) != number]
        self._places = places
        for conversation in changed[:200]:
            row = await self._db.read(threads.find, conversation)
            if row is not None:
                view, summary = views.conversation(row), views.summary(row)
                place_visitor(view, self.place)
                place_agent(summary, self.place)
                self._out.to_visitor(row["identity_id"], "conversation", view)
                self._out.to_agents("conversation", summary)
