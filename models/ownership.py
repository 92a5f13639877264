"""Who owns a conversation: bot, queue or a person. One state machine, one fencing number.

``version`` rises at every change of owner, and whoever acts names the version they saw; a refusal is a returned value.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, func, select

from models.book import LOCKED, UNLOCKED, Book, Change, Entry, Row, queued
from models.clock import now
from models.tables import conversations, outbox, presence, users
from models.wire import Author, Availability, ErrorCode, Json

_FREE = LOCKED.with_for_update(of=conversations, skip_locked=True)
AWAY_AFTER = 30_000
"""Milliseconds without a sign of life after which an agent counts as gone (INV-12)."""


@dataclass(frozen=True, slots=True)
class Act:
    """One agent's action on one conversation. ``to``: the colleague it goes to. ``until``: end of a snooze."""

    do: Literal["claim", "assign", "release", "hand_back", "resolve", "reopen", "snooze"]
    conversation: str
    version: int
    by: Author
    to: Author | None = None
    slots: Json | None = None
    until: int | None = None
    has_bot: bool = False


@dataclass(frozen=True, slots=True)
class Acted:
    """Done, or refused: ``stale`` means somebody changed the owner meanwhile."""

    refused: ErrorCode | None = None
    field: str | None = None
    change: Change | None = None


def act(conn: Connection, arg: Act) -> Acted:
    """Carry out one action under the conversation's lock."""
    book = Book(conn)
    book.load([arg.conversation])
    row = book.row(arg.conversation)
    if row is None:
        return Acted("not_found", "conversation")
    if row["version"] != arg.version:
        return Acted("stale", "version")
    if row["status"] == "resolved" and superseded(book, row):
        return Acted("conflict", "conversation")
    entry = book.entry(row)
    if refused := _ACTIONS[arg.do](book, entry, arg):
        return refused
    row["version"] += 1
    book.touch(row)
    change = book.close(entry)
    book.flush()
    return Acted(change=change)


def own(book: Book, entry: Entry, who: Author) -> None:
    """Make *who* the owner: from the queue, the bot, a colleague, or a resolved chat."""
    entry.row.update(
        status="open", assignee_id=who["id"], assignee_name=who["name"], last_agent_id=who["id"], resolved_at=None,
        snoozed_until=None,
    )  # fmt: skip
    book.activity(entry, "claimed", by=who, to=who, public=True)


def _claim(book: Book, entry: Entry, arg: Act) -> Acted | None:
    if entry.row["assignee_id"] == arg.by["id"] and entry.row["status"] == "open":
        return Acted("conflict", "conversation")
    own(book, entry, arg.by)
    return None


def _assign(book: Book, entry: Entry, arg: Act) -> Acted | None:
    if arg.to is None:
        return Acted("bad_request", "agent")
    entry.row.update(
        status="open", assignee_id=arg.to["id"], assignee_name=arg.to["name"], last_agent_id=arg.to["id"],
        resolved_at=None, snoozed_until=None,
    )  # fmt: skip
    book.activity(entry, "assigned", by=arg.by, to=arg.to, public=True)
    return None


def _release(book: Book, entry: Entry, arg: Act) -> Acted | None:
    entry.row.update(status="open", assignee_id=None, assignee_name=None, resolved_at=None, snoozed_until=None)
    entry.row["waiting_since"] = entry.row["waiting_since"] or book.now
    book.activity(entry, "released", by=arg.by)
    return None


def _hand_back(book: Book, entry: Entry, arg: Act) -> Acted | None:
    if not arg.has_bot:
        return Acted("conflict", "conversation")
    entry.row.update(
        status="pending", assignee_id=None, assignee_name=None, last_agent_id=None, waiting_since=None, fallbacks=0,
        failures=0, snoozed_until=None, resolved_at=None, brief=None, slots=arg.slots or {},
    )  # fmt: skip
    book.activity(entry, "handed_back", by=arg.by, public=True, data={"slots": arg.slots or {}})
    return None


def _resolve(book: Book, entry: Entry, arg: Act) -> Acted | None:
    if entry.row["status"] == "resolved":
        return Acted("conflict", "conversation")
    resolve(book, entry)
    book.activity(entry, "resolved", by=arg.by, public=True)
    return None


