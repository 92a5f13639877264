"""Frames that no client of ours sends: without effect, and at most one line in the log."""

import asyncio
import contextlib
from typing import Any

import pytest
from sqlalchemy import func, select
from websockets.exceptions import ConnectionClosed

from models.db import Database
from models.tables import contacts, conversations, identities, messages, outbox
from tests.faults.rawsocket import CONNECT, visiting
from tests.support.hub import HubProcess
from tests.support.visitor import visitor

SEND = '{"client_id":"k","text":"x"}'
CUT: list[str | bytes] = [
    '42/visitor,["connect",{"REMOTE_ADDR":"6.6.6.6"},{"v":1,"key":"demo"}]',
    '42/visitor,3["connect",{"asgi.scope":{"client":["6.6.6.6",1]}},{"v":1,"key":"demo"}]',
    '42/visitor,["disconnect","client namespace disconnect"]',
    '42/visitor,["connect_error",{}]',
    "42/visitor,[]",
    "42/visitor,{}",
    '42/visitor,"send"',
    "42/visitor,7",
    "42/visitor,[null]",
    '42/visitor,[["send"],{}]',
    f'42/visitor,[{{"send":1}},{SEND}]',
    "42/visitor,[",
    "42/visitor,",
    f'42/visitor,["send",{SEND}',
    '42/visitor,["send",{"client_id":"k","text":NaN}]',
    '42/visitor,["send",{"client_id":"k","text":"x","text":"y"}]',
    '42/visitor,["send",' + "[" * 5_000 + "]" * 5_000 + "]",
    '42/visitor,["send",{"client_id":"k","text":"x","n":99999999999999999999}]',
    CONNECT,
    "4",
    "49",
    b"\x00\x01\x02",
    f'45-/visitor,["send",{SEND}]',
]
"""Malformed: the socket is cut."""
HARMLESS: list[str | bytes] = [
    f'42["send",{SEND}]',
    f'42/agent,["send",{SEND}]',
    f'42/nowhere,["send",{SEND}]',
    '42/visitor,["__class__",{}]',
    '42/visitor,["__init__"]',
    '42/visitor,["send"]',
    f'42/visitor,["send",{SEND},{SEND}]',
    '42/visitor,["send",{"client_id":"k","text":{"$gt":""}}]',
    '42/visitor,["send",{"client_id":"k","text":"x","address":"v:other"}]',
    '43/visitor,1["x"]',
    "43/visitor,99999999999999999999[]",
    '44/visitor,"x"',
    '40/agent,{"v":1,"token":"made up"}',
    "40/nowhere,",
    '451-/visitor,["send",{"_placeholder":true,"num":0}]',
    "5",
    "6",
    "7x",
    "0{}",
    "",
    "x",
]
"""Nothing happens, whether the socket stays or not."""
TABLES = (contacts, identities, conversations, messages, outbox)


def _rows(db: Database) -> list[Any]:
    return db.read_now(
        lambda conn: [conn.execute(select(func.count()).select_from(table)).scalar() for table in TABLES]
    )


@pytest.mark.parametrize("kind", ["cut", "harmless"])
async def test_hostile_frames(sqlite_hub: HubProcess, kind: str) -> None:
    """# INV-18, # S-5, # S-16: no row, no effect on others, no traceback, one line."""
    db = Database(sqlite_hub.database_url)
    async with visitor(sqlite_hub) as other:
        rows = _rows(db)
        for frame in CUT if kind == "cut" else HARMLESS:
            lines = sqlite_hub.log().count("\n")
            async with visiting(sqlite_hub) as raw:
                await raw.send(frame)
                if kind == "cut":
                    await _is_cut(raw, frame)
                else:
                    await asyncio.sleep(0.05)
            assert (await other.call("typing", {"on": True}))["ok"], frame[:80]
            said = sqlite_hub.log().splitlines()[lines:]
            assert len(said) <= 1, (frame[:80], said)
            assert "Traceback" not in "".join(said), frame[:80]
            assert _rows(db) == rows, frame[:80]
    db.close()


async def _is_cut(raw: Any, frame: str | bytes) -> None:
    async with asyncio.timeout(8):
        with contextlib.suppress(ConnectionClosed):
            while True:
                got = str(await raw.recv())
                assert '"ok":true' not in got, (frame[:80], got)
