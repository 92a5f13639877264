"""The hub is killed under load again and again; what it had said stays true. FRONTDESK_TEST_KILLS sets how often."""

import os
import secrets
import sys
from pathlib import Path

import pytest

from tests.faults.killing import TORN, Plan, run
from tests.faults.ledger import audit
from tests.faults.nursery import Nursery
from tests.support.databases import Postgres
from tests.support.hub import HubProcess

KILLS = int(os.environ.get("FRONTDESK_TEST_KILLS", "20"))
SEED = int(os.environ.get("FRONTDESK_TEST_SEED", "0")) or secrets.randbelow(1 << 30)
EACH = 12.0
"""Seconds a kill may cost on a busy machine."""

pytestmark = [pytest.mark.faults, pytest.mark.filterwarnings(TORN)]


async def _survives(hub: HubProcess, kills: int) -> None:
    try:
        done = await run(hub, Plan(SEED, kills))
    finally:
        hub.stop()
    sys.stdout.write(f"\nseed {SEED}, {hub.database_url.partition(':')[0]}: {done}\n")
    again = f"again: FRONTDESK_TEST_SEED={SEED} FRONTDESK_TEST_KILLS={KILLS}\n{done}\n{hub.log()[-3000:]}"
    found = audit(done.ledger)
    assert not found, "\n".join([*map(str, found[:20]), again])
    assert len(done.ledger.acks) > 20 * kills, f"hardly any load; {again}"
    assert done.resent, f"no kill met a message on its way; {again}"
    assert done.pushed > sum(map(len, done.ledger.heard.values())) / 3, f"hardly anything was pushed; {again}"


@pytest.mark.timeout(60 + EACH * KILLS)
async def test_sqlite(nursery: Nursery, counter_model: Path, tmp_path: Path) -> None:
    """# INV-1, # INV-2, # INV-3, # INV-4, # INV-5, # INV-13 on the default database."""
    hub = HubProcess(tmp_path / "var", f"sqlite:///{tmp_path}/test.db", counter_model, nursery.launch)
    await _survives(hub, KILLS)


@pytest.mark.timeout(90 + EACH * KILLS)
async def test_postgresql(nursery: Nursery, counter_model: Path, tmp_path: Path, postgres: Postgres) -> None:
    """The same on PostgreSQL, where a dead process's leases must run out first."""
    hub = HubProcess(tmp_path / "var", postgres.create(), counter_model, nursery.launch)
    await _survives(hub, max(1, KILLS * 3 // 10))
