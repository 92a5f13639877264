"""How connections are made: what every one is told before its first statement, on both kinds of database."""

import sqlite3
import time
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from models.encoding import dump_json, load_json
from models.statements import run

BUSY_SECONDS = 4.0
"""How long SQLite waits for another writer."""
PRAGMAS = (
    "journal_mode=WAL", f"busy_timeout={BUSY_SECONDS * 1000:.0f}", "foreign_keys=ON", "wal_autocheckpoint=16000",
)  # fmt: skip
"""Of every SQLite connection. With 16000 pages (64 MB) of log a page that changes often is written back once."""
CACHE = "cache_size = -16000"
"""Of SQLite's writer: 16 MB, the pages that some hundred lively conversations write to."""
CONNECTING = {
    "connect_timeout": 3, "tcp_user_timeout": 4_000,
    "keepalives_idle": 3, "keepalives_interval": 1, "keepalives_count": 2,
}  # fmt: skip
"""How soon a connection to PostgreSQL that is not answered, or not there any more, counts as lost."""
LIMITS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
SESSION_MILLISECONDS = 5_000
"""How long PostgreSQL lets a statement, a wait for a lock or a silent transaction last: readers of what changed since
a moment count on it."""
KEYS_ONLY = ("enable_seqscan = off", "enable_hashjoin = off", "enable_mergejoin = off")
"""Writers look rows up by key. A planner that has no statistics yet would rather read whole tables, for as long as it
keeps its plan."""


def engine(url: URL, synchronous: str, *, writes: bool, pool: int) -> Engine:
    """Connect nothing yet: return what makes connections to *url*, at most twice *pool*, for writers or readers."""
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, synchronous, writes=writes)
    made = create_engine(
        url,
        pool_size=pool,
        max_overflow=pool,
        pool_pre_ping=True,
        pool_timeout=5,
        hide_parameters=True,
        json_serializer=dump_json,
        json_deserializer=load_json,
        connect_args=CONNECTING,
    )
    settings = [*(f"{limit} = {SESSION_MILLISECONDS}" for limit in LIMITS), *(KEYS_ONLY if writes else ())]

    @event.listens_for(made, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.execute("; ".join(f"SET {setting}" for setting in settings))
        connection.commit()

    return made


def _sqlite(url: URL, synchronous: str, *, writes: bool) -> Engine:
    made = create_engine(
        url,
        hide_parameters=True,
        json_serializer=dump_json,
        json_deserializer=load_json,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False, "cached_statements": 256},
    )
    pragmas = (*PRAGMAS, f"synchronous={synchronous}", *((CACHE,) if writes else ()))
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"

    @event.listens_for(made, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            _set(connection, pragma)

    @event.listens_for(made, "begin")
    def _begun(connection: Connection) -> None:
        run(connection, begin)

    return made


def _set(connection: sqlite3.Connection, pragma: str) -> None:
    """Set a pragma. SQLite does not wait itself for another process that is just turning a new file over to its log."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute(f"PRAGMA {pragma}").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return