def resolve(book: Book, entry: Entry) -> None:
    """Close a conversation; who owned it last is remembered for a reopening."""
    entry.row.update(
        status="resolved", resolved_at=book.now, waiting_since=None, snoozed_until=None, assignee_id=None,
        assignee_name=None, unread=0, brief=None,
    )  # fmt: skip


def superseded(book: Book, row: Row) -> bool:
    """Whether a resolved conversation must stay so, because its customer has a newer one that is not."""
    same = and_(
        conversations.c.identity_id == row["identity_id"],
        conversations.c.thread == row["thread"],
        conversations.c.status != "resolved",
    )
    return book.conn.execute(select(conversations.c.id).where(same)).first() is not None


def _reopen(book: Book, entry: Entry, arg: Act) -> Acted | None:
    row = entry.row
    if row["status"] not in ("resolved", "snoozed"):
        return Acted("conflict", "conversation")
    row.update(
        status="open", resolved_at=None, snoozed_until=None, assignee_id=arg.by["id"], assignee_name=arg.by["name"],
        last_agent_id=arg.by["id"],
    )  # fmt: skip
    book.activity(entry, "reopened", by=arg.by, public=True)
    return None


def _snooze(book: Book, entry: Entry, arg: Act) -> Acted | None:
    if entry.row["status"] not in ("open", "snoozed"):
        return Acted("conflict", "conversation")
    if arg.until is not None and arg.until <= book.now:
        return Acted("bad_request", "until")
    entry.row.update(status="snoozed", snoozed_until=arg.until, waiting_since=None)
    book.activity(entry, "snoozed", by=arg.by, data={"until": arg.until})
    if arg.until is not None:
        payload = {"what": "unsnooze", "version": entry.row["version"] + 1}
        book.promise(entry, "timer", entry.row["last_seq"], payload, due_at=arg.until)
    return None


