"""Negative controls: a hub with a fault is caught by the harness that finds none in the sound one."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.faults.crowd import Size
from tests.faults.findings import Fault
from tests.faults.house import House
from tests.faults.killing import TORN, Plan, run
from tests.faults.ledger import audit, tally
from tests.faults.nursery import Nursery
from tests.faults.storm import Blow
from tests.support.databases import Postgres
from tests.support.hub import HubProcess, free_port

SEEDS = (11, 12, 13, 14, 15)
"""Runs a mutant may survive by luck; each alone catches it nearly always."""
KILL = (Blow("hub kill", 1.2),)
"""A kill in the midst of talk."""
TABS = Size(visitors=4, phones=0)
CROWD = Size(visitors=8, phones=0)
PHONES = Size(visitors=1, phones=4, phone=(0.2, 0.5), mood=3.0)


class Control(NamedTuple):
    """How a mutant is provoked, and as what it is caught."""

    caught_as: Fault
    size: Size
    kills: int
    drain: float = 2.0
    settle: float = 0.0
    """How long a sound hub may take to make the fault go away, see :class:`Plan`: most faults never do."""


CONTROLS = {
    "ack_before_commit": Control("lost", CROWD, 2),
    "no_idempotency_key": Control("doubled", TABS, 1),
    "no_resume": Control("heard", CROWD, 2, drain=30.0, settle=5.0),
    "forgotten_turns": Control("unanswered", CROWD, 3, drain=30.0),
    "no_reconciliation": Control("sent twice", PHONES, 2),
    "blind_repeat": Control("sent blindly", PHONES, 0),
    "no_head_of_line": Control("sent reordered", PHONES, 0),
    "no_fencing": Control("fence", replace(TABS, clerk=(0.02, 0.1)), 0),
    "out_of_order": Control("stray", TABS, 0),
}

TOGETHER = {
    "no_gap_filling": Control("stray", TABS, 0),
    "no_sweep": Control("heard", TABS, 0, drain=30.0, settle=5.0),
}
"""Mutants that only several processes show; the last one with a bell that rings nowhere."""

pytestmark = [pytest.mark.faults, pytest.mark.filterwarnings(TORN), pytest.mark.timeout(240)]


async def _caught(mutant: str, control: Control, make: Callable[[int], HubProcess]) -> None:
    seen = []
    for seed in SEEDS:
        hub = make(seed)
        plan = Plan(seed, KILL * control.kills, control.size, 1.0, control.drain, control.settle)
        try:
            done = await run(House(hub), plan)
        finally:
            hub.stop()
        found = tally(audit(done.ledger))
        sys.stdout.write(f"\n{mutant}, seed {seed}, {done.seconds:.0f} s: {dict(found)}\n")
        if found[control.caught_as]:
            return
        seen.append(found)
    pytest.fail(f"{mutant} was not caught in {len(SEEDS)} runs: {seen}")


@pytest.mark.parametrize("mutant", CONTROLS)
async def test_mutant_is_caught(mutant: str, nursery: Nursery, counter_model: Path, tmp_path: Path) -> None:
    """# INV-1, # INV-2, # INV-4, # INV-8, # INV-9, # INV-11, # INV-13: each with the fault it forbids."""

    def make(seed: int) -> HubProcess:
        url = f"sqlite:///{tmp_path}/{seed}.db"
        return HubProcess(tmp_path / str(seed), url, counter_model, nursery.with_faults(mutant))

    await _caught(mutant, CONTROLS[mutant], make)


@pytest.mark.parametrize("mutant", TOGETHER)
async def test_mutant_of_two_processes_is_caught(
    mutant: str, nursery: Nursery, counter_model: Path, tmp_path: Path, postgres: Postgres, redis_url: str
) -> None:
    """# INV-4, # INV-14."""
    bell = redis_url if mutant != "no_sweep" else f"redis://127.0.0.1:{free_port()}/0"

    def make(seed: int) -> HubProcess:
        launch = nursery.with_faults(mutant)
        return HubProcess(tmp_path / str(seed), postgres.create(), counter_model, launch, processes=2, redis_url=bell)

    await _caught(mutant, TOGETHER[mutant], make)
