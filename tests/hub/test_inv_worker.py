"""Deliveries of a conversation keep their order, whichever of six workers takes them and whoever of them dies."""

import asyncio
import uuid
from collections import defaultdict
from random import Random

import pytest
from sqlalchemy import Connection, func, select, update

from hub.aftermath import Promises
from hub.worker import Retry, Worker
from models import outbox
from models.book import Promise
from models.db import Database
from models.replies import Reply, reply
from models.tables import outbox as promises
from tests.support.patience import until
from tests.support.scale import scaled
from tests.support.stage import Stage

WORKERS = 6
CHATS = scaled(40, 600)
EACH = scaled(8, 20)
PUT_OFF = 0.1
"""Share of sends that a provider asks to repeat later."""


class Sender:
    """Takes deliveries as a provider would: slowly, now and then not yet. ``sent``: seqs by conversation, in order."""

    def __init__(self, db: Database, sent: dict[str, list[int]], random: Random) -> None:
        self._db = db
        self._sent = sent
        self._random = random

    async def deliver(self, promise: Promise) -> Retry | None:
        await asyncio.sleep(self._random.uniform(0, 0.005))
        if self._random.random() < PUT_OFF:
            return Retry(0.01, "busy", free=True)
        self._sent[promise.conversation].append(promise.seq)
        await self._db.write(outbox.keep, promise.id, promise.conversation)
        return None


class Process:
    """A worker with a database of its own, as another process has them."""

    def __init__(self, url: str, sent: dict[str, list[int]], number: int) -> None:
        self.owner = uuid.uuid4().hex
        self._db = Database(url, synchronous="NORMAL", writers=1, readers=1)
        sender = Sender(self._db, sent, Random(number))
        handlers = {"deliver": sender.deliver}
        self._worker = Worker(self._db, Promises(), handlers, _never, self.owner, lambda _tries: 0.01)
        self._task = asyncio.create_task(self._worker.run())

    async def die(self) -> None:
        """Stop in the middle of everything, giving nothing back."""
        self._task.cancel()
        await self._worker.drain(0)
        await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.to_thread(self._db.close)


async def _never(promise: Promise) -> None:
    raise AssertionError(f"{promise.id} was given up")


def _promise(stage: Stage, chat: str, version: int) -> None:
    """Replies to deliver, in the hands of a process that died at once."""
    for number in range(EACH):
        said = Reply(
            conversation=chat, by=stage.agents[0], client_id=uuid.uuid4().hex, kind="text", text=f"{number}",
            attachments=(), version=version, deliver=True, owner="dead",
        )  # fmt: skip
        done = stage.db.write_now(reply, said)
        assert done.refused is None
        version = stage.row(chat)["version"]


def _abandon(conn: Connection, owner: str | None) -> None:
    """Let leases run out: of one process, or of all."""
    mine = promises.c.state == "leased"
    conn.execute(update(promises).where(mine, promises.c.owner == owner if owner else mine).values(lease_until=1))


async def _until_left(stage: Stage, count: int) -> None:
    async def done() -> bool:
        return await stage.db.read(_left) <= count

    await until(done, scaled(60, 1_200))


def _left(conn: Connection) -> int:
    return int(conn.execute(select(func.count()).select_from(promises)).scalar_one())


@pytest.mark.timeout(scaled(120, 1_800))
@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_six_workers_keep_each_line(database_url: str) -> None:
    """# INV-9: nothing overtakes what is before it, though every tenth send is put off and a worker dies midway."""
    stage = await asyncio.to_thread(Stage, database_url)
    try:
        for number in range(CHATS):
            chat = stage.say("hello", f"v:{number}").conversation
            _promise(stage, chat, stage.row(chat)["version"])
        stage.db.write_now(_abandon, None)
        assert stage.db.read_now(_left) == CHATS * EACH
        sent: dict[str, list[int]] = defaultdict(list)
        workers = [Process(database_url, sent, number) for number in range(WORKERS)]
        await _until_left(stage, CHATS * EACH // 2)
        await workers[0].die()
        stage.db.write_now(_abandon, workers[0].owner)
        await _until_left(stage, 0)
        for worker in workers[1:]:
            await worker.die()
    finally:
        await asyncio.to_thread(stage.close)
    assert len(sent) == CHATS
    for chat, seqs in sent.items():
        assert list(dict.fromkeys(seqs)) == sorted(set(seqs)), f"{chat} was sent in the order {seqs}"
        assert len(set(seqs)) == EACH
