"""CPU per stored message through our writer, beside a raw sqlite3 group commit of the same rows, in one run (G6).

``python -m tests.bench.storage`` prints both and their ratio (median of three, interleaved), at last as JSON.

The raw side is what a program would do that knows beforehand what to write and asks nothing: into the same migrated
schema, with the same pragmas, in groups of 64, the conversation's counters, the message with all its keys, and the
promise of a turn that the answer keeps again. Ours also finds the sender, refuses repeats, checks and locks the
conversation, looks for promises in front, makes the message that screens are told, and hands all of it between two
threads.
"""

import asyncio
import gc
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

import uvloop

from models import answers, inboxes, migrate, receive
from models.answers import BotAnswer
from models.db import Database
from models.engines import CACHE, PRAGMAS
from models.inbound import Inbound
from models.inboxes import NewInbox
from models.receive import Receive
from models.tables import conversations, messages, outbox
from models.turns import Answer, BotMessage, Reading

CHATS = 64
EACH = 60
WARM = 5
ROUNDS = 3
ALONE = 200
"""Messages of a single sender who waits for each ack."""
READING = Reading(
    text="", intent="opening_hours", confidence=0.93,
    ranking=[{"name": f"intent_{number}", "confidence": 0.5 / (number + 1)} for number in range(10)],
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """CPU microseconds per stored message of each side, and milliseconds until a lone sender's ack (p50)."""

    ours: float
    raw: float
    alone: float

    @property
    def ratio(self) -> float:
        """Ours divided by raw."""
        return self.ours / self.raw


class Ours:
    """Chats that go through ``Database.write`` as the hub does, without sockets and bot."""

    def __init__(self, folder: Path, *, reads: bool) -> None:
        self.db = Database(f"sqlite:///{folder}/ours.db")
        migrate.upgrade(self.db)
        self.inbox = self.db.write_now(inboxes.add, NewInbox("memory", "Bench", "bench", {}))
        self._reading = READING if reads else None

    async def measure(self) -> tuple[float, float]:
        """CPU per stored message of all chats at once, and a lone sender's wait."""
        await self._all(0, WARM)
        spent = await self._all(WARM, EACH)
        waits = await self._chat(self._script(0, WARM + EACH, ALONE))
        self.db.close()
        return spent / (CHATS * EACH * 2) * 1e6, statistics.median(waits) * 1e3

    async def _all(self, first: int, count: int) -> float:
        scripts = [self._script(number, first, count) for number in range(CHATS)]
        before = time.process_time()
        await asyncio.gather(*(self._chat(script) for script in scripts))
        return time.process_time() - before

    def _script(self, number: int, first: int, count: int) -> list[tuple[Inbound, Answer]]:
        """What a chat will say: sockets and bot make these, not the storage."""
        return [
            (
                Inbound(address=f"v:{number}", client_id=f"{number}-{turn}", text=f"message number {turn}"),
                Answer(messages=[BotMessage(text=f"answer number {turn}")], reading=self._reading),
            )
            for turn in range(first, first + count)
        ]

    async def _chat(self, script: list[tuple[Inbound, Answer]]) -> list[float]:
        waits = []
        for inbound, said in script:
            began = time.perf_counter()
            arg = Receive(self.inbox, inbound, "bench", True, 72, False)
            got = await self.db.write(receive.receive, arg, inbound.address)
            waits.append(time.perf_counter() - began)
            assert got.change is not None
            turn = got.change.promises[0]
            answer = BotAnswer(turn.id, got.conversation, got.seq, turn.context.version, said, "bench",
                               {"id": "bot", "name": "Bot"}, False, "bench", seen=turn.context.row)  # fmt: skip
            done = await self.db.write(answers.answer, answer, inbound.address)
            assert done.change is not None
            assert got.change.messages[0]["seq"] + 1 == done.change.messages[0]["seq"]
        return waits


class Raw:
    """The same rows by sqlite3 alone."""

    def __init__(self, folder: Path, *, reads: bool) -> None:
        database = Database(f"sqlite:///{folder}/raw.db")
        migrate.upgrade(database)
        inbox = database.write_now(inboxes.add, NewInbox("memory", "Bench", "bench", {}))
        people = [Inbound(address=f"v:{number}", client_id="0", text="hello") for number in range(CHATS)]
        said = [
            database.write_now(receive.receive, Receive(inbox, hello, "bench", False, 72, False)) for hello in people
        ]
        database.close()
        self._chats = [one.conversation for one in said]
        self._reads = reads
        self._conn = sqlite3.connect(folder / "raw.db", isolation_level=None)
        for pragma in (*PRAGMAS, CACHE, "synchronous=FULL"):
            self._conn.execute(f"PRAGMA {pragma}")
        self._message = _insert("messages", [column.name for column in messages.c])
        self._promise = _insert("outbox", [column.name for column in outbox.c])
        counters = ("rev", "last_seq", "last_public_seq", "preview", "last_sender", "last_at", "unread", "changed_at")
        assert set(counters) <= set(conversations.c.keys())
        self._count = f"UPDATE conversations SET {', '.join(f'{name}=?' for name in counters)} WHERE id=?"
        self._answered = self._count.replace(" WHERE", ", answered_at=? WHERE")

    def measure(self) -> float:
        """CPU per stored message."""
        for turn in range(WARM):
            self._turn(turn)
        before = time.process_time()
        for turn in range(WARM, WARM + EACH):
            self._turn(turn)
        spent = time.process_time() - before
        self._conn.close()
        return spent / (CHATS * EACH * 2) * 1e6

    def _turn(self, turn: int) -> None:
        conn, at = self._conn, time.time_ns() // 1_000_000
        promises = [uuid4().hex for _ in self._chats]
        asked = 2 * turn + 2
        conn.execute("BEGIN IMMEDIATE")
        conn.executemany(self._count, (self._counters(chat, asked, turn, "contact", at) for chat in self._chats))
        conn.executemany(self._message, self._asked(asked, f"message number {turn}", at))
        conn.executemany(
            self._promise,
            (
                (key, "turn", chat, asked, "leased", at, "bench", at + 15_000, 0, None, '{"version":1}', at)
                for key, chat in zip(promises, self._chats, strict=True)
            ),
        )
        conn.execute("COMMIT")
        conn.execute("BEGIN IMMEDIATE")
        conn.executemany(
            self._answered,
            ((*self._counters(chat, asked + 1, turn, "bot", at)[:-1], at, chat) for chat in self._chats),
        )
        conn.executemany(self._message, self._said(asked + 1, f"answer number {turn}", at))
        if self._reads:
            conn.executemany(_insert("traces", _TRACE), self._traces(asked, at))
        conn.executemany("DELETE FROM outbox WHERE id=?", ((key,) for key in promises))
        conn.execute("COMMIT")

    def _counters(self, chat: str, seq: int, turn: int, sender: str, at: int) -> tuple[object, ...]:
        return (seq, seq, seq, f"message number {turn}", sender, at, turn, at, chat)

    def _asked(self, seq: int, text: str, at: int) -> Iterator[tuple[object, ...]]:
        for number, chat in enumerate(self._chats):
            yield (chat, seq, seq - 1, seq, seq, "text", 1, "contact", chat, "", f"{number}-{seq}", None, None, None,
                   None, text, None, "stored", None, 0, at)  # fmt: skip

    def _said(self, seq: int, text: str, at: int) -> Iterator[tuple[object, ...]]:
        for chat in self._chats:
            yield (chat, seq, seq - 1, seq, seq, "text", 1, "bot", "bot", "Bot", None, None, None, seq - 1, 0, text,
                   None, "stored", None, 0, at)  # fmt: skip

    def _traces(self, seq: int, at: int) -> Iterator[tuple[object, ...]]:
        ranking = json.dumps(READING.ranking)
        for chat in self._chats:
            yield (chat, seq, "bench", READING.intent, READING.confidence, 0, ranking, "[]", seq, at)


_TRACE = ("conversation_id", "seq", "model", "intent", "confidence", "fallback", "ranking", "entities", "rev", "at")


def _insert(table: str, names: list[str] | tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


def figures(*, reads: bool = False) -> Figures:
    """Measure both sides in turn, and take the median of each. ``reads``: with the bot's reading of every message."""
    rows = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            raw = Raw(Path(name), reads=reads).measure()
            rows.append((*uvloop.run(Ours(Path(name), reads=reads).measure()), raw))
    ours, alone, raw = (statistics.median(column) for column in zip(*rows, strict=True))
    return Figures(ours, raw, alone)


def main() -> None:
    """Measure and print, with the hub's garbage collection."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)
    found = {"storage": figures(), "storage_with_readings": figures(reads=True)}
    for name, figure in found.items():
        print(f"{name:22} ours {figure.ours:6.1f} µs  raw {figure.raw:6.1f} µs CPU per stored message  "
              f"ratio {figure.ratio:5.2f}  alone {figure.alone:5.2f} ms")  # fmt: skip
    print(json.dumps({name: asdict(figure) for name, figure in found.items()}))


if __name__ == "__main__":
    main()
