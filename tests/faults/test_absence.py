"""Who is gone without a word is noticed in time, and nobody waits for them.

Each case takes half a minute of waiting, so they wait together.
"""

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, select

from models.db import Database
from models.tables import conversations, presence
from tests.faults.clocks import wrong_clocks
from tests.faults.nursery import Nursery
from tests.faults.proxy import Proxy
from tests.faults.rawsocket import visiting
from tests.support.databases import Postgres
from tests.support.hub import ADMIN, AGENT, Door, HubProcess, Person
from tests.support.patience import until
from tests.support.raw import Raw
from tests.support.scale import FULL
from tests.support.visitor import Socket, agent, visitor

NOTICED = 25.0
"""Seconds until a silent socket must be known to be dead: a ping after 15, and 10 to answer it."""
TURN = 15.0
"""Seconds a turn belongs to the process that took it."""
MARGIN = 5.0
"""Seconds a busy machine may add."""
LEASE = 30_000
"""Milliseconds after an agent's last sign of life in which their chats stay theirs."""
LATE = 1_000
"""Milliseconds after its lease in which a chat must be given back, on a machine that is not busy."""


def sockets(hub: Door) -> int:
    """Sockets the hub thinks are open."""
    found = re.search(r"^frontdesk_sockets (\S+)", httpx.get(f"{hub.url}/metrics").text, re.MULTILINE)
    assert found
    return int(float(found[1]))


async def dead_lines(hub: Door) -> None:
    """Two visitors whose line went dead without a word, and one who is there and reads nothing."""
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(Proxy(hub.port))
        before = await asyncio.to_thread(sockets, hub)
        for _ in range(2):
            raw = await stack.enter_async_context(Raw(proxy.url))
            await raw.connect({"v": 1, "key": "demo"})
        await stack.enter_async_context(visiting(hub, tiny=True))
        assert await asyncio.to_thread(sockets, hub) == before + 3
        began = asyncio.get_running_loop().time()
        proxy.freeze()

        async def noticed() -> bool:
            return await asyncio.to_thread(sockets, hub) <= before

        await until(noticed, NOTICED + MARGIN, every=0.25)
        assert asyncio.get_running_loop().time() - began > 5.0, "they were dropped for something else"
        proxy.drop()


class Case:
    """An agent with a chat whose customer waits."""

    def __init__(self, hub: Door, person: Person, db: Database, line: Door | None = None) -> None:
        self.socket: Socket = agent(hub, person)
        self.socket.hub = line or hub
        self.conversation = ""
        self._hub = hub
        self._person = person
        self._db = db

    async def begin(self) -> None:
        """Sign in, take a chat over, and let its customer ask again."""
        await self.socket.connect()
        async with visitor(self._hub) as guest:
            self.conversation = (await guest.say("person"))["conversation"]
            await guest.wait("conversation", status="open")
            await asyncio.to_thread(self._claim)
            assert (await guest.say("are you there"))["ok"]

    def _claim(self) -> None:
        path = f"/api/conversations/{self.conversation}"
        with self._hub.client(self._person) as http:
            version = http.get(path).json()["conversation"]["version"]
            http.post(f"{path}/claim", json={"version": version}).raise_for_status()

    async def row(self) -> dict[str, Any]:
        """The chat's row, and when its agent was last heard of."""
        return await self._db.read(_row, self.conversation)

    async def given_back(self) -> bool:
        """Whether the chat waits in the queue again."""
        return (await self.row())["assignee_id"] is None


def _row(conn: Connection, conversation: str) -> dict[str, Any]:
    mine = conversations.c.id == conversation
    row = dict(conn.execute(select(conversations).where(mine)).mappings().one())
    last = select(presence.c.seen_at).where(presence.c.user_id == row["last_agent_id"])
    return {**row, "seen_at": conn.execute(last).scalar_one()}


async def gone_agent(gone: Case, here: Case, line: Proxy | None = None) -> None:
    """# INV-12: the chat of who is gone comes back at its lease, by the database's clock; the other's stays.

    Whose *line* is dead is gone when that is noticed; the others hang up.
    """
    kept = await gone.row()
    if line:
        line.freeze()
    else:
        await gone.socket.close()
    await until(gone.given_back, (NOTICED if line else 0.0) + LEASE / 1000 + 15.0, every=0.1)
    row = await gone.row()
    waited = row["changed_at"] - max(row["seen_at"], row["waiting_since"])
    assert LEASE <= waited <= LEASE + LATE + MARGIN * 1000, f"given back after {waited} ms"
    assert (row["waiting_since"], row["version"]) == (kept["waiting_since"], kept["version"] + 1)
    still = await here.row()
    assert still["assignee_id"] == still["last_agent_id"]
    await here.socket.close()


async def taken_over(door: Door, guest: Socket) -> None:
    """# INV-23: the turn of a dead process is answered by the other when its lease is over, not sooner."""
    began = asyncio.get_running_loop().time()
    async with visitor(door, guest.auth["token"]) as tab:
        await tab.wait_text("yes: slow", TURN + MARGIN)
    assert asyncio.get_running_loop().time() - began > TURN - MARGIN


@pytest.mark.timeout(180)
async def test_gone_without_a_word(nursery: Nursery, moody_model: Path, tmp_path: Path, postgres: Postgres) -> None:
    """# INV-12, # INV-17, # INV-23: on one process; on two with wrong clocks, one of them killed with its agents."""
    one = HubProcess(tmp_path / "one", f"sqlite:///{tmp_path}/test.db", moody_model, nursery.launch)
    two = HubProcess(tmp_path / "two", postgres.create(), moody_model, wrong_clocks(nursery), processes=2)
    async with AsyncExitStack() as stack:
        for hub in (one, two):
            await asyncio.to_thread(stack.enter_context, hub)
        dbs = [Database(hub.database_url) for hub in (one, two)]
        for db in dbs:
            stack.callback(db.close)
        line = await stack.enter_async_context(Proxy(one.port)) if FULL else None
        alone = Case(one, ADMIN, dbs[0], Door(line.port) if line else None), Case(one, AGENT, dbs[0])
        killed = Case(two.doors[0], ADMIN, dbs[1]), Case(two.doors[1], AGENT, dbs[1])
        for case in (*alone, *killed):
            await case.begin()
        guest = await visitor(two.doors[0]).connect()
        await guest.say("slow")
        await asyncio.to_thread(two.kill, 0)
        await asyncio.gather(
            dead_lines(two.doors[1]),
            taken_over(two.doors[1], guest),
            gone_agent(*alone, line),
            gone_agent(*killed),
        )
        await guest.close()
        if line:
            line.drop()
            await alone[0].socket.close()
