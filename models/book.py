"""The conversations one transaction works on: load and lock, append to their logs, write all with set statements.

Every use case that changes a conversation goes through a :class:`Book`, so ``seq``, ``prev``, ``rev`` and what is
told to browsers are counted in one place. A row never changes without its ``rev``: whoever knows both knows the row.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Literal

from sqlalchemy import Connection, literal_column, select

from models import views
from models.clock import now
from models.ids import Ids
from models.statements import Query, adding, setting
from models.tables import ID, contacts, conversations, identities, messages, outbox, users
from models.wire import Activity, AgentMessage, Author, Brief, Conversation, Json, Kind, Sender, Summary

LEASE = 15_000
"""Milliseconds a promise belongs to the process that took it; it renews while it works."""
PREVIEW = 140

_JOINED = (
    select(
        conversations,
        identities.c.address,
        identities.c.contact_id,
        identities.c.opted_out,
        contacts.c.name.label("contact_name"),
        users.c.name.label("assignee_name"),
    )
    .join(identities, identities.c.id == conversations.c.identity_id)
    .join(contacts, contacts.c.id == identities.c.contact_id)
    .outerjoin(users, users.c.id == conversations.c.assignee_id)
)
LOCKED = _JOINED.order_by(conversations.c.id).with_for_update(of=conversations)
"""Conversation rows with what a view needs, locked in id order; add a ``where``."""
UNLOCKED = _JOINED
_BY_ID = Query(
    lambda given: UNLOCKED.where(conversations.c.id.in_(select(given.c.id))), {"id": ID}, locks=conversations
)
_REVS = Query(
    lambda given: select(conversations.c.id, conversations.c.rev).where(conversations.c.id.in_(select(given.c.id))),
    {"id": ID},
    locks=conversations,
)

_COUNTED = ("rev", "last_seq", "last_public_seq", "preview", "last_sender", "last_at", "unread", "changed_at")
"""What every message changes."""
_ANSWERED = ("answered_at",)
"""What an answer of the bot changes besides."""
_TALKED = ("language", "fallbacks", "failures", "tracker", "slots", "menu")
"""What it may change. All others change with the owner: they are in more indexes."""
_OWNED = tuple(c.name for c in conversations.c if c.name not in ("id", *_COUNTED, *_ANSWERED, *_TALKED))
_UPDATES = (
    setting(conversations, _COUNTED),
    setting(conversations, (*_COUNTED, *_ANSWERED)),
    setting(conversations, (*_COUNTED, *_ANSWERED, *_TALKED)),
    setting(conversations, (*_COUNTED, *_ANSWERED, *_TALKED, *_OWNED)),
)
_answered, _talked, _owned = itemgetter(*_ANSWERED), itemgetter(*_TALKED), itemgetter(*_OWNED)
_ADD_CONVERSATIONS = adding(conversations)
_ADD_MESSAGES = adding(messages)
_ADD_PROMISES = adding(outbox)

IN_LINE = ("turn", "deliver")
"""Kinds of promises that a conversation keeps one at a time, in order."""
_LINES = Query(
    lambda given: select(outbox.c.conversation_id, outbox.c.kind, outbox.c.owner).where(
        outbox.c.conversation_id.in_(select(given.c.conversation_id)),
        outbox.c.kind.in_([literal_column(f"'{kind}'") for kind in IN_LINE]),
        outbox.c.state.not_in([literal_column("'dead'"), literal_column("'uncertain'")]),
    ),
    {"conversation_id": ID},
)
Row = dict[str, Any]


@dataclass(slots=True)
class Promise:
    """Something a commit obliges us to do, leased to this process.

    ``context`` is what the commit already knew of it, so that the usual case reads nothing again.
    """

    id: str
    kind: Literal["turn", "deliver", "fetch", "timer"]
    conversation: str
    seq: int
    payload: Json
    attempts: int = 0
    context: Any = None


@dataclass(slots=True)
class Change:
    """What one write did to one conversation; told to browsers after the commit. Revs ``before``+1 … ``rev``."""

    conversation: str
    identity: str
    before: int
    rev: int
    messages: Sequence[AgentMessage]
    updated: Sequence[AgentMessage]
    read: Sequence[AgentMessage]
    """Customer's messages whose reading by the bot is new: only agents see that."""
    row: views.Row
    """The conversation as of this change, for its views; nobody alters it."""
    promises: Sequence[Promise] = ()
    queue_moved: bool = False
    _summary: Summary | None = field(default=None, init=False, repr=False)
    _view: Conversation | None = field(default=None, init=False, repr=False)

    @property
    def summary(self) -> Summary:
        """The conversation in the agents' list, built when it is first asked for."""
        if self._summary is None:
            self._summary = views.summary(self.row)
        return self._summary

    @property
    def view(self) -> Conversation:
        """The conversation for its visitor, built when it is first asked for."""
        if self._view is None:
            self._view = views.conversation(self.row)
        return self._view


