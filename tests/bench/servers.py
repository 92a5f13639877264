"""The servers that are measured: two bare references and the product, each a fresh process on the server's core."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from argon2 import PasswordHasher

from models import users
from models.db import Database
from models.users import NewUser
from tests.bench.engines.constant import VERSION
from tests.bench.processes import cores, pin
from tests.support.hub import ROOT, HubProcess, Person, free_port
from widget.build import npm

WORK = ROOT / "var" / "bench"
"""Everything a run makes; on the disk the hub's data would be on."""
NODE = Path(__file__).parent / "node"
START_SECONDS = 30.0
UNLIMITED = {"visitor_rate": "100000", "connect_rate": "100000", "dev": "false"}
"""The product as shipped, except that one address may be a thousand visitors."""


@dataclass(frozen=True, slots=True)
class Running:
    """A server that listens; ``tokens`` let agents in."""

    port: int
    pid: int
    tokens: Sequence[str] = ()


@contextmanager
def echo() -> Iterator[Running]:
    """The bare python-socketio echo."""
    port = free_port()
    with _process([sys.executable, "-m", "tests.bench.echo", str(port)], port) as pid:
        yield Running(port, pid)


@contextmanager
def rooms(agents: int) -> Iterator[Running]:
    """The bare Socket.IO server on Node; :func:`install_node` comes first."""
    port = free_port()
    _, environ = npm()
    with _process(["node", str(WORK / "node" / "rooms.js"), str(port)], port, environ) as pid:
        yield Running(port, pid, ("",) * agents)


def install_node() -> str | None:
    """Fetch the Node reference's one package; None, or why there is no such reference."""
    try:
        command, environ = npm()
    except SystemExit as missing:
        return str(missing)
    folder = WORK / "node"
    shutil.copytree(NODE, folder, dirs_exist_ok=True)
    command += ["install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=300)
    return None if done.returncode == 0 else f"npm: {done.stderr.strip()[-300:]}"


@contextmanager
def _process(command: list[str], port: int, environ: Mapping[str, str] | None = None) -> Iterator[int]:
    with (WORK / "reference.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
    try:
        pin(process.pid, cores()[0])
        wait_listening(port, process)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until somebody accepts on *port*."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"{process.args!r} does not listen; see {WORK / 'reference.log'}")


def bench_serve(environ: Mapping[str, str], log: IO[bytes]) -> "subprocess.Popen[bytes]":
    """``frontdesk serve`` on the server's core, with the bot that takes no time."""
    command = [sys.executable, "-m", "tests.bench.product"]
    process = subprocess.Popen(command, cwd=ROOT, env={**environ, "PYTHONPATH": str(ROOT)}, stdout=log, stderr=log)
    pin(process.pid, cores()[0])
    return process


def product(folder: Path, database_url: str = "", **settings: str) -> HubProcess:
    """A hub that is not started yet, with the demo inbox and the bot that takes no time."""
    sample = folder / "sample"
    sample.mkdir()
    (sample / "ready").write_text(json.dumps({"engine": "constant", "path": "constant", "version": VERSION}))
    url = database_url or f"sqlite:///{folder}/hub.db"
    return HubProcess(folder / "var", url, sample, bench_serve, processes=1, **UNLIMITED, **settings)


@contextmanager
def chat(hub: HubProcess, agents: int) -> Iterator[Running]:
    """The hub with *agents* different people signed in."""
    staff = [
        Person(f"agent{number}@shop.example", "staple battery horse", f"A{number}", "agent") for number in range(agents)
    ]
    hire(hub.database_url, staff)
    with hub:
        yield Running(hub.port, hub.pid, [_sign_in(hub, person) for person in staff])


def hire(database_url: str, staff: Sequence[Person]) -> None:
    """Add people to a hub that does not run; their passwords are cheap to check."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    db = Database(database_url)
    try:
        for person in staff:
            db.write_now(users.add, NewUser(person.email, person.name, "agent", hasher.hash(person.password)))
    finally:
        db.close()


def _sign_in(hub: HubProcess, person: Person) -> str:
    with hub.client(person) as http:
        return str(http.get("/api/session").json()["socket"])