_ACTIONS: dict[str, Callable[[Book, Entry, Act], Acted | None]] = {
    "claim": _claim,
    "assign": _assign,
    "release": _release,
    "hand_back": _hand_back,
    "resolve": _resolve,
    "reopen": _reopen,
    "snooze": _snooze,
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A chat in the queue, for the policy that assigns it."""

    conversation: str
    version: int
    inbox: str
    language: str | None
    last_agent: str | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An agent who could take a chat now; ``load`` counts the open chats they own."""

    id: str
    name: str
    load: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a policy decided, with its inputs, so that "why" can be shown later."""

    agent: Author
    policy: str
    inputs: Json


Policy = Callable[[Waiting, Sequence[Candidate]], Assignment | None]


@dataclass(frozen=True, slots=True)
class AssignQueue:
    """Let *policy* give the chats waiting in these inboxes to agents who are there."""

    inboxes: Sequence[str]
    policy: Policy


_QUEUE = (
    select(conversations.c.id)
    .where(conversations.c.status == "open", conversations.c.assignee_id.is_(None))
    .order_by(conversations.c.priority.desc(), conversations.c.waiting_since, conversations.c.id)
)
AT_ONCE = 200
"""Chats from the head of the queue that one look may give out."""


def queue(conn: Connection) -> list[str]:
    """The conversations that wait for a person, first in line first."""
    return list(conn.execute(_QUEUE.limit(1000)).scalars())


def rows(conn: Connection, ids: Sequence[str]) -> list[RowMapping]:
    """These conversations with what views need, unlocked."""
    return list(conn.execute(UNLOCKED.where(conversations.c.id.in_(ids))).mappings())


def present(conn: Connection) -> dict[str, tuple[Availability, int]]:
    """Agents with a recent sign of life: what they chose, and when it was written."""
    query = select(presence).where(presence.c.seen_at > now(conn) - AWAY_AFTER)
    return {row["user_id"]: (row["availability"], row["seen_at"]) for row in conn.execute(query).mappings()}


def _online(moment: int) -> Select[tuple[str]]:
    there = and_(presence.c.availability == "online", presence.c.seen_at > moment - AWAY_AFTER)
    query = select(users.c.id).join(presence, presence.c.user_id == users.c.id)
    return query.where(there, users.c.disabled.is_(False))


def candidates(conn: Connection) -> list[Candidate]:
    """Agents who are online, with their load; locked first, so that the load counts what others have just given."""
    online = _online(now(conn)).order_by(users.c.id).with_for_update(of=users, key_share=True)
    ids = list(conn.execute(online).scalars())
    load = (
        select(func.count())
        .select_from(conversations)
        .where(conversations.c.assignee_id == users.c.id, conversations.c.status == "open")
        .scalar_subquery()
    )
    query = select(users.c.id, users.c.name, users.c.capacity, load.label("load"))
    query = query.where(users.c.id.in_(ids)).order_by(users.c.id)
    return [Candidate(row.id, row.name, row.load, row.capacity) for row in conn.execute(query)]


def assign_queue(conn: Connection, arg: AssignQueue) -> list[Change]:
    """Give out the queue in its order, as the policy can place it (INV-10: one owner, never above capacity).

    Whoever is being written to or claimed at this moment is not waited for: it ends there and goes on at the next look,
    so that nobody behind is served first. Several processes may do this at once.
    """
    line = list(conn.execute(_QUEUE.where(conversations.c.inbox_id.in_(arg.inboxes)).limit(AT_ONCE)).scalars())
    if not line or not conn.execute(_online(now(conn)).limit(1)).first():
        return []
    book = Book(conn)
    book.keep_all(conn.execute(_FREE.where(conversations.c.id.in_(line))).mappings())
    people = {agent.id: agent for agent in candidates(conn)}
    changes = []
    for row in map(book.row, line):
        if row is None:
            break
        if not queued(row):
            continue
        chat = Waiting(row["id"], row["version"], row["inbox_id"], row["language"], row["last_agent_id"])
        decision = arg.policy(chat, list(people.values()))
        if decision is None:
            continue
        agent = people[decision.agent["id"]]
        people[agent.id] = Candidate(agent.id, agent.name, agent.load + 1, agent.capacity)
        changes.append(_place_with(book, row, decision))
    book.flush()
    return changes


def _place_with(book: Book, row: Row, decision: Assignment) -> Change:
    entry = book.entry(row)
    who = decision.agent
    row.update(assignee_id=who["id"], assignee_name=who["name"], last_agent_id=who["id"], version=row["version"] + 1)
    data = {"policy": decision.policy, **decision.inputs}
    book.activity(entry, "assigned", to=who, reason=decision.policy, public=True, data=data)
    return book.close(entry)


def _left_alone(moment: int) -> ColumnElement[bool]:
    """Chats whose customer waits for an agent who is gone."""
    gone = select(users.c.id).outerjoin(presence, presence.c.user_id == users.c.id)
    gone = gone.where((presence.c.seen_at.is_(None)) | (presence.c.seen_at < moment - AWAY_AFTER))
    return and_(
        conversations.c.status == "open",
        conversations.c.waiting_since.is_not(None),
        conversations.c.waiting_since < moment - AWAY_AFTER,
        conversations.c.assignee_id.in_(gone),
    )


def any_left_alone(conn: Connection) -> bool:
    """Whether there is something to put back into the queue."""
    return conn.execute(select(conversations.c.id).where(_left_alone(now(conn))).limit(1)).first() is not None


def requeue_absent(conn: Connection, _arg: None = None) -> list[Change]:
    """Put chats whose customer waits for an agent who is gone back into the queue; they keep their place (INV-12)."""
    book = Book(conn)
    waiting = _left_alone(book.now)
    book.keep_all(conn.execute(LOCKED.where(waiting).limit(200)).mappings())
    changes = []
    for row in book.rows():
        entry = book.entry(row)
        row.update(assignee_id=None, assignee_name=None, version=row["version"] + 1)
        book.activity(entry, "released", reason="agent_gone")
        changes.append(book.close(entry))
    book.flush()
    return changes


@dataclass(frozen=True, slots=True)
class Alarm:
    """A timer that went off."""

    promise: str
    conversation: str
    version: int


def unsnooze(conn: Connection, arg: Alarm) -> Change | None:
    """End a snooze, unless somebody changed the owner since."""
    book = Book(conn)
    book.load([arg.conversation])
    row = book.row(arg.conversation)
    conn.execute(outbox.delete().where(outbox.c.id == arg.promise))
    if row is None or row["status"] != "snoozed" or row["version"] != arg.version:
        return None
    entry = book.entry(row)
    row.update(status="open", snoozed_until=None, version=row["version"] + 1, waiting_since=book.now)
    book.activity(entry, "reopened", reason="snooze_ended")
    change = book.close(entry)
    book.flush()
    return change