@dataclass(slots=True)
class Entry:
    """One conversation being worked on by one job: its row, and what the job adds."""

    row: Row
    before: int
    was_queued: bool
    added: list[Row] = field(default_factory=list)
    files: dict[int, list[Any]] = field(default_factory=dict)
    promises: list[Promise] = field(default_factory=list)
    updated: list[AgentMessage] = field(default_factory=list)
    read: list[AgentMessage] = field(default_factory=list)


class Book:
    """One transaction's conversations. Use: ``load`` or ``open``, ``entry``, change, ``close`` each, ``flush`` once."""

    def __init__(self, conn: Connection, owner: str | None = None) -> None:
        self.conn = conn
        self.now = now(conn)
        self.owner = owner
        self._ids = Ids()
        self._rows: dict[str, Row] = {}
        self._were: dict[str, tuple[Any, Any, Any]] = {}
        self._told: set[str] = set()
        self._dirty: dict[str, None] = {}
        self._messages: list[Row] = []
        self._promises: list[Row] = []
        self._leased: list[tuple[Row, Entry, Promise]] = []

    def load(self, ids: Iterable[str]) -> None:
        """Lock these conversations, always in id order."""
        for row in _BY_ID.rows(self.conn, list(set(ids))):
            self.keep(row)

    def resume(self, seen: Mapping[str, Row | None]) -> None:
        """Like :meth:`load`, for conversations of which some rows are known: only what changed since is read again."""
        if not any(seen.values()):
            self.load(seen)
            return
        changed = []
        for found in _REVS.rows(self.conn, list(seen)):
            row = seen[found["id"]]
            if row is not None and row["rev"] == found["rev"]:
                self.keep(row.copy())
            else:
                changed.append(found["id"])
        if changed:
            self.load(changed)

    def keep(self, row: Row) -> None:
        """Take a row that is locked, and nobody else's, to work on."""
        if row["id"] not in self._rows:
            self._rows[row["id"]] = row
            self._were[row["id"]] = _answered(row), _talked(row), _owned(row)

    def keep_all(self, rows: Iterable[views.Row]) -> None:
        """Take rows read with :data:`LOCKED`."""
        for row in rows:
            self.keep(dict(row))

    def kept(self, conversation: str) -> Row:
        """A row that is loaded, to be looked at; ``KeyError`` if it is not."""
        return self._rows[conversation]

    def row(self, conversation: str) -> Row | None:
        """A row to work on, if it is loaded; what a change was told with stays as it was."""
        row = self._rows.get(conversation)
        if row is not None and conversation in self._told:
            self._told.discard(conversation)
            row = self._rows[conversation] = row.copy()
        return row

    def rows(self) -> list[Row]:
        """Every conversation loaded so far."""
        return list(self._rows.values())

    def open(self, identity: Mapping[str, Any], inbox_id: str, thread: str, status: str) -> Row:
        """Begin a conversation."""
        row: Row = {
            "id": self._ids.new(), "identity_id": identity["id"], "inbox_id": inbox_id, "thread": thread,
            "status": status, "assignee_id": None, "priority": 0, "version": 1, "rev": 0, "last_seq": 0,
            "last_public_seq": 0, "fallbacks": 0, "failures": 0, "tracker": None, "slots": None, "brief": None,
            "language": identity["language"], "preview": "", "last_sender": "system", "last_at": self.now,
            "seen_by_contact": 0, "seen_by_agents": 0, "unread": 0, "menu": None, "last_agent_id": None,
            "answered_at": None, "rating": None, "rating_comment": None, "waiting_since": None, "snoozed_until": None,
            "resolved_at": self.now if status == "resolved" else None, "created_at": self.now,
            "changed_at": self.now, "address": identity["address"], "contact_id": identity["contact_id"],
            "opted_out": identity["opted_out"], "contact_name": identity["contact_name"], "assignee_name": None,
        }  # fmt: skip
        self._rows[row["id"]] = row
        return row

    def entry(self, row: Row) -> Entry:
        """Start one job's work on a conversation."""
        return Entry(row, row["rev"], queued(row))

    def touch(self, row: Row) -> int:
        """Count a visible change; return its rev."""
        row["rev"] += 1
        row["changed_at"] = max(self.now, row["changed_at"])  # the clock was read before the row was locked
        self._dirty[row["id"]] = None
        return int(row["rev"])

    def append(
        self,
        entry: Entry,
        kind: Kind,
        sender: Sender,
        text: str = "",
        *,
        public: bool = True,
        author: Author | None = None,
        data: Json | None = None,
        state: str = "stored",
        **keys: Any,
    ) -> Row:
        """Add a message to the log; *keys* are the idempotency columns."""
        row = entry.row
        rev = self.touch(row)
        row["last_seq"] += 1
        message: Row = {
            "conversation_id": row["id"], "seq": row["last_seq"], "prev": row["last_public_seq"], "rev": rev,
            "first_rev": rev, "kind": kind, "public": public, "sender": sender,
            "author_id": author["id"] if author else None, "author_name": author["name"] if author else None,
            "client_id": None, "inbox_id": None, "external_id": None, "in_reply_to": None, "part": None,
            "text": text, "data": data or None, "state": state, "error": None, "removed": False,
            "created_at": row["changed_at"], **keys,
        }  # fmt: skip
        if public:
            row["last_public_seq"] = row["last_seq"]
        if kind == "text":
            row.update(preview=text[:PREVIEW], last_sender=sender, last_at=row["changed_at"])
        entry.added.append(message)
        self._messages.append(message)
        return message

    def activity(
        self,
        entry: Entry,
        what: Any,
        *,
        by: Author | None = None,
        to: Author | None = None,
        reason: str | None = None,
        brief: Brief | None = None,
        public: bool = False,
        data: Json | None = None,
    ) -> Row:
        """Log what happened, as data."""
        fact: Activity = {"what": what, "by": by, "to": to, "reason": reason, "brief": brief, "data": data or {}}
        return self.append(entry, "activity", "system", public=public, data={"activity": fact})

    def promise(self, entry: Entry, kind: Any, seq: int, payload: Json | None = None, *, due_at: int = 0) -> Promise:
        """Promise work; due now means leased to this process, so that nothing is re-read."""
        leased = self.owner is not None and not due_at
        promise = Promise(self._ids.new(), kind, entry.row["id"], seq, payload or {})
        row = {
            "id": promise.id, "kind": kind, "conversation_id": promise.conversation, "seq": seq,
            "state": "leased" if leased else "waiting", "due_at": due_at or self.now,
            "owner": self.owner if leased else None, "lease_until": self.now + LEASE if leased else None,
            "attempts": 0, "error": None, "payload": promise.payload, "created_at": self.now,
        }  # fmt: skip
        self._promises.append(row)
        if leased:
            entry.promises.append(promise)
            self._leased.append((row, entry, promise))
        return promise

    def close(self, entry: Entry) -> Change:
        """Say what a job did. The row is the change's now: :meth:`row` has another for who goes on."""
        row = entry.row
        self._told.add(row["id"])
        return Change(
            conversation=row["id"],
            identity=row["identity_id"],
            before=entry.before,
            rev=row["rev"],
            messages=[views.agent_message(m, entry.files.get(m["seq"], ())) for m in entry.added],
            updated=entry.updated,
            read=entry.read,
            row=row,
            promises=entry.promises,
            queue_moved=entry.was_queued or queued(row),
        )

    def flush(self) -> None:
        """Write everything, parents first."""
        _ADD_CONVERSATIONS.run(self.conn, [row for row_id, row in self._rows.items() if row_id not in self._were])
        changed: tuple[list[Row], ...] = tuple([] for _ in _UPDATES)
        for row_id in self._dirty:
            if row_id in self._were:
                row = self._rows[row_id]
                changed[_extent(row, *self._were[row_id])].append(row)
        for update, rows in zip(_UPDATES, changed, strict=True):
            update.run(self.conn, rows)
        _ADD_MESSAGES.run(self.conn, self._messages)
        self._queue_behind()
        _ADD_PROMISES.run(self.conn, self._promises)

    def _queue_behind(self) -> None:
        """A promise whose line has earlier ones that are put off, or in other hands, waits for its turn (INV-9)."""
        lines = {row["conversation_id"] for row, _, _ in self._leased if row["kind"] in IN_LINE}
        if not lines:
            return
        found = _LINES.rows(self.conn, list(lines))
        held_up = {(row["conversation_id"], row["kind"]) for row in found if row["owner"] != self.owner}
        for row, entry, promise in self._leased if held_up else ():
            if (row["conversation_id"], row["kind"]) in held_up:
                row.update(state="waiting", owner=None, lease_until=None)
                entry.promises.remove(promise)


def _extent(row: Row, answered: Any, talked: Any, owned: Any) -> int:
    """Which of :data:`_UPDATES` a row needs that was so: the fewer columns and indexes the better."""
    if _owned(row) != owned:
        return 3
    if _talked(row) != talked:
        return 2
    return int(_answered(row) != answered)


def queued(row: Mapping[str, Any]) -> bool:
    """The queue is simply: open and unassigned."""
    return row["status"] == "open" and row["assignee_id"] is None
