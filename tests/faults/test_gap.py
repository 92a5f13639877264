"""The emitter fills gaps from the log, and never ends behind a change it was told of."""

import asyncio
from collections.abc import Mapping
from typing import Any

from hub.emitter import PATIENCE, Emitter
from models.book import Change
from models.tables import conversations

LAST = 4


class _Screen:
    """One agent's screen."""

    def __init__(self) -> None:
        self.revs: list[int] = []
        self.all_told = asyncio.Event()

    def hears(self, identity: str) -> bool:
        return True

    def to_visitor(self, identity: str, event: str, data: Any) -> None:
        if event == "conversation":
            self.revs.append(data["rev"])
            if data["rev"] == LAST:
                self.all_told.set()

    def to_agents(self, event: str, data: Any) -> None:
        return None

    def to_agent(self, user: str, event: str, data: Any) -> None:
        return None


def _change(before: int, rev: int) -> Change:
    row = dict.fromkeys(conversations.c.keys()) | dict.fromkeys(("contact_id", "contact_name", "assignee_name"))
    moments = dict.fromkeys(("last_at", "created_at", "changed_at"), 0)
    row |= {"id": "c", "status": "pending", "rev": rev, "last_seq": 0, "address": "v:1", "opted_out": False, **moments}
    return Change("c", "v", before, rev, [], [], [], row)


async def test_change_during_a_fill_is_told() -> None:
    """# INV-4: a fill that read the log just before the last commit is not the last word."""
    log = 3
    emitter: Emitter

    async def fill(told: Mapping[str, int]) -> Mapping[str, Change]:
        read = {conversation: _change(rev, log) for conversation, rev in told.items()}
        await asyncio.sleep(0.01)
        if log < LAST:
            _commit()
        return read

    def _commit() -> None:
        nonlocal log
        log = LAST
        emitter.tell(_change(3, LAST))

    screen = _Screen()
    emitter = Emitter(screen, fill, lambda _file: "", lambda _conversation: None)
    emitter.tell(_change(0, 1))
    emitter.tell(_change(2, 3))
    async with asyncio.timeout(PATIENCE * 20):
        await screen.all_told.wait()
    assert screen.revs == [1, 3, LAST]
