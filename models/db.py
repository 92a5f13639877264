"""The only door to the database: ``Database.write`` with group commit, and ``Database.read``.

A transaction is a plain function of a Connection, so nothing can be awaited inside one. Writer threads take what waits
(at most ``BATCH``) into one transaction and resolve all callers after its commit; the ack of a message therefore costs
a share of an fsync. On a fault the batch is rolled back and every job runs alone, so a hostile input cannot break
other people's work, and functions must be re-runnable.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Generic, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError

from models.encoding import dump_json, load_json

A = TypeVar("A")
R = TypeVar("R")
P = ParamSpec("P")

BATCH = 64
"""Most jobs in one transaction."""
RETRYABLE = {"40001", "40P01"}
"""SQLSTATEs of a serialization failure and a deadlock: the work is run again."""
SQLITE_GONE = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL,
}  # fmt: skip
"""SQLite's codes for a file that cannot be read or written now; any other is a fault of the statement."""
CONNECT_SECONDS = 3
"""Longest wait for PostgreSQL to answer a connect (INV-15)."""

_log = logging.getLogger("frontdesk.db")


class DatabaseUnavailableError(Exception):
    """The database cannot be reached or written now; the caller may try again."""


@dataclass(frozen=True, slots=True)
class Batched(Generic[A, R]):
    """A hot function: takes the arguments of a whole run of jobs and answers each, in order, with set statements."""

    run: Callable[[Connection, Sequence[A]], list[R]]


@dataclass(slots=True)
class _Job:
    fn: Any
    arg: Any
    future: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop


@dataclass(slots=True)
class _Outcome:
    job: _Job
    value: Any = None
    error: BaseException | None = None


class Database:
    """One database, one or several writer threads, a few reader threads."""

    def __init__(self, url: str, *, synchronous: str = "FULL", writers: int = 2, readers: int = 4) -> None:
        parsed = make_url(url)
        self.sqlite = parsed.get_backend_name() == "sqlite"
        self.writing = _engine(parsed, synchronous, begin="BEGIN IMMEDIATE", pool=writers)
        self.reading = _engine(parsed, synchronous, begin="BEGIN", pool=readers)
        self._pool = ThreadPoolExecutor(readers, "db-read")
        self._lines = [_Line(self.writing, number) for number in range(1 if self.sqlite else writers)]

    async def write(self, fn: "Callable[[Connection, A], R] | Batched[A, R]", arg: A, key: str) -> R:
        """Run *fn* in a transaction with whatever else waits; return after the commit.

        Jobs with one *key* keep their order. Raises what *fn* raises, or :class:`DatabaseUnavailableError`.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        line = self._lines[zlib.crc32(key.encode()) % len(self._lines)] if len(self._lines) > 1 else self._lines[0]
        line.jobs.put(_Job(fn, arg, future, loop))
        return await future

    async def read(self, fn: Callable[..., R], *args: Any) -> R:
        """Run ``fn(connection, ...)`` on a reader thread, in a read transaction."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.read_now, fn, *args)

    def read_now(self, fn: Callable[..., R], *args: Any) -> R:
        """Like :meth:`read`, in the calling thread (start-up and command line)."""
        with _translated(), self.reading.begin() as conn:
            return fn(conn, *args)

    def write_now(self, fn: "Callable[[Connection, A], R] | Batched[A, R]", arg: A) -> R:
        """One transaction in the calling thread (start-up and command line)."""
        with _translated(), self.writing.begin() as conn:
            return fn.run(conn, [arg])[0] if isinstance(fn, Batched) else fn(conn, arg)

    def close(self) -> None:
        """Finish what waits and let go of every connection."""
        for line in self._lines:
            line.stop()
        self._pool.shutdown()
        self.writing.dispose()
        self.reading.dispose()


