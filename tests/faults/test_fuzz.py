"""Frames nobody thought of: no crash, no effect on others, at most one line in the log for each."""

import asyncio
import contextlib
import json
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from models.db import Database
from models.tables import conversations, identities
from tests.faults.mutations import mutated
from tests.faults.rawsocket import dialled
from tests.support.hub import HubProcess
from tests.support.scale import scaled
from tests.support.stage import dump
from tests.support.visitor import visitor

FRAMES = scaled(2_400, 100_000)
SOCKETS = 8
SEED = int(os.environ.get("FRONTDESK_TEST_SEED", "0")) or secrets.randbelow(1 << 30)
PATIENCE = 1.0
"""Seconds a frame has to be answered, by an ack or by the end of the socket."""
SETTLE = 2.0
"""Seconds in which the bystander hears the last of what they did themselves."""
SAID = {"client_id": "k", "text": "hello"}
VISITOR: list[list[Any]] = [
    ["send", SAID],
    ["send", {**SAID, "choice": {"message_seq": 2, "index": 0}}],
    ["send", {**SAID, "attachments": ["0" * 32]}],
    ["sync", {"conversation": "0" * 32, "after": 0, "rev": 0}],
    ["typing", {"on": True}],
    ["seen", {"seq": 1}],
    ["rate", {"score": 5, "comment": "good"}],
    ["page", {"url": "https://shop.example/", "title": "Shop", "referrer": ""}],
    ["consent", {"purpose": "analytics", "granted": True}],
    ["end", {}],
]
AGENT: list[list[Any]] = [
    ["sync", {"conversation": "0" * 32, "after": 0, "rev": 0}],
    ["typing", {"conversation": "0" * 32, "on": True}],
    ["viewing", {"conversation": None}],
    ["presence", {"availability": "online"}],
]


class Fuzzer:
    """Sends mutants on one namespace, each followed by a question that tells whether the socket lives."""

    def __init__(self, hub: HubProcess, namespace: str, auth: dict[str, Any], number: int) -> None:
        self.sent = 0
        self.cut = 0
        self._hub = hub
        self._namespace = namespace
        self._auth = auth
        frames = VISITOR if namespace == "/visitor" else AGENT
        texts = [f"42{namespace},7{json.dumps(frame)}" for frame in frames]
        connect = f"40{namespace},{json.dumps(auth)}"
        self._mutants = mutated(Random(f"{SEED} {number}"), [*texts, connect])

    async def run(self, count: int) -> None:
        """Send *count* mutants, dialling again after each that ended a socket."""
        while self.sent < count:
            with contextlib.suppress(ConnectionClosed, TimeoutError, ConnectionError):
                async with self._connected() as raw:
                    while self.sent < count:
                        frame = next(self._mutants)
                        self.sent += 1
                        await raw.send(frame)
                        await self._answered(raw)
                    return
            self.cut += 1

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[ClientConnection]:
        async with dialled(self._hub) as raw:
            await raw.send(f"40{self._namespace},{json.dumps(self._auth)}")
            async with asyncio.timeout(10):
                while not str(await raw.recv()).startswith(f"40{self._namespace},"):
                    pass
            yield raw

    async def _answered(self, raw: ClientConnection) -> None:
        await raw.send(f'42{self._namespace},4321["typing",{{"on":false}}]')
        async with asyncio.timeout(PATIENCE):
            while not str(await raw.recv()).startswith(f"43{self._namespace},4321["):
                pass


def _known_of(db: Database, conversation: str) -> list[str]:
    """Every row that names this conversation, its identity or its contact."""
    query = (
        select(conversations.c.id, identities.c.id, identities.c.contact_id)
        .join(identities, identities.c.id == conversations.c.identity_id)
        .where(conversations.c.id == conversation)
    )
    names = db.read_now(lambda conn: conn.execute(query).one())
    return [row for rows in dump(db.reading).values() for row in rows if any(name in row for name in names)]


@pytest.mark.timeout(scaled(120, 3_600))
async def test_mutated_frames(sqlite_hub: HubProcess) -> None:
    """# INV-18, # S-5, # S-16: the hub lives on, a bystander keeps what they had, and the log is short and calm."""
    db = Database(sqlite_hub.database_url)
    began, lines = time.monotonic(), sqlite_hub.log().count("\n")
    pid = sqlite_hub.pid
    with sqlite_hub.client() as http:
        token = http.get("/api/session").json()["socket"]
    async with visitor(sqlite_hub) as bystander:
        await bystander.say("hello")
        told = await bystander.wait("message", sender="bot")
        await asyncio.sleep(SETTLE)
        kept = _known_of(db, told["conversation"])
        heard = len(bystander.events)
        fuzzers = [Fuzzer(sqlite_hub, "/visitor", {"v": 1, "key": "demo"}, n) for n in range(SOCKETS * 3 // 4)]
        fuzzers += [Fuzzer(sqlite_hub, "/agent", {"v": 1, "token": token}, n) for n in range(SOCKETS // 4)]
        await asyncio.gather(*(fuzzer.run(FRAMES // SOCKETS) for fuzzer in fuzzers))
        assert bystander.events[heard:] == []
        assert _known_of(db, told["conversation"]) == kept
        assert (await bystander.say("still here"))["ok"]
    db.close()
    said = sqlite_hub.log().splitlines()[lines:]
    sent, cut = sum(fuzzer.sent for fuzzer in fuzzers), sum(fuzzer.cut for fuzzer in fuzzers)
    spent = time.monotonic() - began
    sys.stdout.write(f"\nseed {SEED}: {sent} frames in {spent:.0f} s, {cut} sockets ended, {len(said)} lines\n")
    assert sqlite_hub.pid == pid
    assert sent >= FRAMES - SOCKETS
    loud = [line for line in said if json.loads(line)["level"] != "info"]
    assert loud == [], f"seed {SEED}: {loud[:3]}"
    assert len({json.loads(line)["message"] for line in said}) == len(said), f"seed {SEED}: two lines about one socket"
    assert 0.02 * sent < cut < 0.98 * sent, "the mutants are all of one kind"
