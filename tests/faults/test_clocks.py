"""Two processes whose clocks are two hours apart agree on order, leases, keys and who is there."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, select

from models.clock import now
from models.db import Database
from models.tables import messages, outbox
from tests.faults.clocks import HOUR, wrong_clocks
from tests.faults.engines.counter import PERSON
from tests.faults.nursery import Nursery
from tests.support.databases import Postgres
from tests.support.hub import Door, HubProcess
from tests.support.patience import until
from tests.support.texting import Answer, Line, Provider, new_phone
from tests.support.visitor import Socket, agent, visitor

LEASE = 15_000
"""Milliseconds a promise belongs to who took it."""
EACH = 30


@pytest.fixture
def pair(
    nursery: Nursery, moody_model: Path, tmp_path: Path, postgres: Postgres, redis_url: str
) -> Iterator[HubProcess]:
    url = postgres.create()
    launch = wrong_clocks(nursery)
    with HubProcess(tmp_path / "var", url, moody_model, launch, processes=2, redis_url=redis_url) as hub:
        yield hub


@pytest.fixture
def db(pair: HubProcess) -> Iterator[Database]:
    database = Database(pair.database_url)
    yield database
    database.close()


def _log(conn: Connection, conversation: str) -> list[dict[str, Any]]:
    query = select(messages).where(messages.c.conversation_id == conversation).order_by(messages.c.seq)
    return [dict(row) for row in conn.execute(query).mappings()]


def _leases(conn: Connection, kind: str) -> list[int]:
    """Milliseconds that leases of a kind still last, by the database's clock."""
    moment = now(conn)
    query = select(outbox.c.lease_until).where(outbox.c.kind == kind, outbox.c.state == "leased")
    return [until - moment for until in conn.execute(query).scalars()]


def _all_online(http: httpx.Client, door: Door) -> bool:
    return {one["availability"] for one in http.get(f"{door.url}/api/agents").json()} == {"online"}


async def test_clocks_are_apart(pair: HubProcess) -> None:
    """The other tests stand on it: what the processes log is two hours apart."""
    for door in pair.doors:
        async with visitor(door) as guest:
            await guest.say("crash")
            await guest.wait("message", sender="bot")
    stamps = [line.split('"at": "')[1][:19] for line in pair.log().splitlines() if "bot broken" in line]
    first, second = (datetime.fromisoformat(stamp) for stamp in stamps)
    assert abs((first - second).total_seconds() - 2 * HOUR) < 60


async def test_order_and_keys(pair: HubProcess, db: Database) -> None:
    """# INV-23: one conversation written through both: one order for everybody, and resends are known to both."""
    here, there = pair.doors
    async with visitor(here) as one, agent(here) as near, agent(there) as far:
        conversation = (await one.say(f"person {PERSON}"))["conversation"]
        async with visitor(there, one.auth["token"]) as other:
            tabs = (one, other)

            async def write(tab: Socket, name: str) -> None:
                for number in range(EACH):
                    assert (await tab.say(f"{name} {number}", f"{name}-{number}"))["ok"]

            await asyncio.gather(write(one, "ahead"), write(other, "behind"))
            log = db.read_now(_log, conversation)
            for tab, name in ((other, "ahead"), (one, "behind")):
                for number in range(EACH):
                    ack = await tab.say(f"{name} {number}", f"{name}-{number}")
                    assert ack["duplicate"]
                    assert [row["client_id"] for row in log if row["seq"] == ack["seq"]] == [f"{name}-{number}"]
            assert db.read_now(_log, conversation) == log
            assert [row["seq"] for row in log] == list(range(1, len(log) + 1))
            stamps = [row["created_at"] for row in log]
            assert stamps == sorted(stamps)
            assert stamps[-1] - stamps[0] < HOUR * 500
            for who in (*tabs, near, far):
                await who.wait("message", conversation=conversation, seq=len(log))
                seqs = [message["seq"] for message in who.heard("message", conversation=conversation)]
                assert seqs == sorted(set(seqs))
                assert set(seqs) >= {row["seq"] for row in log if row["client_id"]}


async def test_leases_and_presence(pair: HubProcess, db: Database) -> None:
    """# INV-23: nobody takes what another holds, timers ring when the database says so, whoever is there counts."""
    with Provider() as provider, pair.client() as http:
        line = await asyncio.to_thread(Line, pair, provider, http, bot=False)
        phones = [new_phone() for _ in range(4)]
        for phone in phones:
            provider.tell(phone, Answer(hold=2.5))
            await asyncio.to_thread(line.text, phone, "hello")
            await asyncio.to_thread(line.act, phone, "claim")
        for phone in phones:
            await asyncio.to_thread(line.reply, phone, "only once")
        held = await until(lambda: (leases := db.read_now(_leases, "deliver")) and len(leases) == 4 and leases)
        assert all(0 < left <= LEASE for left in held)
        async with agent(pair.doors[0]), agent(pair.doors[1], pair.agent):
            for door in pair.doors:
                await until(partial(_all_online, http, door))
            until_when = (datetime.now(UTC) + timedelta(seconds=4)).isoformat(timespec="milliseconds")
            thread = await asyncio.to_thread(line.thread, phones[0])
            path = f"/api/conversations/{thread['conversation']['id']}"
            snooze = {"version": thread["conversation"]["version"], "until": until_when}
            assert http.post(f"{path}/snooze", json=snooze).json()["status"] == "snoozed"
            began = time.monotonic()
            await until(lambda: http.get(path).json()["conversation"]["status"] == "open", 10)
            assert time.monotonic() - began > 1.0
        await until(lambda: not db.read_now(_leases, "deliver"))
        for phone in phones:
            assert provider.texts(phone) == ["only once"]
            assert await asyncio.to_thread(line.state, phone, "only once") == ("sent", None)
