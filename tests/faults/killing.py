"""Real visitors and an agent on a real hub that is killed again and again."""

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

import aiohttp
from sqlalchemy import Connection, select

from models import health
from models.db import Database
from models.tables import conversations, messages, outbox
from tests.faults.desk import Desk
from tests.faults.ledger import Ack, Heard, Ledger
from tests.faults.receiver import Receiver
from tests.faults.tab import Tab, Visitor
from tests.support.hub import HubProcess

START_SECONDS = 30.0
TORN = "ignore:Unclosed connection:ResourceWarning"
"""The warning that tests of :func:`run` let pass."""
EARLY = 0.2
"""Share of kills that meet the hub while it starts."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A run. ``seed`` decides who writes what and when the hub dies; the machine's own timing stays its own."""

    seed: int
    kills: int
    conversations: int = 6
    life: tuple[float, float] = (0.3, 1.5)
    pause: tuple[float, float] = (0.02, 0.15)
    drain: float = 40.0
    """Seconds that what was promised may take at the end."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a run left: the ledger, and how much of everything happened."""

    ledger: Ledger
    kills: int
    seconds: float
    resent: int
    dials: int
    pushed: int

    def __str__(self) -> str:
        acked = {ack.client_id for ack in self.ledger.acks}
        return (
            f"{self.kills} kills in {self.seconds:.0f} s: {len(acked)} messages acked in {len(self.ledger.acks)} acks, "
            f"{len(self.ledger.rows)} rows, {self.resent} sent again, {self.dials} connections, "
            f"{self.pushed} of {sum(map(len, self.ledger.heard.values()))} received by push"
        )


async def run(hub: HubProcess, plan: Plan) -> Run:
    """Kill *hub* under load as planned; return what everybody saw. The hub is stopped at the end."""
    began = time.monotonic()
    random = Random(plan.seed)
    await asyncio.to_thread(hub.start)
    with hub.client() as signed_in:
        token = signed_in.get("/api/session").json()["socket"]
        cookie = "; ".join(f"{name}={value}" for name, value in signed_in.cookies.items())
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        desk = Desk(hub.url, cookie, token, http, Random(plan.seed))
        tabs = _tabs(hub.url, http, plan)
        clients: list[Desk | Tab] = [desk, *tabs]
        async with _running([work for client in clients for work in (client.run(), client.keep_in_step())]):
            async with _running([tab.write(plan.pause) for tab in tabs]):
                await _kill(hub, plan, random)
            await _drain(hub, tabs, plan.drain)
            async with asyncio.timeout(START_SECONDS):
                await asyncio.gather(*(receiver.catch_up() for _, receiver in _receivers(tabs, desk)))
    await asyncio.to_thread(hub.stop)
    gc.collect()  # python-engineio forgets websockets that break in their handshake; they end here, under TORN
    return Run(
        ledger=_ledger(hub.database_url, tabs, desk),
        kills=plan.kills,
        seconds=time.monotonic() - began,
        resent=sum(tab.resent for tab in tabs),
        dials=sum(client.line.dials for client in clients),
        pushed=sum(receiver.pushed for _, receiver in _receivers(tabs, desk)),
    )


def _tabs(url: str, http: aiohttp.ClientSession, plan: Plan) -> list[Tab]:
    """Two tabs for each visitor; the first visitor asks for a person after a while."""
    tabs = []
    for number in range(plan.conversations):
        visitor = Visitor(f"v{number}")
        for tab in range(2):
            at = 25 if number == tab == 0 else -1
            tabs.append(Tab(visitor, url, http, Random(f"{plan.seed} {number} {tab}"), wants_person_at=at))
    return tabs


@asynccontextmanager
async def _running(works: Sequence[Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result


async def _kill(hub: HubProcess, plan: Plan, random: Random) -> None:
    await asyncio.sleep(0.5)
    for _ in range(plan.kills):
        if random.random() < EARLY:
            await asyncio.sleep(random.uniform(0.0, plan.life[0]))
        else:
            await _listening(hub.port)
            await asyncio.sleep(random.uniform(*plan.life))
        hub.kill()
        hub.spawn()
    await _listening(hub.port)


async def _listening(port: int) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            return


async def _drain(hub: HubProcess, tabs: Sequence[Tab], seconds: float) -> None:
    """Wait until everything is acked and every promise kept, or time is up: then the ledger tells."""
    deadline = time.monotonic() + seconds
    db = Database(hub.database_url)
    try:
        while time.monotonic() < deadline:
            if not sum(tab.waiting for tab in tabs) and not await db.read(_promises):
                break
            await asyncio.sleep(0.1)
    finally:
        await asyncio.to_thread(db.close)


def _promises(conn: Connection) -> list[dict[str, Any]]:
    return [dict(row) for row in conn.execute(select(outbox)).mappings()]


def _receivers(tabs: Sequence[Tab], desk: Desk) -> list[tuple[str, Receiver]]:
    mine = [(tab.name, tab.receiver) for tab in tabs if tab.receiver]
    return [*mine, *((desk.name, receiver) for receiver in desk.receivers.values())]


def _ledger(database_url: str, tabs: Sequence[Tab], desk: Desk) -> Ledger:
    db = Database(database_url)
    try:
        assert health.faults(db) == []
        rows = db.read_now(lambda conn: [dict(row) for row in conn.execute(select(messages)).mappings()])
        status = db.read_now(lambda conn: dict(conn.execute(select(conversations.c.id, conversations.c.status)).all()))
        promises = db.read_now(_promises)
    finally:
        db.close()
    heard: dict[tuple[str, str], list[Heard]] = {
        (name, receiver.conversation): receiver.heard for name, receiver in _receivers(tabs, desk)
    }
    acks: list[Ack] = [ack for tab in tabs for ack in tab.acks]
    refusals = [*desk.refusals, *(code for tab in tabs for code in tab.refusals)]
    return Ledger(rows, status, acks, heard, frozenset({desk.name}), promises, refusals)
