"""What browsers are told: in order, gaps filled from the log, nothing twice, summaries in one piece."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hub import emitter
from hub.emitter import Emitter
from models import threads
from models.book import Change
from models.threads import Mark
from models.wire import Attachment
from tests.support.stage import Stage


class Screens:
    """Everything a visitor's and the agents' sockets were told."""

    def __init__(self) -> None:
        self.visitor: list[tuple[str, Any]] = []
        self.agents: list[tuple[str, Any]] = []

    def hears(self, identity: str) -> bool:
        return True

    def to_visitor(self, identity: str, event: str, data: Any) -> None:
        self.visitor.append((event, data))

    def to_agents(self, event: str, data: Any) -> None:
        self.agents.append((event, data))

    def to_agent(self, user: str, event: str, data: Any) -> None:
        self.agents.append((event, data))

    def seqs(self, side: str = "agents") -> list[int]:
        return [data["seq"] for event, data in getattr(self, side) if event == "message"]

    def revs(self) -> list[int]:
        return [data["rev"] for event, data in self.visitor if event == "conversation"]

    def summaries(self) -> list[Any]:
        return [data for event, data in self.agents if event == "conversation"]


class Desk:
    """An emitter over a real log, and changes to tell."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.out = Screens()
        self.who = f"v:{uuid.uuid4().hex}"
        self.fill: Callable[[str, int], Any] = partial(stage.db.read, threads.since_rev)
        self.filled = 0
        self.emitter = Emitter(self.out, self._fill, _sign, lambda _conversation: 3)

    async def _fill(self, conversation: str, rev: int) -> Change | None:
        self.filled += 1
        found: Change | None = await self.fill(conversation, rev)
        return found

    def said(self, text: str = "hello") -> Change:
        change = self.stage.say(text, self.who).change
        assert change is not None
        return change

    async def settle(self) -> None:
        """Wait until gaps are filled and summaries are out."""
        async with asyncio.timeout(10):
            while self.emitter._tasks or self.emitter._summaries:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(emitter.PATIENCE)


def _sign(file: Attachment) -> str:
    return f"/files/{file['id']}?s=signed"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    stage = Stage(f"sqlite:///{tmp_path}/test.db")
    yield Desk(stage)
    stage.close()


async def test_changes_in_order_are_told_at_once(desk: Desk) -> None:
    for change in [desk.said() for _ in range(5)]:
        desk.emitter.tell(change)
    assert desk.out.seqs("visitor") == desk.out.seqs("agents") == [1, 2, 3, 4, 5]
    assert desk.out.revs() == sorted(desk.out.revs())
    assert desk.filled == 0


async def test_a_change_told_twice_is_told_once(desk: Desk) -> None:
    one, two = desk.said(), desk.said()
    for change in (one, one, two, one, two):
        desk.emitter.tell(change)
    assert desk.out.seqs() == [1, 2]


async def test_a_gap_that_closes_by_itself(desk: Desk) -> None:
    """Two commits whose tellers overtook each other."""
    first = desk.said()
    desk.emitter.tell(first)
    two, three = desk.said(), desk.said()
    desk.emitter.tell(three)
    assert desk.out.seqs() == [1]
    desk.emitter.tell(two)
    await desk.settle()
    assert desk.out.seqs("visitor") == [1, 2, 3]


async def test_a_gap_is_filled_from_the_log(desk: Desk) -> None:
    """# INV-4: commits of another process are told in their place."""
    desk.emitter.tell(desk.said())
    for _ in range(3):
        desk.said("told by nobody")
    desk.emitter.tell(desk.said())
    await desk.settle()
    assert desk.out.seqs("visitor") == desk.out.seqs("agents") == [1, 2, 3, 4, 5]
    assert desk.filled == 1


async def test_what_comes_while_a_gap_is_read_is_told_too(desk: Desk) -> None:
    """# INV-4: a change committed after the log was read, but told before the reading returned, is not forgotten."""
    desk.emitter.tell(desk.said())
    desk.said("told by nobody")
    third = desk.said()
    read = desk.fill

    async def slow(conversation: str, rev: int) -> Any:
        found = await read(conversation, rev)
        if desk.filled == 1:
            desk.emitter.tell(desk.said("just now"))
        return found

    desk.fill = slow
    desk.emitter.tell(third)
    await desk.settle()
    assert desk.out.seqs("visitor") == [1, 2, 3, 4]


async def test_a_log_that_cannot_be_read_is_read_at_the_next_change(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.emitter.tell(desk.said())
    desk.said("told by nobody")
    read = desk.fill

    async def broken(_conversation: str, _rev: int) -> Any:
        raise OSError

    desk.fill = broken
    desk.emitter.tell(desk.said())
    await desk.settle()
    assert desk.out.seqs() == [1]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    desk.fill = read
    desk.emitter.tell(desk.said())
    await desk.settle()
    assert desk.out.seqs() == [1, 2, 3, 4]


async def test_an_old_message_that_changed_is_no_new_one(desk: Desk) -> None:
    """A process that has told nothing of a conversation yet fills a gap: what was read before is ``updated``."""
    conversation = desk.said().conversation
    desk.said()
    read = desk.stage.db.write_now(threads.mark, Mark(conversation, 2, user=desk.stage.agents[0]["id"]))
    assert read is not None
    desk.emitter.tell(read)
    with desk.stage.db.writing.begin() as conn:
        conn.exec_driver_sql("UPDATE messages SET rev = 90 WHERE seq = 1")
        conn.exec_driver_sql("UPDATE conversations SET rev = 90")
    desk.emitter.tell(desk.said())
    await desk.settle()
    assert desk.out.seqs() == [3]
    assert [data["seq"] for event, data in desk.out.agents if event == "updated"] == [1]


async def test_summaries_of_a_moment_become_one(desk: Desk) -> None:
    for change in [desk.said(f"text {number}") for number in range(10)]:
        desk.emitter.tell(change)
    assert desk.out.summaries() == []
    await desk.settle()
    assert [summary["preview"] for summary in desk.out.summaries()] == ["text 9"]
    assert desk.out.summaries()[0]["queue_position"] == 3


async def test_notes_stay_with_agents(desk: Desk) -> None:
    change = desk.said()
    desk.emitter.tell(change)
    note = desk.stage.reply(change.conversation, kind="note", text="a private word").change
    assert note is not None
    desk.emitter.tell(note)
    await desk.settle()
    assert desk.out.seqs("agents") == [1, 2]
    assert desk.out.seqs("visitor") == [1]
    assert "private" not in repr(desk.out.visitor)
