"""Reading a conversation: what a screen opens with, what it missed, and pages back in time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, and_, bindparam, case, or_, select, update

from models import files, views
from models.answers import readings_of
from models.book import UNLOCKED, Book, Change
from models.ownership import resolve
from models.tables import changed_since_stored, conversations, identities, messages, read_marks, traces
from models.wire import AgentMessage, Attachment, Author, Conversation, Summary

PAGE = 100
"""Messages in one answer."""
ROOM = 100_000
"""Characters in one answer. As JSON one takes six bytes at most, so that an answer fits into a reader's buffer."""
MAX_SEQ = 2**31 - 1
"""Largest ``seq`` and ``rev`` a database holds; what a browser sends may be larger."""

_BY_ID = UNLOCKED.where(conversations.c.id == bindparam("conversation"))
_MINE = messages.c.conversation_id == bindparam("conversation")
_READ = messages.c.seq.in_(
    select(traces.c.seq).where(traces.c.conversation_id == bindparam("conversation"), traces.c.rev > bindparam("rev"))
)
"""The bot's reading of the message is newer than ``rev``."""
_CHANGED = and_(changed_since_stored(messages), messages.c.rev > bindparam("rev"))


@dataclass(frozen=True, slots=True)
class Missed:
    """What a visitor's screen has not seen: new messages, changed old ones, and whether more is waiting.

    Only public ones; still to be signed and turned into what a visitor may see. ``rev``: all changes up to it are in.
    """

    messages: list[AgentMessage]
    changed: list[AgentMessage]
    next: bool
    rev: int
    conversation: Conversation


@dataclass(frozen=True, slots=True)
class AgentMissed:
    """The same for an agent's screen."""

    messages: list[AgentMessage]
    changed: list[AgentMessage]
    next: bool
    rev: int
    conversation: Summary


def find(conn: Connection, conversation: str) -> RowMapping | None:
    """A conversation's row with what views need, unlocked."""
    return conn.execute(_BY_ID, {"conversation": conversation}).mappings().one_or_none()


def of_identity(conn: Connection, inbox: str, address: str) -> RowMapping | None:
    """The conversation a visitor's screen should show: the latest one, resolved or not."""
    mine = and_(identities.c.inbox_id == inbox, identities.c.address == address, conversations.c.thread == "")
    query = UNLOCKED.where(mine).order_by(conversations.c.created_at.desc(), conversations.c.id).limit(1)
    return conn.execute(query).mappings().one_or_none()


def contact_of(conn: Connection, inbox: str, address: str) -> str | None:
    """Id of the contact behind an address, if it ever wrote."""
    mine = and_(identities.c.inbox_id == inbox, identities.c.address == address)
    return conn.execute(select(identities.c.contact_id).where(mine)).scalar_one_or_none()


def missed(conn: Connection, conversation: str, after: int, rev: int, identity: str | None = None) -> Missed | None:
    """A visitor's sync; None if the conversation is not *identity*'s (S-1: unknown and foreign ids look alike)."""
    row = find(conn, conversation)
    if row is None or (identity is not None and row["identity_id"] != identity):
        return None
    new, more = _new(conn, conversation, after, public=True)
    changed, upto = _changed(conn, conversation, after, rev, public=True)
    whole = _dress(conn, conversation, [*new, *changed], read=False)
    more, rev = more or upto is not None, row["rev"] if upto is None else upto
    return Missed(whole[: len(new)], whole[len(new) :], more, rev, views.conversation(row))


def agent_missed(conn: Connection, conversation: str, after: int, rev: int) -> AgentMissed | None:
    """An agent's sync."""
    row = find(conn, conversation)
    if row is None:
        return None
    new, more = _new(conn, conversation, after, public=False)
    changed, upto = _changed(conn, conversation, after, rev, public=False)
    whole = _dress(conn, conversation, [*new, *changed], read=True)
    more, rev = more or upto is not None, row["rev"] if upto is None else upto
    return AgentMissed(whole[: len(new)], whole[len(new) :], more, rev, views.summary(row))


def latest(conn: Connection, conversation: str, *, public: bool, most: int = PAGE) -> tuple[list[AgentMessage], bool]:
    """The last messages, oldest first, and whether there are older ones."""
    return before(conn, conversation, MAX_SEQ, public=public, most=most)


def before(
    conn: Connection, conversation: str, seq: int, *, public: bool, most: int = PAGE
) -> tuple[list[AgentMessage], bool]:
    """Messages before *seq*, oldest first, and whether there are older ones."""
    query = select(messages).where(_MINE, messages.c.seq < min(seq, MAX_SEQ))
    if public:
        query = query.where(messages.c.public)
    query = query.order_by(messages.c.seq.desc()).limit(most + 1)
    rows = conn.execute(query, {"conversation": conversation}).mappings().all()
    kept = _fitting(rows[:most])
    return _dress(conn, conversation, kept[::-1], read=not public), len(rows) > len(kept)


def _new(conn: Connection, conversation: str, after: int, *, public: bool) -> tuple[Sequence[RowMapping], bool]:
    query = select(messages).where(_MINE, messages.c.seq > min(after, MAX_SEQ))
    if public:
        query = query.where(messages.c.public)
    query = query.order_by(messages.c.seq).limit(PAGE + 1)
    rows = conn.execute(query, {"conversation": conversation}).mappings().all()
    kept = _fitting(rows[:PAGE])
    return kept, len(rows) > len(kept)


