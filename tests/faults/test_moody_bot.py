"""A bot that crashes, hangs, is late or says nonsense: every turn ends in an answer or with a person."""

import asyncio
import os
import signal
from collections import Counter, defaultdict
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, select, update

from models.db import Database
from models.tables import conversations, messages, outbox
from tests.faults.nursery import Nursery
from tests.support.databases import Postgres
from tests.support.hub import Door, HubProcess
from tests.support.patience import until
from tests.support.scale import scaled
from tests.support.visitor import visitor

VISITORS = scaled(8, 150)
EACH = 4
"""Messages of a visitor."""
MOODS = ("plain", "plain", "crash", "down", "hang", "busy", "slow", "unstorable", "lost", "menu")


def _turns(conn: Connection) -> list[Any]:
    return list(conn.execute(select(outbox.c.id).where(outbox.c.kind == "turn")))


def _talks(conn: Connection) -> dict[str, tuple[str, list[dict[str, Any]]]]:
    """Status and messages of every conversation."""
    status = dict(conn.execute(select(conversations.c.id, conversations.c.status)).all())
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in conn.execute(select(messages).order_by(messages.c.seq)).mappings():
        rows[row["conversation_id"]].append(dict(row))
    return {conversation: (status[conversation], found) for conversation, found in rows.items()}


def endings(status: str, rows: list[dict[str, Any]]) -> Counter[str]:
    """How the turns of a conversation ended: answered, with a person, doubled, or not at all."""
    parts: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        if row["sender"] == "bot":
            parts[row["in_reply_to"]].append(row["part"])
    ends: Counter[str] = Counter()
    for row in rows:
        if row["sender"] == "contact":
            mine = parts.pop(row["seq"], [])
            ends["doubled"] += mine != list(range(len(mine)))
            ends["answered" if mine else "person" if status == "open" else "nobody"] += 1
    ends["doubled"] += len(parts)
    return ends


async def _talk(door: Door, number: int) -> None:
    """A visitor's chat; the first one's bot fails each time."""
    random = Random(f"mood {number}")
    moods = MOODS if number else ("crash",)
    async with visitor(door) as guest:
        for _ in range(EACH):
            assert (await guest.say(f"{random.choice(moods)} {number}"))["ok"]
            await asyncio.sleep(random.uniform(0, 0.4))


@pytest.mark.timeout(scaled(120, 1_200))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_every_turn_ends(
    nursery: Nursery, moody_model: Path, tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    """# INV-13: all of them, each once, whatever the bot does; who got no answer has a person."""
    server: Postgres | None = request.getfixturevalue("postgres") if kind == "postgresql" else None
    url = server.create() if server else f"sqlite:///{tmp_path}/test.db"
    db = Database(url, synchronous="NORMAL")
    hub = HubProcess(tmp_path / "var", url, moody_model, nursery.launch, processes=2 if server else 1)
    try:
        with hub:
            await asyncio.gather(*(_talk(hub.doors[n % len(hub.doors)], n) for n in range(VISITORS)))

            async def all_taken() -> bool:
                return not await db.read(_turns)

            await until(all_taken, scaled(60, 900))
        talks = db.read_now(_talks)
    finally:
        await asyncio.to_thread(db.close)
    ends = sum((endings(status, rows) for status, rows in talks.values()), Counter[str]())
    assert (ends["nobody"], ends["doubled"]) == (0, 0), ends
    assert ends["answered"] + ends["person"] == VISITORS * EACH
    assert min(ends["answered"], ends["person"]) > 0, "all of one kind"


def _take_away(conn: Connection, _arg: None) -> None:
    """Let the leases of turns run out now."""
    conn.execute(update(outbox).where(outbox.c.kind == "turn").values(lease_until=1))


async def test_late_answer_of_a_process_that_slept(
    nursery: Nursery, moody_model: Path, tmp_path: Path, postgres: Postgres
) -> None:
    """# INV-13: its turn was taken over and answered; when it wakes up and answers too, that is dropped."""
    hub = HubProcess(tmp_path / "var", postgres.create(), moody_model, nursery.launch, processes=2)
    db = Database(hub.database_url)
    try:
        with hub:
            async with visitor(hub.doors[0]) as guest:
                conversation = (await guest.say("slow one"))["conversation"]
                os.kill(hub.pid_of(0), signal.SIGSTOP)
                try:
                    db.write_now(_take_away, None)
                    await until(lambda: len(db.read_now(_talks)[conversation][1]) > 1, 15)
                finally:
                    os.kill(hub.pid_of(0), signal.SIGCONT)
                assert (await guest.say("plain two"))["ok"]
                await until(lambda: not db.read_now(_turns), 15)
                await guest.wait_text("yes: plain two")
            status, rows = db.read_now(_talks)[conversation]
    finally:
        await asyncio.to_thread(db.close)
    assert [row["text"] for row in rows if row["sender"] == "bot"] == ["yes: slow one", "yes: plain two"]
    assert endings(status, rows) == Counter(answered=2)
