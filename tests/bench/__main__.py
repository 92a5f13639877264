"""``python -m tests.bench``: measure the product beside its references and say what was reached.

A whole run (neither ``--only`` nor ``--quick``) also brings ``docs/performance.md`` and its picture up to date.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from tests.bench import report
from tests.bench.cases import Bench
from tests.bench.database import Postgresql
from tests.bench.goals import GOALS, Goal
from tests.bench.load import allow_sockets
from tests.bench.rounds import Results, measure
from tests.bench.servers import WORK, install_node
from tests.bench.standing import Standing

ROOM = "room-"
"""How the cases of the reference on Node begin, which may be missing."""


def main() -> int:
    """Measure what was asked for; 1 if a figure is missing that could have been measured."""
    options = _options()
    allow_sockets()
    WORK.mkdir(parents=True, exist_ok=True)
    began = os.getloadavg()
    goals = [goal for goal in GOALS if not options.only or goal.group in options.only]
    results = _measure(goals, quick=options.quick)
    table = report.rows(goals, results)
    print(report.text(table))
    found = report.save(table, results, began)
    if not options.only and not options.quick:
        report.publish(table, results, found)
    return int(any(not case.startswith(ROOM) for case in results.void))


def _measure(goals: Sequence[Goal], *, quick: bool) -> Results:
    needed = {case for goal in goals for case in goal.needs}
    rooms = {case for case in needed if case.startswith(ROOM)}
    missing = install_node() if rooms else None
    servers: list[Postgresql] = []

    def postgresql() -> Postgresql:
        if not servers:
            servers.append(Postgresql())
        return servers[0]

    cases = [*Bench(quick=quick, postgresql=postgresql).cases(), *Standing(quick=quick).cases()]
    wanted = needed - rooms if missing else needed
    try:
        results = measure([case for case in cases if case.name in wanted], 1 if quick else 3, _say)
    finally:
        for server in servers:
            server.stop()
    if missing:
        results.void |= dict.fromkeys(rooms, missing)
    return results


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    groups = sorted({goal.group for goal in GOALS})

    def some(names: str) -> list[str]:
        chosen = names.split(",")
        if unknown := set(chosen) - set(groups):
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is none of {', '.join(groups)}")
        return chosen

    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", type=some, metavar="ROWS", help="rows to measure, such as G1,G2")
    parser.add_argument("--quick", action="store_true", help="one short repetition: for development, not for comparing")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
