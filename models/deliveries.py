"""What became of messages sent through a provider. States only rise: queued, sent, delivered, read; failed ends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from models import files, views
from models.book import Book, Change, Row
from models.db import Batched
from models.tables import conversations, deliveries, identities, messages, outbox
from models.wire import Delivery

RANK = {"stored": 0, "queued": 1, "uncertain": 2, "sent": 3, "delivered": 4, "read": 5, "failed": 6}
_BY_KEY = select(messages).where(
    messages.c.conversation_id == bindparam("conversation"), messages.c.seq == bindparam("seq")
)
_OF_MESSAGE = select(deliveries).where(
    deliveries.c.conversation_id == bindparam("conversation"), deliveries.c.seq == bindparam("seq")
)
_BY_EXTERNAL = select(deliveries).where(
    deliveries.c.inbox_id == bindparam("inbox"), deliveries.c.external_id == bindparam("external")
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a promise to deliver ended. ``externals``: the provider's ids of all parts, with their first state."""

    promise: str
    conversation: str
    seq: int
    inbox: str
    externals: Sequence[str]
    state: Delivery
    error: str | None = None
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class News:
    """A provider's status callback."""

    inbox: str
    external: str
    state: Delivery
    code: str


def _record(conn: Connection, args: Sequence[Outcome]) -> list[Change | None]:
    book = Book(conn)
    book.load(arg.conversation for arg in args)
    changes = [_one(book, arg) for arg in args]
    book.flush()
    kept = [arg.promise for arg in args if arg.state != "uncertain"]
    conn.execute(delete(outbox).where(outbox.c.id.in_(kept)))
    unsure = [arg.promise for arg in args if arg.state == "uncertain"]
    if unsure:
        conn.execute(update(outbox).where(outbox.c.id.in_(unsure)).values(state="uncertain", owner=None))
    return changes


record = Batched(_record)
"""Record sent, failed or uncertain, and drop the promise (an uncertain one stays visible)."""


def _one(book: Book, arg: Outcome) -> Change | None:
    for external in arg.externals:
        _link(book, arg, external)
    row = book.row(arg.conversation)
    if row is None:
        return None
    if arg.opted_out:
        book.conn.execute(update(identities).where(identities.c.id == row["identity_id"]).values(opted_out=True))
        row["opted_out"] = True
    return _raise(book, row, arg.seq, arg.state, arg.error)


def _link(book: Book, arg: Outcome, external: str) -> None:
    """Connect a provider's id with our message; a status may have come before we knew the id."""
    key = {"inbox": arg.inbox, "external": external}
    found = book.conn.execute(_BY_EXTERNAL, key).mappings().one_or_none()
    mine = {"conversation_id": arg.conversation, "seq": arg.seq}
    if found:
        book.conn.execute(_where(key).values(mine))
    else:
        book.conn.execute(
            insert(deliveries),
            {"inbox_id": arg.inbox, "external_id": external, "state": arg.state, "code": "", "at": book.now, **mine},
        )


def _where(key: Row) -> Any:
    return update(deliveries).where(deliveries.c.inbox_id == key["inbox"], deliveries.c.external_id == key["external"])


def news(conn: Connection, arg: News) -> Change | None:
    """Take a status callback: out of order, repeated, or for an id we do not know yet."""
    key = {"inbox": arg.inbox, "external": arg.external}
    found = conn.execute(_BY_EXTERNAL, key).mappings().one_or_none()
    book = Book(conn)
    if found and found["conversation_id"]:
        book.load([found["conversation_id"]])
    if found is None:
        conn.execute(
            insert(deliveries),
            {"inbox_id": arg.inbox, "external_id": arg.external, "conversation_id": None, "seq": None,
             "state": arg.state, "code": arg.code, "at": book.now},
        )  # fmt: skip
        return None
    if not _rises(found["state"], arg.state):
        return None
    conn.execute(_where(key).values(state=arg.state, code=arg.code, at=book.now))
    row = book.row(found["conversation_id"]) if found["conversation_id"] else None
    change = _raise(book, row, found["seq"], arg.state, arg.code or None) if row else None
    book.flush()
    return change


def _rises(old: str, new: str) -> bool:
    """Ranks rise; a failure counts only before delivery."""
    if new == "failed":
        return RANK[old] < RANK["delivered"]
    return RANK[new] > RANK[old]


def _raise(book: Book, row: Row, seq: int, state: str, error: str | None) -> Change | None:
    """Set the message's state: the least of its parts', and failed if any part failed."""
    key = {"conversation": row["id"], "seq": seq}
    message = book.conn.execute(_BY_KEY, key).mappings().one_or_none()
    if message is None:
        return None
    parts = [part["state"] for part in book.conn.execute(_OF_MESSAGE, key).mappings()] or [state]
    whole = "failed" if "failed" in (*parts, state) else min(parts, key=RANK.__getitem__)
    if state == "uncertain":
        whole = "uncertain"
    if not _rises(message["state"], whole):
        return None
    entry = book.entry(row)
    rev = book.touch(row)
    mine = (messages.c.conversation_id == row["id"]) & (messages.c.seq == seq)
    shown = error if whole in ("failed", "uncertain") else None
    book.conn.execute(update(messages).where(mine).values(state=whole, error=shown, rev=rev))
    changed = {**message, "state": whole, "error": shown, "rev": rev}
    attached = files.of_messages(book.conn, row["id"], [seq])
    entry.updated.append(views.agent_message(changed, attached.get(seq, ())))
    return book.close(entry)


def file_came(conn: Connection, arg: tuple[str, str, files.Stored | None]) -> Change | None:
    """A provider's file was fetched, or cannot be had: keep the promise and show it."""
    promise, file_id, stored = arg
    where = files.fulfil(conn, (file_id, stored))
    conn.execute(delete(outbox).where(outbox.c.id == promise))
    if where is None:
        return None
    conversation, seq = where
    book = Book(conn)
    book.load([conversation])
    row = book.row(conversation)
    message = conn.execute(_BY_KEY, {"conversation": conversation, "seq": seq}).mappings().one_or_none()
    if row is None or message is None:
        return None
    entry = book.entry(row)
    rev = book.touch(row)
    mine = (messages.c.conversation_id == conversation) & (messages.c.seq == seq)
    conn.execute(update(messages).where(mine).values(rev=rev))
    attached = files.of_messages(conn, conversation, [seq])
    entry.updated.append(views.agent_message({**message, "rev": rev}, attached.get(seq, ())))
    change = book.close(entry)
    book.flush()
    return change


def address_of(conn: Connection, conversation: str, seq: int) -> Row | None:
    """What a delivery needs: the message, the identity's address and the inbox."""
    query = (
        select(messages, identities.c.address, conversations.c.thread, conversations.c.inbox_id.label("inbox"),
               identities.c.opted_out)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .join(identities, identities.c.id == conversations.c.identity_id)
        .where(messages.c.conversation_id == conversation, messages.c.seq == seq)
    )  # fmt: skip
    row = conn.execute(query).mappings().one_or_none()
    return dict(row) if row else None
