"""Whether a database is whole, and a consistent copy of one that is in use. SQLite has both built in."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from models.db import Database, DatabaseUnavailableError

_log = logging.getLogger("frontdesk.db")
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def faults(database: Database) -> list[str]:
    """What SQLite finds wrong with its file and its references; on other databases only that they answer.

    Raises :class:`models.db.DatabaseUnavailableError`.
    """
    try:
        return database.read_now(_faults)
    except DBAPIError as error:
        return [str(error.orig)]
    except DatabaseUnavailableError as error:
        cause = error.__cause__
        if isinstance(cause, DBAPIError) and getattr(cause.orig, "sqlite_errorcode", None) in _DAMAGED:
            return [str(cause.orig)]
        raise


def _faults(conn: Connection) -> list[str]:
    if conn.dialect.name != "sqlite":
        conn.execute(text("SELECT 1"))
        return []
    found = [str(row[0]) for row in conn.execute(text("PRAGMA quick_check(10)")) if row[0] != "ok"]
    dangling = sorted({str(row[0]) for row in conn.execute(text("PRAGMA foreign_key_check"))})
    return found + [f"{table} refers to rows that are gone" for table in dangling]


def warn_if_unsafe(database: Database) -> None:
    """Log once what would lose acknowledged messages in a crash of PostgreSQL's machine (INV-1)."""
    if database.sqlite:
        return
    for setting in database.read_now(_switched_off):
        _log.warning(
            "PostgreSQL runs with %s = off: a crash of its machine loses messages that were acknowledged", setting
        )


def _switched_off(conn: Connection) -> list[str]:
    durable = ("fsync", "full_page_writes", "synchronous_commit")
    return [
        name
        for name in durable
        if conn.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar() == "off"
    ]


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a SQLite database as it is at one moment, while others write to it (INV-22)."""
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)
        new.execute("PRAGMA journal_mode=DELETE")
