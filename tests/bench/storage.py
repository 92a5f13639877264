"""CPU per stored message through our writer, beside a raw sqlite3 group commit of the same rows, in one run.

``python -m tests.bench.storage`` prints both and their ratio (median of three, interleaved), and writes var/bench.json.
"""

import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from models import answers, inboxes, migrate, receive
from models.answers import BotAnswer
from models.db import Database
from models.inbound import Inbound
from models.inboxes import NewInbox
from models.receive import Receive
from models.turns import Answer, BotMessage

CHATS = 64
EACH = 40
ROUNDS = 3
GROUP = 64


async def ours(folder: Path) -> float:
    """CPU microseconds per stored row: a customer's message and a bot's answer, each its own durable write."""
    db = Database(f"sqlite:///{folder}/ours.db")
    migrate.upgrade(db)
    inbox = db.write_now(inboxes.add, NewInbox("memory", "Bench", "bench", {}))

    async def chat(number: int, count: int, start: int) -> None:
        for turn in range(start, start + count):
            inbound = Inbound(address=f"v:{number}", client_id=f"{number}-{turn}", text=f"message number {turn}")
            got = await db.write(receive.receive, Receive(inbox, inbound, "bench", True, 72, False), str(number))
            assert got.change is not None
            promise = got.change.promises[0]
            said = Answer(messages=[BotMessage(text=f"answer number {turn}")])
            arg = BotAnswer(promise.id, got.conversation, got.seq, promise.context.version, said, "bench",
                            {"id": "bot", "name": "Bot"}, False, "bench")  # fmt: skip
            await db.write(answers.answer, arg, str(number))

    await asyncio.gather(*(chat(number, 3, 0) for number in range(CHATS)))
    before = time.process_time()
    await asyncio.gather(*(chat(number, EACH, 3) for number in range(CHATS)))
    spent = time.process_time() - before
    db.close()
    return spent / (CHATS * EACH * 2) * 1e6


def raw(folder: Path) -> float:
    """The same messages and conversation updates by sqlite3 alone, in groups, durable."""
    conn = sqlite3.connect(folder / "raw.db", isolation_level=None)
    conn.execute("PRAGMA journal_mode=WAL")
    conn.execute("PRAGMA synchronous=FULL")
    conn.execute("CREATE TABLE c (id TEXT PRIMARY KEY, last_seq INTEGER, rev INTEGER, preview TEXT)")
    conn.execute(
        "CREATE TABLE m (c TEXT, seq INTEGER, sender TEXT, author TEXT, client_id TEXT, text TEXT, at INTEGER,"
        " PRIMARY KEY (c, seq), UNIQUE (author, client_id)) WITHOUT ROWID"
    )
    conn.executemany("INSERT INTO c VALUES (?, 0, 0, '')", [(f"{number:032x}",) for number in range(CHATS)])
    before = time.process_time()
    for turn in range(EACH * 2):
        for first in range(0, CHATS, GROUP):
            mine = range(first, min(first + GROUP, CHATS))
            conn.execute("BEGIN IMMEDIATE")
            conn.executemany(
                "UPDATE c SET last_seq=?, rev=?, preview=? WHERE id=?",
                [(turn + 1, turn + 1, "message", f"{number:032x}") for number in mine],
            )
            conn.executemany(
                "INSERT INTO m VALUES (?, ?, 'contact', ?, ?, ?, ?)",
                [
                    (f"{number:032x}", turn + 1, f"{number:032x}", f"{number}-{turn}", f"message number {turn}", turn)
                    for number in mine
                ],
            )
            conn.execute("COMMIT")
    spent = time.process_time() - before
    conn.close()
    return spent / (CHATS * EACH * 2) * 1e6


def main() -> None:
    """Measure and print."""
    rows = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            rows.append((raw(Path(name)), asyncio.run(ours(Path(name)))))
    reference, mine = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"raw sqlite3 group commit  {reference:7.1f} µs CPU per row")
    print(f"our writer                {mine:7.1f} µs CPU per stored message, outbox, idempotency and views included")
    print(f"ratio                     {mine / reference:7.2f}")
    out = Path("var/bench.json")
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps([{"id": "storage", "value": mine / reference, "unit": "ratio"}]) + "\n")


if __name__ == "__main__":
    main()
