"""A process that has the hub imported and forks one whenever it is told, so that a restart takes half a second.

``python launcher.py``: adds the tests' bot engine, then reads lines of JSON ``{"environ": {…}, "log": path, "mutants":
[…]}``, forks ``frontdesk serve`` for each, changed as its mutants say, and answers with its process id. When its input
ends it kills those that still live and ends.
"""

import gc
import importlib
import json
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parents[2]
LATE = (
    "httpcore", "httptools", "pydantic.v1", "psycopg", "redis.asyncio", "sqlalchemy.dialects.postgresql.psycopg",
    "uvicorn.lifespan.on", "uvicorn.loops.uvloop", "uvicorn.protocols.http.httptools_impl",
    "twilio.rest.api.v2010.account.message", "uvicorn.protocols.websockets.websockets_sansio_impl", "uvloop",
    "websockets.server",
)  # fmt: skip
"""What a hub would import while it starts."""


def main() -> None:
    """Prepare once, then fork on demand."""
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    import bots

    bots.__path__.append(str(Path(__file__).parent / "engines"))
    import hub.serving  # noqa: F401 - imported for every fork to have
    from hub import cli

    for name in LATE:
        importlib.import_module(name)
    gc.freeze()
    _serve_orders(sys.stdin, cli.main)


def _serve_orders(orders: TextIO, serve: Any) -> None:
    """One line in, one out, so that nothing waits in a buffer while we listen for the end of children as well."""
    living: set[int] = set()
    ended, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([orders.fileno(), ended], [], [])
        if ended in ready:
            os.read(ended, 4_096)
            _reap(living)
            continue
        line = orders.readline()
        if not line:
            break
        pid = os.fork()
        if not pid:
            signal.set_wakeup_fd(-1)
            _become(json.loads(line), serve)
        living.add(pid)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
    _reap(living)
    for pid in living:
        os.kill(pid, signal.SIGKILL)


def _reap(living: set[int]) -> None:
    """Forget who ended: until then nobody else can have that process id."""
    while living:
        pid, _ = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        living.discard(pid)


def _become(order: dict[str, Any], serve: Any) -> None:
    """Turn this fork into a hub with its own input, output, environment and faults."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    out = os.open(order["log"], os.O_WRONLY | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, null), (1, out), (2, out)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(order["environ"])
    sys.argv = ["frontdesk", "serve"]
    code = 0
    try:
        _change(order["mutants"])
        serve()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    os._exit(code)


def _change(mutants: list[str]) -> None:
    from tests.faults.mutants import MUTANTS

    for name in mutants:
        MUTANTS[name]()


if __name__ == "__main__":
    main()
