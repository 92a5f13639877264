"""No room on the disk: errors with a name, nothing corrupt, and all goes on when there is room again."""

import asyncio
import resource
import uuid
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Connection, select, text

from models.db import Database
from models.tables import conversations, messages, outbox
from tests.faults.nursery import Nursery
from tests.support.hub import HubProcess
from tests.support.patience import until
from tests.support.scale import scaled
from tests.support.visitor import Socket, visitor

WRITERS = 8
ROUNDS = scaled(1, 8)
"""How often the disk is full."""
ROOM = 120_000
"""Bytes that are left at first."""
FILE = 24 << 20
"""Bytes of a file that has no room: more than the database's own files ever have here."""
REFUSED = 50
"""Refusals until there is room again."""


def limit_files(hub: HubProcess, size: int) -> None:
    """Let no file of the hub grow beyond *size* bytes: writing more fails as it does on a full disk."""
    hard = resource.prlimit(hub.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(hub.pid, resource.RLIMIT_FSIZE, (size, hard))


class Writing:
    """What visitors wrote, and what they were told of it."""

    def __init__(self, guests: list[Socket]) -> None:
        self.acked: set[str] = set()
        self.refused: dict[str, Socket] = {}
        self._guests = guests
        self._number = 0

    async def all_say(self) -> None:
        """Everybody writes once."""
        self._number += 1
        await asyncio.gather(*(self.say(guest, f"{n}-{self._number}") for n, guest in enumerate(self._guests)))

    async def say(self, guest: Socket, key: str) -> None:
        """Write once, or once more."""
        ack = await guest.say(f"{key} {'x' * 500}", key)
        if ack["ok"]:
            self.acked.add(key)
            self.refused.pop(key, None)
        else:
            assert ack["error"]["code"] == "unavailable"
            assert ack["error"]["retry_after"] > 0
            self.refused[key] = guest


def _stored(conn: Connection) -> list[str]:
    return list(conn.execute(select(messages.c.client_id).where(messages.c.sender == "contact")).scalars())


def _unanswered(conn: Connection) -> list[int]:
    """Messages in chats of the bot that it has not answered."""
    answers = messages.alias()
    answered = select(answers.c.seq).where(
        answers.c.conversation_id == messages.c.conversation_id, answers.c.in_reply_to == messages.c.seq
    )
    mine = (messages.c.sender == "contact") & (conversations.c.status == "pending")
    query = select(messages.c.seq).join(conversations, conversations.c.id == messages.c.conversation_id)
    return list(conn.execute(query.where(mine, ~answered.exists())).scalars())


@pytest.mark.timeout(scaled(120, 1_800))
async def test_disk_full(nursery: Nursery, counter_model: Path, tmp_path: Path) -> None:
    """# INV-16: what was acked is there and nothing else is; the file is sound; the hub lives through it."""
    file = tmp_path / "test.db"
    log = tmp_path / "test.db-wal"
    url = f"sqlite:///{file}"
    hub = HubProcess(tmp_path / "var", url, counter_model, nursery.launch, upload_limit=str(FILE))
    db = Database(hub.database_url)
    try:
        with hub, hub.client() as http:
            pid = hub.pid
            guests = [await visitor(hub).connect() for _ in range(WRITERS)]
            writing = Writing(guests)
            for _ in range(ROUNDS):
                await writing.all_say()
                limit_files(hub, max(log.stat().st_size, file.stat().st_size) + ROOM)
                await until(lambda: _enough(writing), scaled(30, 240), every=0.0)
                await asyncio.to_thread(_as_agent, http, full=True)
                limit_files(hub, resource.RLIM_INFINITY)
                assert sorted(db.read_now(_stored)) == sorted(writing.acked)
                for key, guest in list(writing.refused.items()):
                    await writing.say(guest, key)
                assert writing.refused == {}
                await asyncio.to_thread(_as_agent, http, full=False)
            await until(lambda: not db.read_now(_unanswered), scaled(20, 600), every=0.5)
            assert hub.pid == pid
            for guest in guests:
                await guest.close()
        assert sorted(db.read_now(_stored)) == sorted(writing.acked)
        assert db.read_now(lambda conn: conn.execute(select(outbox.c.id)).all()) == []
        assert db.read_now(lambda conn: conn.execute(text("PRAGMA integrity_check")).scalars().all()) == ["ok"]
    finally:
        await asyncio.to_thread(db.close)
    assert '"exception"' not in hub.log()


def _as_agent(http: httpx.Client, *, full: bool) -> None:
    """Reading goes on. While the disk is full a file is refused with a name, and a note unless a gap is left for it."""
    found = http.get("/api/conversations", params={"view": "all"})
    assert found.status_code == 200
    note = {"client_id": uuid.uuid4().hex, "kind": "note", "text": "y" * 8_000, "version": 0}
    path = f"/api/conversations/{found.json()['items'][0]['id']}/messages"
    large = uuid.uuid4().hex.encode() * (FILE // 32)
    kind = {"x-file-name": "a.txt", "content-type": "text/plain"}
    noted, kept = http.post(path, json=note), http.post("/uploads", content=large, headers=kind)
    assert kept.status_code == (503 if full else 201), kept.text
    assert noted.status_code in ((201, 503) if full else (201,)), noted.text
    for answer in (noted, kept):
        if answer.status_code == 503:
            assert answer.json()["code"] == "unavailable"
            assert int(answer.headers["retry-after"]) > 0


async def _enough(writing: Writing) -> bool:
    await writing.all_say()
    return len(writing.refused) >= REFUSED
