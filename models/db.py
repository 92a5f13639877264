"""The only door to the database: ``Database.write`` with group commit, and ``Database.read``.

A transaction is a plain function of a Connection, so nothing can be awaited inside one. Writer threads take what waits
(at most ``BATCH``) into one transaction and resolve all callers after its commit; the ack of a message therefore costs
a share of an fsync. On a fault the batch is rolled back and its halves run again, down to single jobs, so a hostile
input cannot break other people's work, and functions must be re-runnable.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Generic, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, RootTransaction
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError

from models.engines import LIMITS, engine

A = TypeVar("A")
R = TypeVar("R")
P = ParamSpec("P")

BATCH = 256
"""Most jobs in one transaction; with more their rows outgrow the processor's cache."""
RETRYABLE = {"40001", "40P01"}
"""SQLSTATEs of a serialization failure and a deadlock: the work is run again."""
LATE = {"55P03", "25P03"}
"""SQLSTATEs of a lock that was not had in time, and of a transaction that was silent for too long."""
SQLITE_GONE = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL,
}  # fmt: skip
"""SQLite's codes for a file that cannot be read or written now; any other is a fault of the statement."""
ANSWER_SECONDS = 4.5
"""Longest wait for a transaction: then the caller is told that the database does not answer (INV-15)."""

_log = logging.getLogger("frontdesk.db")


class DatabaseUnavailableError(Exception):
    """The database cannot be reached or written now; the caller may try again."""


@dataclass(frozen=True, slots=True)
class Batched(Generic[A, R]):
    """A hot function: takes the arguments of a whole run of jobs and answers each, in order, with set statements."""

    run: Callable[[Connection, Sequence[A]], list[R]]


@dataclass(frozen=True, slots=True)
class WriterStats:
    """What the writer threads have done since the start, for an operator to watch."""

    batches: int
    jobs: int
    largest: int
    """Most jobs that shared one commit."""
    commit_seconds: float
    """Time spent in commits, most of it waiting for the disk."""


@dataclass(slots=True)
class _Job:
    fn: Any
    arg: Any
    key: str
    future: "asyncio.Future[Any]"
    until: float
    """When, by its loop's clock, its caller is told that there is no answer."""
    value: Any = None
    error: BaseException | None = None
    late: bool = False
    """Its caller was told that nothing is stored, so it is not begun any more."""


class Database:
    """One database, one or several writer threads, a few reader threads."""

    def __init__(self, url: str, *, synchronous: str = "FULL", writers: int = 2, readers: int = 4) -> None:
        parsed = make_url(url)
        self.sqlite = parsed.get_backend_name() == "sqlite"
        self.writing = engine(parsed, synchronous, writes=True, pool=writers)
        self.reading = engine(parsed, synchronous, writes=False, pool=readers)
        self._pool = ThreadPoolExecutor(readers, "db-read")
        self._waiting: dict[asyncio.AbstractEventLoop, deque[_Job]] = {}
        self._lines = [_Line(self.writing, number) for number in range(1 if self.sqlite else writers)]

    async def write(self, fn: "Callable[[Connection, A], R] | Batched[A, R]", arg: A, key: str) -> R:
        """Run *fn* in a transaction with whatever else waits; return after the commit.

        Jobs with one *key* keep their order. Raises what *fn* raises, or :class:`DatabaseUnavailableError`.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        line = self._lines[zlib.crc32(key.encode()) % len(self._lines)] if len(self._lines) > 1 else self._lines[0]
        job = _Job(fn, arg, key, future, loop.time() + ANSWER_SECONDS)
        line.jobs.put(job)
        self._watch(loop, job)
        return await future

    def _watch(self, loop: asyncio.AbstractEventLoop, job: _Job) -> None:
        """See to it that nobody waits for ever: one timer for all, because almost all are answered long before."""
        waiting = self._waiting.get(loop)
        if waiting is None:
            waiting = self._waiting[loop] = deque()
            loop.call_at(job.until, self._look, loop)
        while waiting and waiting[0].future.done():
            waiting.popleft()
        waiting.append(job)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting, now = self._waiting[loop], loop.time()
        while waiting and (waiting[0].future.done() or waiting[0].until <= now):
            _give_up(waiting.popleft())
        if waiting:
            loop.call_at(waiting[0].until, self._look, loop)
        else:
            del self._waiting[loop]

    async def read(self, fn: Callable[..., R], *args: Any) -> R:
        """Run ``fn(connection, ...)`` on a reader thread, in a read transaction."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._pool, self.read_now, fn, *args)
        except TimeoutError:
            raise DatabaseUnavailableError("no answer") from None

    def read_now(self, fn: Callable[..., R], *args: Any) -> R:
        """Like :meth:`read`, in the calling thread (start-up and command line)."""
        with _translated(), self.reading.begin() as conn:
            return fn(conn, *args)

    def write_now(self, fn: "Callable[[Connection, A], R] | Batched[A, R]", arg: A) -> R:
        """One transaction in the calling thread (start-up and command line)."""
        with _translated(), self.writing.begin() as conn:
            return fn.run(conn, [arg])[0] if isinstance(fn, Batched) else fn(conn, arg)

    @contextmanager
    def unlimited(self) -> Iterator[Connection]:
        """A write transaction that may take its time, as a migration does."""
        with self.writing.begin() as conn:
            for limit in () if self.sqlite else LIMITS:
                conn.exec_driver_sql(f"SET LOCAL {limit} = 0")
            yield conn

    @property
    def stats(self) -> WriterStats:
        """What the writers have done so far; cheap, from any thread."""
        lines = self._lines
        return WriterStats(
            batches=sum(line.batches for line in lines),
            jobs=sum(line.done for line in lines),
            largest=max(line.largest for line in lines),
            commit_seconds=sum(line.commit_seconds for line in lines),
        )

    def close(self) -> None:
        """Finish what waits and let go of every connection."""
        for line in self._lines:
            line.stop()
        self._pool.shutdown()
        self.writing.dispose()
        self.reading.dispose()


