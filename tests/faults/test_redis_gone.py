"""Redis is away for long under load: everybody is told in two seconds at most, and no ack waits for it."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median, quantiles

import pytest

from tests.faults.engines.counter import PERSON
from tests.faults.nursery import Nursery
from tests.support.databases import Postgres
from tests.support.hub import HubProcess
from tests.support.redis import RedisServer
from tests.support.scale import scaled
from tests.support.visitor import Socket, agent, visitor

AWAY = scaled(5, 40)
"""Seconds without Redis."""
BEFORE = scaled(2, 20)
"""Seconds with it, to compare."""
VISITORS = 6
PAUSE = 0.1
"""Seconds between two messages of a visitor."""
LATEST = 2.0
"""Seconds a message may take to whoever is connected to the other process: the sweep looks each second."""
BUSY = 1.5
"""Seconds a busy machine may add."""
BELL = 0.4
"""Seconds half of all deliveries take at most when the bell rings; without it, half a second and more."""
BACK = 1.0
"""Seconds after its return in which the bell must ring again."""
LISTEN = 2.5
"""Seconds in which it is listened for."""
SLOWEST = scaled(90, 99)
"""The percentile of acks that counts; in a short run the last ones are the machine's."""
HICCUP = 0.3
"""Seconds that may be the machine's as well: less than a sweep adds, or Redis's time-out of a second."""


class Ears:
    """A socket's messages, each with the moment it came."""

    def __init__(self, socket: Socket) -> None:
        self.at: dict[tuple[str, int], float] = {}
        self.order: list[tuple[str, int]] = []
        self._socket = socket

    async def run(self) -> None:
        """Listen until cancelled."""
        taken = 0
        while True:
            for name, data in self._socket.events[taken:]:
                if name == "message":
                    self.at.setdefault((data["conversation"], data["seq"]), time.monotonic())
                    self.order.append((data["conversation"], data["seq"]))
            taken = len(self._socket.events)
            await asyncio.sleep(0.005)

    def in_order(self, conversation: str) -> bool:
        """Whether a conversation's messages came once each, in the log's order."""
        seqs = [seq for where, seq in self.order if where == conversation]
        return seqs == sorted(set(seqs))


class Writer:
    """A visitor on one process, with an agent and a second tab on the other."""

    def __init__(self, tab: Socket, far: list[Ears]) -> None:
        self.conversation = ""
        self.sent: list[tuple[int, float]] = []
        self.acks: list[tuple[float, float]] = []
        self._tab = tab
        self._far = far

    async def begin(self) -> None:
        """Ask for a person, so that no bot answers."""
        self.conversation = (await self._tab.say(PERSON))["conversation"]

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            began = time.monotonic()
            ack = await self._tab.say(f"message {len(self.sent)}")
            assert ack["ok"]
            self.sent.append((ack["seq"], began))
            self.acks.append((began, time.monotonic() - began))
            await asyncio.sleep(PAUSE)

    def missing(self) -> int:
        """How often a message did not reach a far socket."""
        return sum((self.conversation, seq) not in ears.at for ears in self._far for seq, _ in self.sent)

    def delays(self, since: float, until: float) -> list[float]:
        """Seconds from sending to arriving far away, of what was sent in a stretch of time."""
        sent = [(seq, at) for seq, at in self.sent if since <= at < until]
        return [ears.at[self.conversation, seq] - at for ears in self._far for seq, at in sent]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as server:
        yield server


@pytest.mark.timeout(scaled(120, 300))
@pytest.mark.parametrize("fault", ["freeze", "kill"][: scaled(1, 2)])
async def test_away_under_load(
    nursery: Nursery, counter_model: Path, tmp_path: Path, postgres: Postgres, redis: RedisServer, fault: str
) -> None:
    """# INV-14, # INV-4: nothing lost or reordered, late by two seconds at most, and soon on time again."""
    hub = HubProcess(
        tmp_path / "var", postgres.create(), counter_model, nursery.launch, processes=2, redis_url=redis.url
    )
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(stack.enter_context, hub)
        desks = [Ears(await stack.enter_async_context(agent(door))) for door in hub.doors]
        writers: list[Writer] = []
        ears = list(desks)
        for number in range(VISITORS):
            here, there = hub.doors[number % 2], hub.doors[1 - number % 2]
            tab = await stack.enter_async_context(visitor(here))
            far = Ears(await stack.enter_async_context(visitor(there, tab.auth["token"])))
            ears.append(far)
            writers.append(Writer(tab, [far, desks[1 - number % 2]]))
            await writers[-1].begin()
        listening = [asyncio.create_task(one.run()) for one in ears]
        writing = [asyncio.create_task(writer.run()) for writer in writers]
        began = time.monotonic()
        await asyncio.sleep(BEFORE)
        gone = time.monotonic()
        getattr(redis, fault)()
        await asyncio.sleep(AWAY)
        await asyncio.to_thread(redis.start if fault == "kill" else redis.thaw)
        back = time.monotonic()
        await asyncio.sleep(BACK + LISTEN)
        for task in writing:
            task.cancel()
        await asyncio.gather(*writing, return_exceptions=True)
        await asyncio.sleep(LATEST)
        for task in listening:
            task.cancel()
    _judge(fault, writers, ears, (began, gone, back))


def _judge(fault: str, writers: list[Writer], ears: list[Ears], moments: tuple[float, float, float]) -> None:
    assert sum(writer.missing() for writer in writers) == 0
    assert all(one.in_order(writer.conversation) for writer in writers for one in ears)
    began, gone, back = moments
    before, during, after = (
        [delay for writer in writers for delay in writer.delays(since, until)]
        for since, until in ((began, gone), (gone, back), (back + BACK, back + BACK + LISTEN))
    )
    usual, acks = (
        quantiles([took for writer in writers for at, took in writer.acks if since <= at < until], n=100)[SLOWEST - 1]
        for since, until in ((began, gone), (gone, back))
    )
    sys.stdout.write(
        f"\n{fault} for {AWAY} s: {len(during)} deliveries, latest {max(during):.2f} s, median {median(before):.3f} s "
        f"before it and {median(after):.3f} s after it; {SLOWEST} of 100 acks in {acks:.3f} s, before {usual:.3f} s\n"
    )
    assert max(during) < LATEST + BUSY
    assert acks < 2 * usual + HICCUP, "acks waited for Redis"
    assert median(before) < BELL, "only the sweep tells"
    assert median(after) < median(before) + HICCUP, "only the sweep tells afterwards"
