"""The line between processes: what is said on it is heard, nobody waits for it, and it stands again by itself."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hub import redisline
from hub.bell import Rung
from hub.redisline import RedisLine, connect
from models.book import Change
from tests.support.patience import until
from tests.support.redis import RedisServer


class End:
    """One end of the line, with everything it heard."""

    def __init__(self, url: str, channel: str, name: str) -> None:
        self.line = RedisLine(connect(url), channel, name)
        self.rung: list[Rung] = []
        self.said: list[tuple[str, Any]] = []
        self.joined = 0
        self.line.heard = self.rung.extend
        self.line.joined = self._joined
        self.line.on("news", lambda process, data: self.said.append((process, data)))
        self.task = asyncio.create_task(self.line.run())

    def has_joined(self) -> bool:
        return self.joined > 0

    def _joined(self) -> None:
        self.joined += 1


def _change(conversation: str, before: int, rev: int, *, queue: bool = False) -> Change:
    return Change(conversation, "v", before, rev, [], [], [], {"last_seq": rev}, queue_moved=queue)


@pytest.fixture
async def ends(doorbell: RedisServer, tmp_path: Path) -> AsyncIterator[tuple[End, End]]:
    both = [End(doorbell.url, tmp_path.name, name) for name in "ab"]
    for end in both:
        await until(end.has_joined)
    yield both[0], both[1]
    for end in both:
        end.task.cancel()
    await asyncio.gather(*(end.task for end in both), return_exceptions=True)


async def test_bells_and_hints_are_heard_by_the_others(ends: tuple[End, End]) -> None:
    """Ids and numbers go over the line, no word of a conversation; nobody hears themselves."""
    one, other = ends
    one.line.ring(_change("c1", 4, 5))
    one.line.say("news", {"x": 1})
    one.line.say("nobody asked for", 2)
    await until(lambda: other.rung and other.said)
    assert other.rung == [Rung("c1", "v", 4, 5, 5, False)]
    assert other.said == [("a", {"x": 1})]
    other.line.say("news", "back")
    await until(lambda: one.said)
    assert one.said == [("b", "back")]
    assert one.rung == []


async def test_what_waits_is_said_once(ends: tuple[End, End]) -> None:
    """Many commits of one conversation become one bell that covers them all."""
    one, other = ends
    for rev in range(10, 60):
        one.line.ring(_change("c1", rev - 1, rev, queue=rev == 30))
    one.line.ring(_change("c2", 0, 1))
    await until(lambda: len(other.rung) == 2)
    assert other.rung == [Rung("c1", "v", 9, 10, 59, True), Rung("c2", "v", 0, 1, 1, False)]


@pytest.mark.parametrize("fault", ["kill", "freeze"])
async def test_nobody_waits_for_redis_and_it_is_heard_again(
    ends: tuple[End, End], doorbell: RedisServer, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """# INV-14: ringing never blocks and is bounded; who joins again is told that something may have been missed."""
    one, other = ends
    before = other.joined
    getattr(doorbell, fault)()
    try:
        loop = asyncio.get_running_loop()
        longest = 0.0
        for number in range(redisline.MOST_RUNG + 500):
            began = loop.time()
            one.line.ring(_change(f"c{number}", 0, 1))
            one.line.say("news", number)
            if number % 100 == 0:
                await asyncio.sleep(0.01)
                longest = max(longest, loop.time() - began - 0.01)
        assert longest < 0.9 * redisline.SECONDS, "the loop stood still as long as Redis may take to answer"
        assert len(one.line._rung) <= redisline.MOST_RUNG
        assert len(one.line._said) <= redisline.MOST_SAID
        await asyncio.sleep(2.5 * redisline.SECONDS)
    finally:
        doorbell.start() if fault == "kill" else doorbell.thaw()
    await until(lambda: other.joined > before)
    await until(lambda: one.joined > before)
    other.rung.clear()
    one.line.ring(_change("again", 0, 1))
    await until(lambda: "again" in [rung.conversation for rung in other.rung])
    said = [record.message for record in caplog.records if record.name == "frontdesk.line"]
    assert len([text for text in said if "gone" in text]) == 2, "each end says so once"


async def test_nonsense_on_the_line_hurts_nobody(ends: tuple[End, End], doorbell: RedisServer, tmp_path: Path) -> None:
    one, other = ends
    stranger = connect(doorbell.url)
    for body in (b"", b"[", b"[]", b"7", b'{"by":"x"}', b'{"by":"x","rung":[[1]],"said":[]}', b"\xff\xfe"):
        await stranger.publish(tmp_path.name, body)
    await stranger.aclose()
    one.line.ring(_change("c1", 0, 1))
    await until(lambda: other.rung)
    assert not other.task.done()
