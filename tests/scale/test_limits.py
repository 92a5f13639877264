"""Several processes let in no more than one would, as long as Redis adds up; without it each still limits."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hub.limits import EVERY, Limit, Tally
from hub.redisline import RedisLine, connect
from tests.support.databases import Postgres
from tests.support.hub import Door, HubProcess
from tests.support.raw import Raw
from tests.support.redis import RedisServer


class Process:
    """A limit and its tally, as two processes have one each."""

    def __init__(self, url: str, channel: str, name: str) -> None:
        self.redis = connect(url)
        self.limit = Limit(10, 600.0)
        self.tally = Tally(RedisLine(self.redis, channel, name).add, "s" * 32, {"send": self.limit})

    def take(self, number: int, key: str = "k") -> list[bool]:
        return [self.limit.wait(key) == 0.0 for _ in range(number)]


@pytest.fixture
async def both(doorbell: RedisServer, tmp_path: Path) -> AsyncIterator[list[Process]]:
    made = [Process(doorbell.url, tmp_path.name, name) for name in "ab"]
    for one in made:
        assert await one.tally.once()
    yield made
    for one in made:
        await one.redis.aclose()


async def test_processes_share_a_bucket(both: list[Process]) -> None:
    # S-23
    one, other = both
    assert all(one.take(9))
    assert await one.tally.once()
    assert other.take(1, "another") == [True]
    assert other.take(1) == [True]
    assert await other.tally.once()
    assert other.take(2) == [False, False]
    assert 0 < other.limit.wait("k") <= 60.0, "as long as one process would say"
    assert other.take(1, "another") == [True]


async def test_a_frozen_redis_leaves_each_its_own_limit(both: list[Process], doorbell: RedisServer) -> None:
    """# INV-14: never none at all."""
    one, other = both
    doorbell.freeze()
    try:
        assert [sum(process.take(20)) for process in both] == [10, 10]
        assert not await one.tally.once()
        assert not await other.tally.once()
    finally:
        doorbell.thaw()
    assert sum(one.take(5)) == 0
    assert await one.tally.once()


async def test_keys_are_not_readable_in_redis(both: list[Process]) -> None:
    """Addresses of visitors are nobody's business there."""
    both[0].take(1, "203.0.113.9")
    assert await both[0].tally.once()
    kept = [name async for name in both[0].redis.scan_iter()]
    assert kept
    assert b"203.0.113.9" not in b"".join(kept)


@pytest.fixture(scope="module")
def slow(
    postgres: Postgres, doorbell: RedisServer, tmp_path_factory: pytest.TempPathFactory, sample_model: Path
) -> Iterator[HubProcess]:
    """Two processes with little patience."""
    folder = tmp_path_factory.mktemp("slow")
    url = postgres.create()
    with HubProcess(folder / "var", url, sample_model, processes=2, redis_url=doorbell.url, connect_rate="6") as hub:
        yield hub


async def _let_in(door: Door) -> bool:
    async with Raw(door.url) as raw:
        return "sid" in await raw.connect({"v": 1, "key": "demo"})


async def test_connects_count_together(slow: HubProcess) -> None:
    # S-23
    here, there = slow.doors
    assert [await _let_in(here) for _ in range(6)] == [True] * 6
    let_in = 0
    for _ in range(20):
        if not await _let_in(there):
            break
        let_in += 1
        await asyncio.sleep(2 * EVERY)
    assert let_in < 6, "the other process counts alone"
