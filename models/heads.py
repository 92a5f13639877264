"""Where conversations stand: what a process asks each second, so that it tells its sockets what others committed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    String,
    and_,
    any_,
    bindparam,
    false,
    func,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY

from models import files, views
from models.book import UNLOCKED, Change, Row
from models.clock import now
from models.statements import Columns, Query
from models.tables import ID, changed_since_stored, conversations, messages, traces
from models.wire import AgentMessage

WINDOW = 10_000
"""Milliseconds a look reaches back before the one before it: no transaction lasts so long."""
DEEP = 100
"""Messages of a conversation that may be news in one look; who misses more has a gap, and asks."""

_LISTED = conversations.c.identity_id == any_(bindparam("identities", type_=ARRAY(String(32))))
_FRESH = conversations.c.changed_at > bindparam("since")


_ROWS = Query(lambda given: UNLOCKED.where(conversations.c.id.in_(select(given.c.id))), {"id": ID})
_TOLD: Columns = {"id": ID, "rev": Integer()}


def _last_told(given: FromClause) -> ColumnElement[int]:
    """Return the last message stored up to a rev: found from the end, past no more than what is new."""
    told = messages.alias("told")
    last = (
        select(told.c.seq)
        .where(told.c.conversation_id == given.c.id, told.c.rev <= given.c.rev)
        .order_by(told.c.seq.desc())
        .limit(1)
    )
    return func.coalesce(last.correlate(given).scalar_subquery(), 0)


_NEW = Query(
    lambda given: select(messages).join(
        given, and_(messages.c.conversation_id == given.c.id, messages.c.seq > _last_told(given))
    ),
    _TOLD,
)
_CHANGED = Query(
    lambda given: select(messages).join(
        given,
        and_(messages.c.conversation_id == given.c.id, messages.c.rev > given.c.rev, changed_since_stored(messages)),
    ),
    _TOLD,
)
_NEWLY_READ = Query(
    lambda given: select(traces).join(given, and_(traces.c.conversation_id == given.c.id, traces.c.rev > given.c.rev)),
    _TOLD,
)
_KEY: Columns = {"conversation_id": ID, "seq": Integer()}
_THOSE = Query(
    lambda given: (
        select(messages)
        .join(given, and_(messages.c.conversation_id == given.c.conversation_id, messages.c.seq == given.c.seq))
        .order_by(messages.c.conversation_id, messages.c.seq)
    ),
    _KEY,
)
_TRACES = Query(
    lambda given: select(traces).join(
        given, and_(traces.c.conversation_id == given.c.conversation_id, traces.c.seq == given.c.seq)
    ),
    _KEY,
)


@dataclass(frozen=True, slots=True)
class Watched:
    """What to look at: conversations of these identities, and with ``all_fresh`` whatever changed after ``since``."""

    identities: Sequence[str]
    all_fresh: bool
    since: int | None


@dataclass(frozen=True, slots=True)
class Head:
    """A conversation's revision. ``fresh``: it changed within the window."""

    conversation: str
    rev: int
    fresh: bool


@dataclass(frozen=True, slots=True)
class Look:
    """The heads, and the database's time they are at least as new as."""

    at: int
    heads: list[Head]


def look(conn: Connection, watched: Watched) -> Look:
    """Heads of what is watched. Resolved conversations count while they are fresh."""
    moment = now(conn)
    since = (moment if watched.since is None else watched.since) - WINDOW
    mine = _LISTED & or_(conversations.c.status != "resolved", _FRESH) if watched.identities else false()
    wanted: ColumnElement[bool] = or_(mine, _FRESH) if watched.all_fresh else mine
    query = select(conversations.c.id, conversations.c.rev, _FRESH.label("fresh")).where(wanted)
    rows = conn.execute(query, {"identities": list(watched.identities), "since": since})
    return Look(moment, [Head(*row) for row in rows])


def bases(conn: Connection, arg: tuple[Sequence[str], int | None]) -> dict[str, tuple[int, int]]:
    """Rev and last seq of these conversations before the window of a look with the same ``since``."""
    ids, since = arg
    start = (now(conn) if since is None else since) - WINDOW
    news = (messages.c.conversation_id == conversations.c.id) & (messages.c.created_at > start)
    recent = news & (messages.c.seq > conversations.c.last_seq - DEEP)
    rev = func.coalesce(func.min(messages.c.rev), conversations.c.rev) - 1
    seq = func.coalesce(func.min(messages.c.seq) - 1, conversations.c.last_seq)
    query = select(conversations.c.id, rev, seq).outerjoin(messages, recent).where(conversations.c.id.in_(ids))
    return {row[0]: (row[1], row[2]) for row in conn.execute(query.group_by(conversations.c.id))}


def news(conn: Connection, told: Mapping[str, int]) -> dict[str, Change]:
    """What changed in conversations after the rev each was told at: how gaps are filled from the log."""
    given = list(told.items())
    rows = _ROWS.rows(conn, list(told))
    found = {_key(row): row for row in (*_CHANGED.rows(conn, given), *_NEW.rows(conn, given))}
    new = [found[key] for key in sorted(found)]
    readings = {_key(trace): trace for trace in _NEWLY_READ.rows(conn, given)}
    missing = set(readings) - set(map(_key, new))
    read = _THOSE.rows(conn, list(missing)) if missing else []
    unread = [_key(row) for row in new if row["sender"] == "contact" and _key(row) not in readings]
    readings |= {_key(trace): trace for trace in _TRACES.rows(conn, unread)} if unread else {}
    attached = files.of_many(conn, [_key(row) for row in (*new, *read)])

    def dressed(found: Sequence[Row]) -> dict[str, list[AgentMessage]]:
        by_conversation: dict[str, list[AgentMessage]] = {}
        for row in found:
            message = views.agent_message(row, attached.get(_key(row), ()), readings.get(_key(row)))
            by_conversation.setdefault(row["conversation_id"], []).append(message)
        return by_conversation

    messages_of, read_of = dressed(new), dressed(read)
    return {
        row["id"]: Change(
            conversation=row["id"],
            identity=row["identity_id"],
            before=told[row["id"]],
            rev=row["rev"],
            messages=messages_of.get(row["id"], ()),
            updated=(),
            read=read_of.get(row["id"], ()),
            row=row,
        )
        for row in rows
    }


def _key(row: Row) -> tuple[str, int]:
    return row["conversation_id"], row["seq"]