def _changed(
    conn: Connection, conversation: str, after: int, rev: int, *, public: bool
) -> tuple[Sequence[RowMapping], int | None]:
    """What changed after *rev*, in the order of changes; if that is not all, the rev up to which it is."""
    changed = messages.c.rev if public else case((traces.c.rev > messages.c.rev, traces.c.rev), else_=messages.c.rev)
    query = select(messages, changed.label("changed")).where(_MINE, messages.c.seq <= min(after, MAX_SEQ))
    if public:
        query = query.where(messages.c.public, _CHANGED)
    else:
        same = and_(traces.c.conversation_id == messages.c.conversation_id, traces.c.seq == messages.c.seq)
        query = query.outerjoin(traces, same).where(or_(_CHANGED, _READ))
    query = query.order_by(changed, messages.c.seq).limit(PAGE + 1)
    rows = conn.execute(query, {"conversation": conversation, "rev": min(rev, MAX_SEQ)}).mappings().all()
    kept = _fitting(rows[:PAGE])
    return kept, rows[len(kept)]["changed"] - 1 if len(kept) < len(rows) else None


def _fitting(rows: Sequence[RowMapping]) -> Sequence[RowMapping]:
    """As many of the first rows as have room in one answer, one at least."""
    room = ROOM
    for number, row in enumerate(rows):
        room -= len(row["text"]) + len(repr(row["data"] or ""))
        if room < 0:
            return rows[: max(1, number)]
    return rows


def _dress(conn: Connection, conversation: str, rows: Iterable[Any], *, read: bool) -> list[AgentMessage]:
    """Rows with their files and, for agents, the bot's readings."""
    whole = list(rows)
    attached = files.of_messages(conn, conversation, [row["seq"] for row in whole])
    asked = [row["seq"] for row in whole if read and row["sender"] == "contact"]
    readings = readings_of(conn, conversation, asked)
    return [views.agent_message(row, attached.get(row["seq"], ()), readings.get(row["seq"])) for row in whole]


# --- marks -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Mark:
    """Somebody read up to ``seq``: an agent (``user``) or, without one, the conversation's visitor."""

    conversation: str
    seq: int
    user: str | None = None
    identity: str | None = None


def mark(conn: Connection, arg: Mark) -> Change | None:
    """Raise a read mark; None if nothing is new (marks only rise)."""
    book = Book(conn)
    book.load([arg.conversation])
    row = book.row(arg.conversation)
    if row is None or (arg.identity is not None and row["identity_id"] != arg.identity):
        return None
    seq = min(arg.seq, row["last_seq"])
    if arg.user:
        _keep_mark(conn, arg.conversation, arg.user, seq)
    column = "seen_by_agents" if arg.user else "seen_by_contact"
    unread = 0 if arg.user and seq >= row["last_seq"] else row["unread"]
    if seq <= row[column] and unread == row["unread"]:
        return None
    entry = book.entry(row)
    row[column] = max(row[column], seq)
    row["unread"] = unread
    changed_at = row["changed_at"]
    book.touch(row)
    row["changed_at"] = changed_at
    change = book.close(entry)
    book.flush()
    return change


def _keep_mark(conn: Connection, conversation: str, user: str, seq: int) -> None:
    mine = and_(read_marks.c.conversation_id == conversation, read_marks.c.user_id == user)
    if conn.execute(select(read_marks.c.seq).where(mine)).first():
        conn.execute(update(read_marks).where(mine, read_marks.c.seq < seq).values(seq=seq))
    else:
        conn.execute(read_marks.insert(), {"conversation_id": conversation, "user_id": user, "seq": seq})


@dataclass(frozen=True, slots=True)
class Rating:
    """A visitor's rating of their conversation."""

    conversation: str
    identity: str
    score: int
    comment: str


def rate(conn: Connection, arg: Rating) -> Change | None:
    """Keep a rating; it never reopens anything. None if the conversation is not the visitor's."""
    book = Book(conn)
    book.load([arg.conversation])
    row = book.row(arg.conversation)
    if row is None or row["identity_id"] != arg.identity:
        return None
    entry = book.entry(row)
    row.update(rating=arg.score, rating_comment=arg.comment)
    book.activity(entry, "rated", reason=arg.comment or None, data={"score": arg.score})
    change = book.close(entry)
    book.flush()
    return change


def ready_files(conn: Connection, conversation: str, seq: int) -> list[Attachment]:
    """Files of one message that are ready to be sent."""
    found = files.of_messages(conn, conversation, [seq]).get(seq, [])
    return [file for file in found if file["state"] == "ready"]


def end(conn: Connection, arg: tuple[str, str]) -> Change | None:
    """A visitor ends their conversation; None if it is not theirs or over already."""
    conversation, identity = arg
    book = Book(conn)
    book.load([conversation])
    row = book.row(conversation)
    if row is None or row["identity_id"] != identity or row["status"] == "resolved":
        return None
    entry = book.entry(row)
    resolve(book, entry)
    row["version"] += 1
    book.activity(entry, "resolved", reason="customer_ended", public=True)
    change = book.close(entry)
    book.flush()
    return change


def touch(conn: Connection, conversation: str) -> Change | None:
    """Count a change that lies outside the conversation's own row, such as its contact's name."""
    book = Book(conn)
    book.load([conversation])
    row = book.row(conversation)
    if row is None:
        return None
    entry = book.entry(row)
    book.touch(row)
    change = book.close(entry)
    book.flush()
    return change


@dataclass(frozen=True, slots=True)
class Noted:
    """Something an agent did that belongs into a conversation's log."""

    conversation: str
    what: Literal["linked", "unlinked"]
    by: Author


def note_activity(conn: Connection, arg: Noted) -> Change | None:
    """Log what an agent did, for agents' eyes."""
    book = Book(conn)
    book.load([arg.conversation])
    row = book.row(arg.conversation)
    if row is None:
        return None
    entry = book.entry(row)
    book.activity(entry, arg.what, by=arg.by)
    change = book.close(entry)
    book.flush()
    return change
