"""Time: the database's own milliseconds for stored facts and leases, RFC 3339 on the wire."""

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Connection, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from models.statements import Query


class db_now(GenericFunction[int]):  # noqa: N801 - reads as the SQL function it is
    """The database's clock in UTC milliseconds, so that processes with skewed clocks agree (INV-23)."""

    type = BigInteger()
    inherit_cache = True


@compiles(db_now, "sqlite")
def _sqlite(_element: db_now, _compiler: Any, **_kw: Any) -> str:
    return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000.0) AS INTEGER)"


@compiles(db_now, "postgresql")
def _postgresql(_element: db_now, _compiler: Any, **_kw: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


_NOW = Query(lambda _given: select(db_now().label("now")), {})


def now(conn: Connection) -> int:
    """Ask the database for its time, in milliseconds. SQLite has none of its own: it asks this machine's clock, too."""
    if conn.dialect.name == "sqlite":
        return time.time_ns() // 1_000_000
    return int(_NOW.rows(conn)[0]["now"])


def iso(milliseconds: int) -> str:
    """RFC 3339 with milliseconds and ``Z``."""
    return f"{_second(milliseconds // 1000)}.{milliseconds % 1000:03d}Z"


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    """All that happens in one second is written the same."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def iso_or_none(milliseconds: int | None) -> str | None:
    """Like :func:`iso`, for a time that may be missing."""
    return None if milliseconds is None else iso(milliseconds)


def parse(moment: str) -> int:
    """Milliseconds of an RFC 3339 moment; ``ValueError`` if it is none or names no zone."""
    when = datetime.fromisoformat(moment)
    if when.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    try:
        return round(when.astimezone(UTC).timestamp() * 1000)
    except OverflowError:
        raise ValueError("a moment lies in the years 1 to 9999") from None
