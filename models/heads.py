"""Where conversations stand: what a process asks each second, so that it tells its sockets what others committed."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, String, any_, bindparam, false, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from models.clock import now
from models.tables import conversations, messages

WINDOW = 10_000
"""Milliseconds a look reaches back before the one before it: no transaction lasts so long."""
DEEP = 100
"""Messages of a conversation that may be news in one look; who misses more has a gap, and asks."""

_LISTED = conversations.c.identity_id == any_(bindparam("identities", type_=ARRAY(String(32))))
_FRESH = conversations.c.changed_at > bindparam("since")


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
