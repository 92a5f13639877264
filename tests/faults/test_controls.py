"""Negative controls: a hub with a fault is caught by the harness that finds none in the sound one."""

import sys
from pathlib import Path

import pytest

from tests.faults.killing import TORN, Plan, run
from tests.faults.ledger import audit, tally
from tests.faults.nursery import Nursery
from tests.support.hub import HubProcess

SEEDS = (11, 12, 13, 14, 15)
"""Runs a mutant may survive by luck; each alone catches it nearly always."""
CAUGHT_AS = {
    "ack_before_commit": "lost",
    "no_idempotency_key": "doubled",
    "no_resume": "heard",
    "forgotten_turns": "unanswered",
}


@pytest.mark.faults
@pytest.mark.filterwarnings(TORN)
@pytest.mark.timeout(240)
@pytest.mark.parametrize("mutant", CAUGHT_AS)
async def test_mutant_is_caught(mutant: str, counter_model: Path, tmp_path: Path) -> None:
    """# INV-1, # INV-2, # INV-4, # INV-13: each with the fault it forbids."""
    seen = []
    with Nursery(mutant) as nursery:
        for seed in SEEDS:
            var = tmp_path / str(seed)
            hub = HubProcess(var, f"sqlite:///{tmp_path}/{seed}.db", counter_model, nursery.launch)
            try:
                done = await run(hub, Plan(seed, kills=3, conversations=4, life=(0.4, 0.9), drain=6.0))
            finally:
                hub.stop()
            found = tally(audit(done.ledger))
            sys.stdout.write(f"\n{mutant}, seed {seed}: {dict(found)}; {done}\n")
            if found[CAUGHT_AS[mutant]]:  # type: ignore[index]  # one of the ledger's faults
                return
            seen.append(found)
    pytest.fail(f"{mutant} was not caught in {len(SEEDS)} runs: {seen}")
