"""The hub is killed under load again and again; what it had said stays true. FRONTDESK_TEST_KILLS sets how often."""

import os
import secrets
import sys
from pathlib import Path

import pytest

from tests.faults.house import House
from tests.faults.killing import TORN, Plan, run
from tests.faults.ledger import audit
from tests.faults.nursery import Nursery
from tests.faults.servers import OwnPostgres
from tests.faults.storm import storm
from tests.faults.table import table
from tests.support.hub import HubProcess
from tests.support.redis import RedisServer
from tests.support.scale import scaled

KILLS = int(os.environ.get("FRONTDESK_TEST_KILLS", "0")) or scaled(20, 200)
SEED = int(os.environ.get("FRONTDESK_TEST_SEED", "0")) or secrets.randbelow(1 << 30)
EACH = 12.0
"""Seconds a kill may cost on a busy machine."""

pytestmark = [pytest.mark.faults, pytest.mark.filterwarnings(TORN), pytest.mark.timeout(120 + EACH * KILLS)]


async def _survives(house: House, form: str, *, servers: bool) -> None:
    again = f"again: FRONTDESK_TEST_SEED={SEED} FRONTDESK_TEST_KILLS={KILLS}"
    sys.stdout.write(f"\n{form}, {again}\n")
    blows = tuple(storm(SEED, KILLS, len(house.hub.doors), servers=servers))
    try:
        done = await run(house, Plan(SEED, blows))
    finally:
        house.hub.stop()
    found = audit(done.ledger)
    told = table(form, done, found)
    sys.stdout.write(told)
    about = f"{again}\n{told}\n{house.hub.log()[-3000:]}"
    assert not found, "\n".join([*map(str, found[:20]), about])
    counts = done.counts
    assert counts["acked"] > scaled(20, 50) * KILLS, f"too little load; {about}"
    assert counts["resent"], f"no kill met a message on its way; {about}"
    assert counts["pushed"] > counts["received"] / 3, f"hardly anything was pushed; {about}"
    assert counts["refused"], f"nobody tried an old fencing number; {about}"


async def test_one_process(nursery: Nursery, counter_model: Path, tmp_path: Path) -> None:
    """# INV-1, # INV-2, # INV-3, # INV-4, # INV-5, # INV-7, # INV-8, # INV-9, # INV-11, # INV-13 on SQLite."""
    hub = HubProcess(tmp_path / "var", f"sqlite:///{tmp_path}/test.db", counter_model, nursery.launch)
    await _survives(House(hub), "SQLite, one process", servers=False)


async def test_two_processes(nursery: Nursery, counter_model: Path, tmp_path: Path) -> None:
    """The same, and # INV-14, on PostgreSQL and Redis, which break too; leases of the dead must run out first."""
    with OwnPostgres(tmp_path / "pg") as postgres, RedisServer(tmp_path / "redis") as redis:
        hub = HubProcess(
            tmp_path / "var", postgres.url(), counter_model, nursery.launch, processes=2, redis_url=redis.url
        )
        await _survives(House(hub, postgres, redis), "PostgreSQL and Redis, two processes", servers=True)
