"""Processes are replaced one after the other while everybody talks, and nobody notices (INV-24)."""

import asyncio
import copy
import gc
import time
from pathlib import Path

import aiohttp
import pytest

from models.db import Database
from tests.faults.crowd import Crowd, Size
from tests.faults.evidence import heads, promises, take_down
from tests.faults.killing import TORN
from tests.faults.ledger import audit
from tests.faults.nursery import Nursery
from tests.support.databases import Postgres
from tests.support.hub import Door, HubProcess

pytestmark = [pytest.mark.faults, pytest.mark.filterwarnings(TORN), pytest.mark.timeout(240)]
ENDS = 14.0
"""Seconds a process may take to end, so that no supervisor loses patience."""


async def _replace_each(hub: HubProcess) -> list[float]:
    """Stop and start each process in turn; how long each took to end."""
    took = []
    for number in range(len(hub.doors)):
        began = time.monotonic()
        await asyncio.to_thread(hub.stop, number)
        took.append(time.monotonic() - began)
        await asyncio.sleep(1.0)
        await asyncio.to_thread(hub.start, number)
        await asyncio.sleep(1.0)
    return took


async def _settled(hub: HubProcess, crowd: Crowd) -> None:
    """Everything is acked, every promise kept, and everybody has what is stored."""
    db = Database(hub.database_url)

    async def over() -> bool:
        left = await db.read(promises)
        if left or crowd.waiting or not crowd.connected:
            return False
        stored = await db.read(heads)
        return all(one.last == stored[one.conversation][not one.all_seqs] for _, one in crowd.receivers())

    try:
        deadline = time.monotonic() + 60
        while not await over():
            assert time.monotonic() < deadline, "something is left to do"
            await asyncio.sleep(0.1)
    finally:
        await asyncio.to_thread(db.close)


async def test_a_rolling_restart_is_not_noticed(
    nursery: Nursery, counter_model: Path, postgres: Postgres, redis_url: str, tmp_path: Path
) -> None:
    """# INV-24: nothing lost, nobody told to wait, no request of an agent that failed; the proxy sees two processes."""
    hub = HubProcess(
        tmp_path / "var", postgres.create(), counter_model, nursery.launch, processes=2, redis_url=redis_url
    )
    with hub:
        front = copy.copy(hub)
        front.doors = [Door(hub.port)]
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            crowd = await asyncio.to_thread(Crowd, front, Size(phones=0), 7, http)
            async with crowd.here():
                async with crowd.talking():
                    await asyncio.sleep(2.0)
                    took = await _replace_each(hub)
                await _settled(hub, crowd)
        gc.collect()  # python-engineio forgets websockets that break in their handshake; they end here, under TORN
        found = audit(take_down(hub.database_url, crowd, []))
    assert not found, "\n".join(map(str, found[:20]))
    assert max(took) < ENDS
    assert not any(tab.put_off or tab.refusals for tab in crowd.tabs), "a visitor was told to wait"
    assert not any(clerk.resent for clerk in crowd.clerks), "an agent's request failed"
    counts = crowd.counts()
    assert counts["connections"] > 2 * len(crowd.tabs), "nobody was sent away"
    assert counts["acked"] > 100
