"""A process that has the hub imported and forks one whenever it is told, so that a restart takes half a second.

``python launcher.py [MUTANT]``: adds the tests' bot engine, changes the hub as the mutant says, then reads lines of
JSON ``{"environ": {…}, "log": path}``, forks ``frontdesk serve`` for each and answers with its process id. When its
input ends it kills what it started and ends.
"""

import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Prepare once, then fork on demand."""
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    import bots

    bots.__path__.append(str(Path(__file__).parent / "engines"))
    import hub.serving  # noqa: F401 - imported for every fork to have
    from hub import cli
    from tests.faults.mutants import MUTANTS

    for name in sys.argv[1:]:
        MUTANTS[name]()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    _serve_orders(sys.stdin, cli.main)


def _serve_orders(orders: TextIO, serve: Any) -> None:
    born: list[int] = []
    for line in orders:
        order = json.loads(line)
        pid = os.fork()
        if not pid:
            _become(order["environ"], order["log"], serve)
        born.append(pid)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
    for pid in born[-1:]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _become(environ: dict[str, str], log: str, serve: Any) -> None:
    """Turn this fork into a hub with its own input, output and environment."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    out = os.open(log, os.O_WRONLY | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, null), (1, out), (2, out)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(environ)
    sys.argv = ["frontdesk", "serve"]
    code = 0
    try:
        serve()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