class _Line:
    """One writer thread, its connection, and what waits for it."""

    def __init__(self, engine: Engine, number: int) -> None:
        self.jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self.batches = self.done = self.largest = 0
        self.commit_seconds = 0.0
        self._engine = engine
        self._conn: Connection | None = None
        self._committing = False
        self._thread = threading.Thread(target=self._work, name=f"db-write-{number}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        going = True
        while going and (first := self.jobs.get()) is not None:
            batch, going = self._take(first)
            if batch := _arranged([job for job in batch if not job.late]):
                self._run(batch)
                _resolve(batch)
        self._let_go()

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

    def _run(self, batch: list[_Job]) -> None:
        try:
            self._together_or_again(batch)
        except Exception as error:
            if _sqlstate(error) in RETRYABLE:
                _log.info("a batch of %d runs again, in parts", len(batch))
            self._apart(batch, _public(error) if _is_unreachable(error) else None)

    def _together_or_again(self, batch: list[_Job]) -> None:
        """A connection that was cut before the commit, as by a restart of the server, costs nobody an error."""
        try:
            self._together(batch)
        except DBAPIError as error:
            if not error.connection_invalidated or self._committing:
                raise
            self._together(batch)

    def _apart(self, batch: list[_Job], gone: Exception | None) -> Exception | None:
        """Run halves of what fails together, down to single jobs: one bad job costs some commits, not one for each.

        Once the database is gone the rest are told so, or each would wait for its time-out. Returns that error.
        """
        if gone or len(batch) == 1:
            for job in batch:
                job.error = gone or self._alone(job)
            return gone or (job.error if isinstance(job.error, DatabaseUnavailableError) else None)
        middle = len(batch) // 2
        for half in (batch[:middle], batch[middle:]):
            try:
                if gone is None and len(half) > 1:
                    self._together_or_again(half)
                    continue
            except Exception as error:
                gone = _public(error) if _is_unreachable(error) else None
            gone = self._apart(half, gone)
        return gone

    def _alone(self, job: _Job, tries: int = 3) -> Exception | None:
        for left in reversed(range(tries)):
            try:
                self._together([job])
            except Exception as error:
                if not left or not _may_pass(error):
                    return _public(error)
            else:
                return None
        raise AssertionError

    def _together(self, batch: list[_Job]) -> None:
        """One transaction. Whatever fails, the connection is given back: the pool finds out whether it still works."""
        self._committing = False
        try:
            if self._conn is None:
                self._conn = self._engine.connect()
            with self._conn.begin() as transaction:
                for fn, run in groupby(batch, key=_function):
                    jobs = list(run)
                    if isinstance(fn, Batched):
                        for job, value in zip(jobs, fn.run(self._conn, [job.arg for job in jobs]), strict=True):
                            job.value = value
                    else:
                        for job in jobs:
                            job.value = fn(self._conn, job.arg)
                self._commit(transaction, batch)
        except BaseException:
            self._let_go()
            raise

    def _commit(self, transaction: RootTransaction, batch: list[_Job]) -> None:
        self._committing = True
        began = time.perf_counter()
        transaction.commit()
        self.commit_seconds += time.perf_counter() - began
        self.batches += 1
        self.done += len(batch)
        self.largest = max(self.largest, len(batch))

    def _let_go(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None


def _arranged(batch: list[_Job]) -> list[_Job]:
    """Put jobs of one function together, so that it runs once. Jobs of one key keep their order; others never had one.

    Whoever asked is answered in this order too: what a job has seen of another was answered before it.
    """
    runs: list[list[_Job]] = []
    newest: dict[int, int] = {}
    latest: dict[str, int] = {}
    for job in batch:
        at = newest.get(id(job.fn))
        if at is None or at < latest.get(job.key, 0):
            at = newest[id(job.fn)] = len(runs)
            runs.append([])
        runs[at].append(job)
        latest[job.key] = at
    return [job for run in runs for job in run]


def _function(job: _Job) -> Any:
    return job.fn


def _give_up(job: _Job) -> None:
    """The database does not answer: say so. What it has been given already it may still carry out."""
    if not job.future.done():
        job.late = True
        job.future.set_exception(DatabaseUnavailableError("no answer"))


def _resolve(batch: list[_Job]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in batch:
        by_loop.setdefault(job.future.get_loop(), []).append(job)
    for loop, mine in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, mine)


def _settle(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.value)


def _sqlstate(error: BaseException) -> str:
    return str(getattr(getattr(error, "orig", None), "sqlstate", "") or "")


def _may_pass(error: Exception) -> bool:
    """Whether running again can help: a lost race for a row or a unique key looks different the second time."""
    return _sqlstate(error) in RETRYABLE or isinstance(error, IntegrityError)


def _public(error: Exception) -> Exception:
    """Turn "cannot reach or write" into one typed error; leave programming faults as they are."""
    if isinstance(error, DBAPIError):
        gone = error.connection_invalidated or _sqlstate(error)[:2] in {"08", "53", "57"} or _sqlstate(error) in LATE
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
    return any(kind.__name__ in {"OperationalError", "InterfaceError"} for kind in type(error.orig).__mro__)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if (public := _public(error)) is not error:
            raise public from error
        raise
