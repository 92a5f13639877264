"""What one sender has in flight arrives in the order it was sent."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Connection, select
from websockets.asyncio.client import ClientConnection

from models.db import Database
from models.tables import messages
from tests.faults.engines.counter import PERSON
from tests.faults.nursery import Nursery
from tests.faults.rawsocket import visiting
from tests.support.databases import Postgres
from tests.support.hub import HubProcess
from tests.support.scale import scaled

SENT = scaled(400, 10_000)
DEEP = 8
"""Messages ahead of their acks."""
SENDERS = 3
ACK = "43/visitor,"


async def _pipeline(hub: HubProcess, name: str) -> tuple[str, list[int], list[int]]:
    """Send ``SENT`` messages; return the conversation, the numbers in the order of their acks, and the acks' seqs."""
    async with visiting(hub) as raw:
        await _to_people(raw, name)

        async def send(number: int) -> None:
            body = json.dumps(["send", {"client_id": f"{name}-{number}", "text": f"{number}"}])
            await raw.send(f"42/visitor,{number}{body}")

        for number in range(DEEP):
            await send(number)
        numbers: list[int] = []
        seqs: list[int] = []
        conversation = ""
        while len(numbers) < SENT:
            frame = str(await raw.recv())
            if frame == "2":
                await raw.send("3")
            elif frame.startswith(ACK):
                answered, _, body = frame.removeprefix(ACK).partition("[")
                (ack,) = json.loads(f"[{body}")
                assert ack["ok"], ack
                numbers.append(int(answered))
                seqs.append(ack["seq"])
                conversation = ack["conversation"]
                if len(numbers) + DEEP <= SENT:
                    await send(len(numbers) + DEEP - 1)
        return conversation, numbers, seqs


async def _to_people(raw: ClientConnection, name: str) -> None:
    """Have the chat with people, so that no bot's answers cost time."""
    await raw.send(f'42/visitor,["send",{json.dumps({"client_id": name, "text": PERSON})}]')
    while '"status":"open"' not in str(await raw.recv()):
        pass


def _texts(conn: Connection, conversation: str) -> list[int]:
    mine = (messages.c.conversation_id == conversation) & (messages.c.sender == "contact")
    said = conn.execute(select(messages.c.text).where(mine).order_by(messages.c.seq)).scalars().all()
    return [int(text) for text in said[1:]]


def inversions(numbers: list[int]) -> int:
    """How often something later stands before something earlier."""
    return sum(after < before for before, after in pairwise(numbers))


@pytest.mark.timeout(scaled(120, 1_200))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_eight_deep(
    nursery: Nursery, counter_model: Path, tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    """# INV-5: eight in flight from each of three senders at once: stored and acked in the order they were sent."""
    server: Postgres | None = request.getfixturevalue("postgres") if kind == "postgresql" else None
    url = server.create() if server else f"sqlite:///{tmp_path}/test.db"
    with HubProcess(tmp_path / "var", url, counter_model, nursery.launch, visitor_rate="100000") as hub:
        found = await asyncio.gather(*(_pipeline(hub, f"s{number}") for number in range(SENDERS)))
    db = Database(url)
    try:
        for conversation, numbers, seqs in found:
            stored = db.read_now(_texts, conversation)
            assert (inversions(stored), inversions(numbers), inversions(seqs)) == (0, 0, 0)
            assert sorted(stored) == sorted(numbers) == list(range(SENT))
    finally:
        db.close()
