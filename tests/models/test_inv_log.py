"""The log under many writers: a key is one row, and whoever reads "after n" misses nothing."""

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, Self

import pytest
from sqlalchemy import BigInteger, Column, Connection, Identity, MetaData, Table, insert, select

from models.db import Database, DatabaseUnavailableError
from models.receive import Receive, Received, receive
from models.tables import messages
from tests.support.databases import Postgres
from tests.support.scale import scaled
from tests.support.stage import Stage

SENDS = scaled(2_000, 100_000)
READ = scaled(800, 100_000)
WRITERS = 16
PEOPLE = 20
AT_ONCE = 200
"""Sends under way at a time."""
QUERY = select(messages.c.seq).order_by(messages.c.seq)
pytestmark = pytest.mark.timeout(scaled(120, 1_800))


@contextmanager
def processes(url: str, count: int) -> Iterator[list[Database]]:
    """What other processes on this database have: connections and a writer of their own."""
    opened = [Database(url, synchronous="NORMAL", writers=1, readers=1) for _ in range(count)]
    try:
        yield opened
    finally:
        for db in opened:
            db.close()


async def acked(db: Database, arg: Receive) -> Received:
    """Write as a sender does: who gets no ack sends it again. SQLite is not fair to one of two busy writers."""
    while True:
        try:
            return await db.write(receive, arg, arg.inbound.address)
        except DatabaseUnavailableError:
            await asyncio.sleep(0)


async def test_resent_through_two_processes(stage: Stage) -> None:
    """# INV-2: each message goes out one to five times, at once, through two writers: one row, one seq in every ack."""
    random = Random(2)
    people = [f"v:{uuid.uuid4().hex}" for _ in range(PEOPLE)]
    sends: list[Receive] = []
    while len(sends) < SENDS:
        number = len(sends)
        arg = stage.arg(f"text {number}", people[number % PEOPLE], client_id=f"k{number}")
        sends += [arg] * random.randint(1, 5)
    keys = {(arg.inbound.address, arg.inbound.client_id) for arg in sends}
    room = asyncio.Semaphore(AT_ONCE)
    acks: dict[tuple[str, str | None], set[tuple[str, int]]] = {key: set() for key in keys}
    fresh = 0

    async def send(db: Database, arg: Receive) -> None:
        nonlocal fresh
        async with room:
            done = await acked(db, arg)
        assert done.refused is None
        fresh += not done.duplicate
        acks[arg.inbound.address, arg.inbound.client_id].add((done.conversation, done.seq))

    with processes(stage.url, 2) as pair:
        await asyncio.gather(*(send(random.choice(pair), arg) for arg in sends))
    assert fresh == len(keys)
    assert {len(places) for places in acks.values()} == {1}
    stored = {place for places in acks.values() for place in places}
    assert len(stored) == len(keys)
    for conversation in {conversation for conversation, _ in stored}:
        log = stage.log(conversation)
        assert [m["seq"] for m in log] == list(range(1, len(log) + 1))
        assert {(conversation, m["seq"]) for m in log} == {place for place in stored if place[0] == conversation}


class Reader:
    """Asks for "after n" in a tight loop, from a thread of its own, until told that everything is written."""

    def __init__(self, db: Database, after: Callable[[Connection, int], Sequence[int]], first: int = 0) -> None:
        self.seen: list[int] = []
        self.looks = 0
        self._last = first
        self._db = db
        self._after = after
        self._written = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def _read(self) -> None:
        with self._db.reading.connect() as conn:
            done = False
            while not done:
                done = self._written.is_set()
                with conn.begin():
                    new = self._after(conn, self._last)
                self.looks += 1
                self.seen += new
                self._last = max(self._last, *new) if new else self._last

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._written.set()
        self._thread.join(60)


async def test_reader_misses_nothing(stage: Stage) -> None:
    """# INV-3: sixteen writers in one conversation; a reader of "seq > n" gets each row once, in order, as it comes.

    On SQLite, where one process writes, sixteen senders share its writer and that of a command beside it.
    """
    who = f"v:{uuid.uuid4().hex}"
    conversation = stage.say("first", who).conversation
    query = QUERY.where(messages.c.conversation_id == conversation)

    def after(conn: Connection, last: int) -> Sequence[int]:
        return conn.execute(query.where(messages.c.seq > last)).scalars().all()

    async def write(db: Database, writer: int) -> list[int]:
        said = (stage.arg("x", who, client_id=f"{writer}-{number}") for number in range(READ // WRITERS))
        return [(await acked(db, arg)).seq for arg in said]

    with processes(stage.url, 2 if stage.db.sqlite else WRITERS) as opened, Reader(stage.db, after, first=1) as reader:
        work = [write(opened[writer % len(opened)], writer) for writer in range(WRITERS)]
        acks = [seq for seqs in await asyncio.gather(*work) for seq in seqs]
    assert sorted(acks) == list(range(2, 2 + READ // WRITERS * WRITERS))
    assert reader.seen == sorted(acks)
    assert reader.looks > 20, "the reader was hardly there"


def test_global_cursor_misses_rows(postgres: Postgres) -> None:
    """The control of the test above: with one counter for everything, the same kind of reader misses rows."""
    counted = Table("counted", MetaData(), Column("id", BigInteger, Identity(), primary_key=True))
    with processes(postgres.create(), WRITERS) as opened:
        counted.metadata.create_all(opened[0].writing)

        def after(conn: Connection, last: int) -> Sequence[int]:
            return conn.execute(select(counted.c.id).where(counted.c.id > last).order_by(counted.c.id)).scalars().all()

        def write(db: Database, random: Random) -> None:
            for _ in range(30):
                with db.writing.begin() as conn:
                    conn.execute(insert(counted))
                    time.sleep(random.uniform(0, 0.005))

        with Reader(opened[0], after) as reader:
            threads = [threading.Thread(target=write, args=(db, Random(n))) for n, db in enumerate(opened)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
        stored: Any = opened[0].read_now(lambda conn: conn.execute(select(counted.c.id)).scalars().all())
    assert len(stored) == 30 * WRITERS
    assert len(reader.seen) < len(stored)
