"""Promises of a commit and how they are kept: claimed under a lease, retried later, given up visibly."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from models.book import IN_LINE, LEASE, Promise
from models.clock import now
from models.tables import outbox

MAX_ATTEMPTS = 5
"""Tries before a promise is given up and shown (INV-19)."""

_earlier = outbox.alias("earlier")
_HEAD = ~(
    select(_earlier.c.id)
    .where(
        _earlier.c.conversation_id == outbox.c.conversation_id,
        _earlier.c.kind == outbox.c.kind,
        _earlier.c.seq < outbox.c.seq,
        _earlier.c.state.in_(("waiting", "leased")),
    )
    .exists()
)
_DUE = (
    select(outbox)
    .where(
        or_(
            and_(outbox.c.state == "waiting", outbox.c.due_at <= bindparam("now")),
            and_(outbox.c.state == "leased", outbox.c.lease_until < bindparam("now")),
        ),
        or_(outbox.c.kind.not_in(IN_LINE), _HEAD),
    )
    .order_by(outbox.c.due_at, outbox.c.conversation_id, outbox.c.seq)
    .limit(bindparam("most"))
    .with_for_update(of=outbox, skip_locked=True)
)

_LINES = (
    select(outbox)
    .where(
        tuple_(outbox.c.conversation_id, outbox.c.kind).in_(bindparam("lines", expanding=True)),
        outbox.c.state.in_(("waiting", "leased")),
    )
    .order_by(outbox.c.conversation_id, outbox.c.kind, outbox.c.seq)
)


@dataclass(frozen=True, slots=True)
class Claim:
    """Take up to ``most`` due promises for this process, and what is due right behind them in their lines."""

    owner: str
    most: int = 50


@dataclass(frozen=True, slots=True)
class Progress:
    """How far ``owner`` has come with a promise of several calls."""

    id: str
    owner: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Later:
    """Try again in ``delay`` milliseconds; ``free`` tries do not count (a bot that is loading a model)."""

    id: str
    owner: str
    delay: int
    error: str
    payload: dict[str, Any] | None = None
    free: bool = False


def claim(conn: Connection, arg: Claim) -> list[Promise]:
    """Lease due promises, oldest first; a conversation's turns and deliveries from the first in line on (INV-9)."""
    moment = now(conn)
    rows = list(conn.execute(_DUE, {"now": moment, "most": arg.most}).mappings())
    rows += _behind(conn, [(row["conversation_id"], row["kind"]) for row in rows if row["kind"] in IN_LINE], moment)
    if rows:
        conn.execute(
            update(outbox)
            .where(outbox.c.id.in_([row["id"] for row in rows]))
            .values(state="leased", owner=arg.owner, lease_until=moment + LEASE)
        )
    return [promise(row) for row in rows]


def _behind(conn: Connection, lines: list[tuple[str, str]], moment: int) -> list[RowMapping]:
    """What follows the heads of these lines, up to the first that is not due: nobody else can take it meanwhile."""
    found: list[RowMapping] = []
    if not lines:
        return found
    rows = conn.execute(_LINES, {"lines": lines}).mappings()
    for _, line in groupby(rows, key=itemgetter("conversation_id", "kind")):
        due = takewhile(lambda row: row["lease_until" if row["state"] == "leased" else "due_at"] <= moment, line)
        found += list(due)[1:]
    return found


def promise(row: Any) -> Promise:
    """A row as the worker sees it."""
    return Promise(row["id"], row["kind"], row["conversation_id"], row["seq"], row["payload"], row["attempts"])


def renew(conn: Connection, arg: tuple[str, Sequence[str]]) -> None:
    """Say that a process (its ``owner``) still works on these promises."""
    owner, ids = arg
    conn.execute(update(outbox).where(outbox.c.id.in_(ids), _held(owner)).values(lease_until=now(conn) + LEASE))


def release(conn: Connection, arg: tuple[str, Sequence[str]]) -> None:
    """Give promises back untouched, as far as this owner still holds them."""
    owner, ids = arg
    conn.execute(update(outbox).where(outbox.c.id.in_(ids), _held(owner)).values(state="waiting", owner=None))


def release_all(conn: Connection, owner: str) -> None:
    """Give back whatever a process that ends still holds."""
    conn.execute(update(outbox).where(_held(owner)).values(state="waiting", owner=None))


def _held(owner: str) -> ColumnElement[bool]:
    """Still leased to *owner*: whoever was silent for longer than a lease has lost it to another process."""
    return and_(outbox.c.state == "leased", outbox.c.owner == owner)


def later(conn: Connection, arg: Later) -> None:
    """Put a promise off, if it is still its owner's."""
    values: dict[str, Any] = {"state": "waiting", "owner": None, "due_at": now(conn) + arg.delay, "error": arg.error}
    if not arg.free:
        values["attempts"] = outbox.c.attempts + 1
    if arg.payload is not None:
        values["payload"] = arg.payload
    conn.execute(update(outbox).where(outbox.c.id == arg.id, _held(arg.owner)).values(values))


def note_progress(conn: Connection, arg: Progress) -> bool:
    """Remember how far a promise has come, so that a crash does not repeat what was done.

    False: it is not this owner's any more, whose lease ran out (INV-8), or not yet the first in its line (INV-9).
    """
    mine = update(outbox).where(outbox.c.id == arg.id, _held(arg.owner), _HEAD)
    return conn.execute(mine.values(payload=arg.payload, lease_until=now(conn) + LEASE)).rowcount == 1


def bury(conn: Connection, arg: tuple[str, str, str]) -> None:
    """Give a promise up: ``dead`` or ``uncertain``, with the reason; it no longer holds up those behind it."""
    promise_id, state, error = arg
    conn.execute(update(outbox).where(outbox.c.id == promise_id).values(state=state, owner=None, error=error[:300]))


def keep(conn: Connection, promise_id: str) -> None:
    """A promise is kept."""
    conn.execute(delete(outbox).where(outbox.c.id == promise_id))


def void_leases(conn: Connection, _arg: None = None) -> None:
    """At start on SQLite, where the lock file shows that no other process lives."""
    conn.execute(update(outbox).where(outbox.c.state == "leased").values(state="waiting", owner=None))


def depth(conn: Connection) -> list[tuple[str, str, int, int]]:
    """Kind, state, how many, and age of the oldest in milliseconds, for metrics."""
    moment = now(conn)
    query = select(outbox.c.kind, outbox.c.state, func.count(), func.min(outbox.c.due_at))
    rows = conn.execute(query.group_by(outbox.c.kind, outbox.c.state)).all()
    return [(kind, state, count, max(0, moment - (oldest or moment))) for kind, state, count, oldest in rows]


def alarm(conn: Connection, row: dict[str, Any]) -> None:
    """Set a timer."""
    conn.execute(insert(outbox), row)
