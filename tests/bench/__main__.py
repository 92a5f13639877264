"""``python -m tests.bench``: measure the product beside its references and say what was reached."""

import argparse
import sys

from tests.bench import report
from tests.bench.cases import Bench
from tests.bench.database import Postgresql
from tests.bench.goals import GOALS
from tests.bench.load import prepare
from tests.bench.rounds import measure
from tests.bench.servers import WORK, install_node


def main() -> int:
    """Measure what was asked for; 1 if a figure is missing."""
    options = _options()
    prepare()
    WORK.mkdir(parents=True, exist_ok=True)
    chosen = [goal for goal in GOALS if not options.only or goal.group in options.only.split(",")]
    needed = {case for goal in chosen for case in goal.needs}
    missing = install_node() if any(case.startswith("room-") for case in needed) else None
    servers: list[Postgresql] = []

    def postgresql() -> Postgresql:
        if not servers:
            servers.append(Postgresql())
        return servers[0]

    bench = Bench(quick=options.quick, postgresql=postgresql)
    cases = [case for case in bench.cases() if case.name in needed and not (missing and case.name.startswith("room-"))]
    try:
        results = measure(cases, 1 if options.quick else 3, lambda line: print(line, file=sys.stderr, flush=True))
    finally:
        for server in servers:
            server.stop()
    if missing:
        results.void |= {name: missing for name in needed if name.startswith("room-")}
    print(report.table(chosen, results))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    groups = sorted({goal.group for goal in GOALS})
    parser.add_argument("--only", help=f"rows to measure, such as G1,G2 (of {', '.join(groups)})")
    parser.add_argument("--quick", action="store_true", help="one short repetition; for development, not for comparing")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
