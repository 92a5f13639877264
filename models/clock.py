"""Time: the database's own milliseconds for stored facts and leases, RFC 3339 on the wire."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


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


_NOW = select(db_now())


def now(conn: Connection) -> int:
    """Ask the database for its time, in milliseconds."""
    return int(conn.execute(_NOW).scalar_one())


def iso(milliseconds: int) -> str:
    """RFC 3339 with milliseconds and ``Z``."""
    whole = datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{milliseconds % 1000:03d}Z"


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