class _Line:
    """One writer thread and what waits for it."""

    def __init__(self, engine: Engine, number: int) -> None:
        self.jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._engine = engine
        self._thread = threading.Thread(target=self._work, name=f"db-write-{number}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (first := self.jobs.get()) is not None:
            batch, going = self._take(first)
            _resolve(self._run(batch))
            if not going:
                return

    def _take(self, first: _Job) -> tuple[list[_Job], bool]:
        batch = [first]
        while len(batch) < BATCH:
            try:
                job = self.jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return batch, False
            batch.append(job)
        return batch, True

    def _run(self, batch: list[_Job]) -> list[_Outcome]:
        try:
            return self._together(batch)
        except Exception as error:
            if _sqlstate(error) in RETRYABLE:
                _log.info("a batch of %d runs again, job by job", len(batch))
            return self._each(batch, _public(error) if _is_unreachable(error) else None)

    def _each(self, batch: list[_Job], gone: Exception | None) -> list[_Outcome]:
        """Run jobs one by one; once the database is gone the rest are told so, or each would wait for its time-out."""
        done: list[_Outcome] = []
        for job in batch:
            outcome = _Outcome(job, error=gone) if gone else self._alone(job)
            if isinstance(outcome.error, DatabaseUnavailableError):
                gone = outcome.error
            done.append(outcome)
        return done

    def _alone(self, job: _Job, tries: int = 3) -> _Outcome:
        for left in reversed(range(tries)):
            try:
                return self._together([job])[0]
            except Exception as error:
                if not left or not _may_pass(error):
                    return _Outcome(job, error=_public(error))
        raise AssertionError

    def _together(self, batch: list[_Job]) -> list[_Outcome]:
        done: list[_Outcome] = []
        with self._engine.begin() as conn:
            for fn, run in groupby(batch, key=_function):
                jobs = list(run)
                if isinstance(fn, Batched):
                    values = fn.run(conn, [job.arg for job in jobs])
                    done.extend(map(_Outcome, jobs, values))
                else:
                    done.extend(_Outcome(job, fn(conn, job.arg)) for job in jobs)
        return done


def _function(job: _Job) -> Any:
    return job.fn


def _resolve(outcomes: list[_Outcome]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome.job.loop, []).append(outcome)
    for loop, mine in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, mine)


def _settle(outcomes: list[_Outcome]) -> None:
    for outcome in outcomes:
        future = outcome.job.future
        if future.done():
            continue
        if outcome.error is not None:
            future.set_exception(outcome.error)
        else:
            future.set_result(outcome.value)


def _sqlstate(error: BaseException) -> str:
    return str(getattr(getattr(error, "orig", None), "sqlstate", "") or "")


def _may_pass(error: Exception) -> bool:
    """Whether running again can help: a lost race for a row or a unique key looks different the second time."""
    return _sqlstate(error) in RETRYABLE or isinstance(error, IntegrityError)


def _public(error: Exception) -> Exception:
    """Turn "cannot reach or write" into one typed error; leave programming faults as they are."""
    if isinstance(error, DBAPIError):
        gone = error.connection_invalidated or _sqlstate(error)[:2] in {"08", "53", "57"}
        if gone or _is_unreachable(error):
            _log.error("database unavailable: %s", type(error.orig).__name__)
            return DatabaseUnavailableError(type(error.orig).__name__)
    return error


def _is_unreachable(error: Exception) -> bool:
    """Whether a driver error without an SQLSTATE says that the database, not the statement, is at fault."""
    if not isinstance(error, DBAPIError) or _sqlstate(error):
        return False
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in SQLITE_GONE
    return type(error.orig).__name__ in {"OperationalError", "InterfaceError"}


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if (public := _public(error)) is not error:
            raise public from error
        raise


def _engine(url: URL, synchronous: str, *, begin: str, pool: int) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(
            url,
            pool_size=pool,
            max_overflow=pool,
            pool_pre_ping=True,
            pool_timeout=5,
            hide_parameters=True,
            json_serializer=dump_json,
            json_deserializer=load_json,
            connect_args={"connect_timeout": CONNECT_SECONDS},
        )
    engine = create_engine(
        url,
        hide_parameters=True,
        json_serializer=dump_json,
        json_deserializer=load_json,
        connect_args={"timeout": 5.0, "check_same_thread": False, "cached_statements": 256},
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "busy_timeout=5000", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
