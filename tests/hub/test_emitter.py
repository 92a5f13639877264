"""What browsers are told: in order, gaps filled from the log, nothing twice, summaries in one piece."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hub import emitter
from hub.emitter import Emitter, Fill
from models import heads, threads
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
        self.fill: Fill = partial(stage.db.read, heads.news)
        self.filled = 0
        self.emitter = Emitter(self.out, self._fill, _sign, lambda _conversation: 3)

    async def _fill(self, told: Mapping[str, int]) -> Mapping[str, Change]:
        self.filled += 1
        return await self.fill(told)

    def said(self, text: str = "hello") -> Change:
        change = self.stage.say(text, self.who).change
        assert change is not None
        return change

    async def settle(self) -> None:
        """Wait until gaps are filled and summaries are out."""
        async with asyncio.timeout(10):
            told = self.emitter._told.values()
            while any(one.filling for one in told) or self.emitter._listed:  # noqa: ASYNC110 - nobody tells
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

    async def slow(told: Mapping[str, int]) -> Mapping[str, Change]:
        found = await read(told)
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

    async def broken(_told: Mapping[str, int]) -> Mapping[str, Change]:
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


async def test_a_busy_list_is_told_a_part_at_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits longer than those before them, and everybody's last state is told once."""
    monkeypatch.setattr(emitter, "LISTED", 2)
    people = [f"v:{uuid.uuid4().hex}" for _ in range(5)]
    for who in people:
        desk.who = who
        desk.emitter.tell(desk.said("early"))
    async with asyncio.timeout(10):
        while not desk.out.summaries():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(emitter.PATIENCE)
    assert len(desk.out.summaries()) == 2
    desk.who = people[-1]
    desk.emitter.tell(desk.said("late"))
    await desk.settle()
    told = desk.out.summaries()
    assert [one["preview"] for one in told] == ["early"] * 4 + ["late"]
    assert len({one["id"] for one in told}) == 5


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


# --- what other processes committed ------------------------------------------------------------------------------


async def test_what_another_process_committed_is_read_and_told(desk: Desk) -> None:
    """# INV-4: by its bell, which says from where on it is news; a second bell for the same says nothing."""
    first, second = desk.said(), desk.said()
    for _ in range(2):
        desk.emitter.heard(second.conversation, second.rev, (first.rev, 1))
        await desk.settle()
    assert desk.out.seqs("visitor") == desk.out.seqs("agents") == [2]
    assert desk.filled == 1


async def test_many_bells_are_one_reading(desk: Desk) -> None:
    """While the log is read for one conversation, those that wait become the next reading together."""
    changes = [desk.stage.say("hello", f"v:{number}").change for number in range(20)]
    for change in changes:
        assert change is not None
        desk.emitter.heard(change.conversation, change.rev, (0, 0))
        if desk.filled == 0:
            await asyncio.sleep(0)
    await desk.settle()
    assert desk.filled == 2
    assert [message["conversation"] for event, message in desk.out.agents if event == "message"] == [
        change.conversation for change in changes if change
    ]


async def test_own_commits_and_those_of_others_keep_their_order(desk: Desk) -> None:
    """# INV-4"""
    changes = [desk.said(f"text {number}") for number in range(6)]
    for number in (0, 2, 4):
        desk.emitter.tell(changes[number])
    for number in (5, 1, 3):
        change = changes[number]
        desk.emitter.heard(change.conversation, change.rev, (change.before, number))
    await desk.settle()
    assert desk.out.seqs("visitor") == desk.out.seqs("agents") == [1, 2, 3, 4, 5, 6]


async def test_a_screen_misses_nothing_between_its_connect_and_the_first_bell(desk: Desk) -> None:
    """# INV-4: what it was shown is where its news begins, though the first change told here is a later one."""
    shown = desk.said()
    desk.emitter.shown(shown.conversation, shown.rev, 1)
    desk.said("told by nobody")
    desk.emitter.tell(desk.said())
    await desk.settle()
    assert desk.out.seqs("visitor") == [2, 3]


async def test_a_look_tells_what_no_bell_told(desk: Desk) -> None:
    """# INV-14: a head that is newer than what was told or shown; of what is unknown nothing can be news."""
    shown = desk.said()
    last = desk.said()
    desk.emitter.heard(last.conversation, last.rev)
    await desk.settle()
    assert (desk.filled, desk.out.seqs()) == (0, [])
    desk.emitter.shown(shown.conversation, shown.rev, 1)
    desk.emitter.heard(last.conversation, shown.rev)
    desk.emitter.heard(last.conversation, last.rev)
    await desk.settle()
    assert (desk.filled, desk.out.seqs()) == (1, [2])


async def test_who_comes_after_a_pause_is_not_told_all_of_it(desk: Desk) -> None:
    """Nobody listened for a while: the next bell is news, what was before it is not."""
    desk.emitter.tell(desk.said())
    for _ in range(3):
        missed = desk.said()
        desk.emitter.forget(missed.conversation)
    last = desk.said()
    desk.emitter.heard(last.conversation, last.rev, (last.before, 4))
    await desk.settle()
    assert desk.out.seqs() == [1, 5]


async def test_what_is_remembered_is_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The conversations looked at last are kept."""
    monkeypatch.setattr(emitter, "REMEMBERED", 10)
    for number in range(30):
        desk.emitter.shown(f"shown {number}", 1, 1)
        desk.emitter.heard(f"told {number}", 1, (1, 1))
        desk.emitter.heard("told 0", 1)
    assert len(desk.emitter._told) == len(desk.emitter._shown) == 10
    assert desk.emitter.knows("told 0")
    assert desk.emitter.knows("told 29")
    assert not desk.emitter.knows("told 15")
