"""What can never work is given up after five tries, visibly, and what stands behind it goes on."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, text, update

from models.db import Database
from models.tables import conversations, messages, outbox
from tests.faults.nursery import Nursery
from tests.support.hub import HubProcess
from tests.support.patience import until
from tests.support.texting import Answer, Line, Provider, new_phone
from tests.support.visitor import visitor

TRIES = 5
GOES_ON = 8.0
"""Seconds until what stands behind goes on: the second it is due, much for a busy machine, and far from a lease."""


@pytest.fixture
def hub(nursery: Nursery, moody_model: Path, tmp_path: Path) -> Iterator[HubProcess]:
    with HubProcess(tmp_path / "var", f"sqlite:///{tmp_path}/test.db", moody_model, nursery.launch) as running:
        yield running


@pytest.fixture
def db(hub: HubProcess) -> Iterator[Database]:
    database = Database(hub.database_url)
    yield database
    database.close()


def promises(conn: Connection, kind: str) -> list[dict[str, Any]]:
    """Promises of a kind, oldest first."""
    query = select(outbox).where(outbox.c.kind == kind).order_by(outbox.c.seq)
    return [dict(row) for row in conn.execute(query).mappings()]


def _hurry(conn: Connection, _arg: None) -> None:
    """Do not wait for the back-off."""
    conn.execute(update(outbox).where(outbox.c.state == "waiting").values(due_at=1))


async def buried(db: Database, kind: str) -> dict[str, Any]:
    """The first promise of a kind, as soon as it is a dead letter."""
    seen: set[int] = set()

    def dead() -> dict[str, Any] | None:
        db.write_now(_hurry, None)
        (first, *_) = db.read_now(promises, kind)
        seen.add(first["attempts"])
        return first if first["state"] == "dead" else None

    found: dict[str, Any] = await until(dead, 30)
    assert max(seen) == TRIES - 1, "the last try is not counted again"
    return found


async def test_turn_nobody_can_take(hub: HubProcess, db: Database) -> None:
    """# INV-19, # INV-13: its data is broken; its customer gets a person, and others their answers meanwhile."""
    async with visitor(hub) as guest, visitor(hub) as other:
        conversation = (await guest.say("busy"))["conversation"]
        await until(lambda: [row for row in db.read_now(promises, "turn") if row["state"] == "waiting"])
        broken = update(conversations).where(conversations.c.id == conversation).values(tracker=text("'[1]'"))
        db.write_now(lambda conn, _: conn.execute(broken), None)
        dying = asyncio.create_task(buried(db, "turn"))
        while not dying.done():
            began = time.monotonic()
            assert (await other.say(f"plain {began}"))["ok"]
            await other.wait_text(f"yes: plain {began}", GOES_ON)
            await asyncio.sleep(0.05)
        dead = await dying
        assert dead["error"] == "ValidationError"
        await guest.wait("conversation", id=conversation, status="open")
    with hub.client() as http:
        detail = http.get(f"/api/conversations/{conversation}").json()
    assert (detail["brief"]["reason"], detail["brief"]["asked"]) == ("bot_failed", "busy")
    assert hub.log().count("given up") == 1


async def test_answer_nobody_can_store(hub: HubProcess, db: Database) -> None:
    """# INV-19, # INV-13: that is a failed turn, told at once; the third brings a person."""
    async with visitor(hub) as guest:
        for number in range(3):
            assert (await guest.say(f"unstorable {number}"))["ok"]
            await guest.wait("message", GOES_ON + 2, sender="bot", seq=2 * number + 2)
        await guest.wait("conversation", status="open")
        assert db.read_now(promises, "turn") == []


async def test_delivery_that_never_succeeds(hub: HubProcess, db: Database) -> None:
    """# INV-19, # INV-9: shown as failed after five tries; the reply behind it goes out then, and not before."""
    phone, elsewhere = new_phone(), new_phone()
    with Provider() as provider, hub.client() as http:
        line = await asyncio.to_thread(Line, hub, provider, http, bot=False)
        provider.tell(phone, *[Answer(503, {"code": 20503, "message": "unavailable", "status": 503})] * TRIES)
        for number in (phone, elsewhere):
            await asyncio.to_thread(line.text, number, "hello")
            await asyncio.to_thread(line.act, number, "claim")
        await asyncio.to_thread(line.reply, phone, "first")
        await asyncio.to_thread(line.reply, phone, "second")
        dying = asyncio.create_task(buried(db, "deliver"))
        await asyncio.to_thread(line.reply, elsewhere, "to another")
        await asyncio.to_thread(provider.wait, elsewhere, "to another")
        assert provider.texts(phone) == ["first"] * len(provider.texts(phone))
        dead = await dying
        began = time.monotonic()
        await asyncio.to_thread(provider.wait, phone, "second")
        assert time.monotonic() - began < GOES_ON
        assert provider.texts(phone) == ["first"] * TRIES + ["second"]
        assert dead["error"] == "20503"
        assert await asyncio.to_thread(line.state, phone, "first") == ("failed", "given_up")
        await until(lambda: _state(db, "second") == "sent")


def _state(db: Database, said: str) -> str:
    return str(db.read_now(lambda conn: conn.execute(select(messages.c.state).where(messages.c.text == said)).scalar()))
