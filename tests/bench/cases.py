"""The measurements under load: which server, which load, and what must be true for the figures to count."""

import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

from tests.bench.database import Postgresql
from tests.bench.load import Kind
from tests.bench.processes import cores, pin
from tests.bench.rounds import Case, Figures, VoidError
from tests.bench.servers import WORK, Running, chat, echo, product, rooms
from tests.support.hub import ROOT

CHATS, MANY = 100, 1_000
AGENTS = 5
OPEN_RATE = 300
"""Messages a second of the open loop."""
LOAD_SECONDS = 300.0
MESSAGES = "SELECT count(*) FROM messages WHERE kind = 'text'"


class Bench:
    """Makes the cases; *quick* shortens every one, for development."""

    def __init__(self, *, quick: bool, postgresql: Callable[[], Postgresql]) -> None:
        self._warm, self._record = (1.0, 2.0) if quick else (2.0, 5.0)
        self._open = 5.0 if quick else 20.0
        self._postgresql = postgresql

    def cases(self) -> list[Case]:
        """Every case under load, references first, in the order of a round."""
        chat = self._chat
        return [
            Case("echo-100", partial(self._echo, CHATS)),
            Case("chat-100", partial(chat, CHATS), beside="echo-100"),
            Case("chat-100-1", partial(chat, CHATS, 1), beside="echo-100"),
            Case("room-1", partial(self._room, 1)),
            Case("room-5", partial(self._room, 5)),
            Case("room-20", partial(self._room, 20)),
            Case("chat-100-20", partial(chat, CHATS, 20), beside="echo-100"),
            Case("chat-100-normal", partial(chat, CHATS, synchronous="NORMAL"), beside="echo-100"),
            Case("chat-100-postgresql", partial(chat, CHATS, postgresql=True), beside="echo-100"),
            Case("echo-1000", partial(self._echo, MANY)),
            Case("chat-1000", partial(chat, MANY), beside="echo-1000"),
            Case("chat-1000-normal", partial(chat, MANY, synchronous="NORMAL"), beside="echo-1000"),
            Case("echo-open", partial(self._echo, CHATS, rate=OPEN_RATE), "ack_p50"),
            Case("chat-open", partial(chat, CHATS, rate=OPEN_RATE), "delivery_p50", beside="echo-open"),
        ]

    def _echo(self, visitors: int, rate: float = 0.0) -> Figures:
        with echo() as server:
            return self._load(server, "echo", visitors, rate)

    def _room(self, agents: int) -> Figures:
        with rooms(agents) as server:
            return self._load(server, "room", CHATS)

    def _chat(
        self, visitors: int, agents: int = AGENTS, *, rate: float = 0.0, postgresql: bool = False, **settings: str
    ) -> Figures:
        with tempfile.TemporaryDirectory(dir=WORK) as name:
            database = self._postgresql() if postgresql else None
            hub = product(Path(name), database.create() if database else "", **settings)
            with chat(hub, agents) as server:
                figures = self._load(server, "chat", visitors, rate, database.postmaster if database else 0)
            stored = rows(hub.database_url)
        if stored != 2 * figures["acked"]:
            raise VoidError(f"{figures['acked']:.0f} acks, but {stored} messages are stored")
        return figures

    def _load(self, server: Running, kind: Kind, visitors: int, rate: float = 0.0, aside: int = 0) -> Figures:
        plan = {"port": server.port, "kind": kind, "visitors": visitors, "tokens": list(server.tokens), "rate": rate}
        plan |= {"pid": server.pid, "aside": aside}
        plan |= {"warm": self._warm, "record": self._open if rate else self._record}
        measured = generate("tests.bench.load", plan)
        check(measured, kind, len(server.tokens))
        latency = {
            f"{name}_{share}": value
            for name, shares in measured["latency"].items()
            for share, value in shares.items()
            if rate and share in ("p50", "p99")
        }
        kept = ("us", "per_second", "server", "load", "aside_us", "late_ms")
        frames = measured["counts"]["agent_frames"] / max(measured["counts"]["delivered"], 1)
        return {name: measured[name] for name in kept} | latency | {
            "acked": measured["counts"]["acked"], "agent_frames": frames
        }  # fmt: skip


def generate(module: str, plan: dict[str, Any], core: int | None = None) -> dict[str, Any]:
    """Run a module in a process and on a core of its own, the load's if none is named; return what it printed last."""
    command = [sys.executable, "-m", module, json.dumps(plan)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        pin(process.pid, cores()[1] if core is None else core)
        try:
            out, error = process.communicate(timeout=LOAD_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise VoidError("the load did not end") from None
    if process.returncode:
        raise VoidError(error.strip().splitlines()[-1] if error.strip() else f"exit code {process.returncode}")
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    return found


def check(measured: dict[str, Any], kind: Kind, agents: int) -> None:
    """Correct or void: raise unless every message was acked, answered and delivered to every agent, once."""
    counts = measured["counts"]
    sent = counts["sent"]
    wanted = {"acked": sent, "refused": 0, "lost": 0, "done": sent, "delivered": sent * agents}
    if kind == "chat":
        wanted |= {"answered": sent, "own": sent, "delivered_answers": sent * agents}
    wrong = [f"{name} {counts[name]} instead of {value}" for name, value in wanted.items() if counts[name] != value]
    if measured["undone"] or wrong or not sent:
        raise VoidError(f"sent {sent}, " + ", ".join(wrong) + f" {measured['first_refusal']}")


def rows(database_url: str) -> int:
    """Messages a stopped hub has stored."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(url.database))) as conn:
            return int(conn.execute(MESSAGES).fetchone()[0])
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as pg:
        found = pg.execute(MESSAGES).fetchone()
    assert found is not None
    return int(found[0])
