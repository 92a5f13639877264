"""What an agent writes: a reply to the customer, or a note for colleagues."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, and_, select

from models import files
from models.book import Book, Change, Entry
from models.db import Batched
from models.ownership import own, superseded
from models.statements import Query
from models.tables import ID, messages
from models.wire import Author, ErrorCode, Status

_KNOWN = Query(
    lambda given: (
        select(
            messages.c.conversation_id, messages.c.seq, messages.c.author_id, messages.c.client_id, messages.c.text,
            messages.c.kind,
        )
        .join(given, and_(messages.c.author_id == given.c.author_id, messages.c.client_id == given.c.client_id))
    ),
    {"author_id": ID, "client_id": messages.c.client_id.type},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reply:
    """One message of an agent. ``version``: the fencing number they saw. ``deliver``: promise a call to a provider."""

    conversation: str
    by: Author
    client_id: str
    kind: Literal["text", "note"]
    text: str
    attachments: Sequence[str]
    version: int
    deliver: bool
    owner: str


@dataclass(frozen=True, slots=True)
class Replied:
    """Stored (or known before), or refused with a code and the field it is about."""

    seq: int = 0
    version: int = 0
    rev: int = 0
    status: Status = "open"
    duplicate: bool = False
    refused: ErrorCode | None = None
    field: str | None = None
    change: Change | None = None


def _reply(conn: Connection, args: Sequence[Reply]) -> list[Replied]:
    book = Book(conn, args[0].owner)
    book.load(arg.conversation for arg in args)
    keys = [(arg.by["id"], arg.client_id) for arg in args]
    known = {
        (row["author_id"], row["client_id"]): _Known(row["conversation_id"], row["seq"], row["text"], row["kind"])
        for row in _KNOWN.rows(conn, keys)
    }
    results = []
    for arg in args:
        if (before := known.get((arg.by["id"], arg.client_id))) is not None:
            results.append(_again(book, arg, before))
            continue
        result = _one(book, arg)
        if result.change:
            known[arg.by["id"], arg.client_id] = _Known(arg.conversation, result.seq, arg.text, arg.kind)
        results.append(result)
    book.flush()
    return results


reply = Batched(_reply)


@dataclass(frozen=True, slots=True)
class _Known:
    conversation_id: str
    seq: int
    text: str
    kind: str


def _again(book: Book, arg: Reply, before: _Known) -> Replied:
    row = book.row(arg.conversation)
    if row is None or (before.conversation_id, before.text, before.kind) != (arg.conversation, arg.text, arg.kind):
        return Replied(refused="key_reused", field="client_id")
    return Replied(before.seq, row["version"], row["rev"], row["status"], duplicate=True)


def _one(book: Book, arg: Reply) -> Replied:
    row = book.row(arg.conversation)
    if row is None:
        return Replied(refused="not_found", field="conversation")
    entry = book.entry(row)
    if not arg.text.strip() and not arg.attachments:
        return Replied(refused="bad_request", field="text")
    uploads = files.free(book.conn, arg.attachments, arg.by["id"])
    if uploads is None:
        return Replied(refused="bad_request", field="attachments")
    if arg.kind == "text" and (refused := _take(book, entry, arg)):
        return refused
    to_customer = arg.kind == "text"
    state = "queued" if to_customer and arg.deliver else "stored"
    message = book.append(
        entry, arg.kind, "agent", arg.text, public=to_customer, author=arg.by, state=state, client_id=arg.client_id
    )
    if uploads:
        files.take(book.conn, uploads, row["id"], message["seq"])
        entry.files[message["seq"]] = uploads
    if to_customer:
        row.update(waiting_since=None, unread=0, menu=None, seen_by_agents=row["last_seq"])
        if arg.deliver:
            book.promise(entry, "deliver", message["seq"])
    change = book.close(entry)
    return Replied(message["seq"], row["version"], row["rev"], row["status"], change=change)


def _take(book: Book, entry: Entry, arg: Reply) -> Replied | None:
    """A reply takes the chat over if nobody owns it; who lost it cannot write to it (INV-11)."""
    row = entry.row
    if row["opted_out"]:
        return Replied(refused="opted_out", field="conversation")
    if row["version"] != arg.version:
        return Replied(refused="stale", field="version")
    if row["status"] == "resolved" and superseded(book, row):
        return Replied(refused="conflict", field="conversation")
    mine = row["assignee_id"] == arg.by["id"]
    if row["assignee_id"] and not mine:
        return Replied(refused="forbidden", field="conversation")
    if not mine or row["status"] != "open":
        own(book, entry, arg.by)
        row["version"] += 1
    return None
