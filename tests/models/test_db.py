"""The one door to the database: group commit, order, and what a fault does to others."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Awaitable, Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Engine, Integer, MetaData, String, Table, event, insert, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

from models.db import BATCH, Batched, Database, DatabaseUnavailableError, WriterStats
from models.engines import LIMITS
from models.health import warn_if_unsafe

metadata = MetaData()
notes = Table(
    "notes", metadata, Column("id", Integer, primary_key=True), Column("name", String(20), unique=True, nullable=False)
)


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    database = Database(database_url, synchronous="NORMAL")
    metadata.create_all(database.writing)
    yield database
    database.close()


def note(conn: Connection, name: str) -> str:
    """A plain function: one job a call."""
    conn.execute(insert(notes), {"name": name})
    return name


def _note_all(conn: Connection, names: Sequence[str]) -> list[str]:
    conn.execute(insert(notes), [{"name": name} for name in names])
    return list(names)


note_all = Batched(_note_all)


def poison(conn: Connection, name: str) -> str:
    """Write something, then fail."""
    note(conn, name)
    raise ZeroDivisionError


def _poison_all(conn: Connection, names: Sequence[str]) -> list[str]:
    return [poison(conn, name) for name in names]


def stored(db: Database) -> list[str]:
    """All names in the order they were written."""
    return db.read_now(lambda conn: list(conn.execute(select(notes.c.name).order_by(notes.c.id)).scalars()))


class Commits:
    """Counts what an engine commits and rolls back."""

    def __init__(self, engine: Engine) -> None:
        self.done = self.undone = 0
        event.listen(engine, "commit", self._commit)
        event.listen(engine, "rollback", self._rollback)

    def _commit(self, _conn: Connection) -> None:
        self.done += 1

    def _rollback(self, _conn: Connection) -> None:
        self.undone += 1


async def together(db: Database, *writes: Awaitable[Any]) -> list[Any]:
    """What becomes of writes that wait for one busy writer, key ``k``, and so share its next batch."""
    held, released = threading.Event(), threading.Event()

    def hold(_conn: Connection, _arg: None) -> None:
        held.set()
        released.wait(10)

    busy = asyncio.create_task(db.write(hold, None, "k"))
    await asyncio.to_thread(held.wait, 10)
    waiting = [asyncio.ensure_future(write) for write in writes]
    for _ in range(3):  # until all have asked, and who leaves has left
        await asyncio.sleep(0)
    released.set()
    await busy
    return await asyncio.gather(*waiting, return_exceptions=True)


async def test_what_waits_shares_one_commit(db: Database) -> None:
    commits = Commits(db.writing)
    names = [f"n{number}" for number in range(BATCH)]
    assert await together(db, *(db.write(note_all, name, "k") for name in names)) == names
    assert commits.done == 2
    assert stored(db) == names


async def test_nobody_is_answered_before_the_commit(db: Database) -> None:
    """# INV-1: whoever has the answer finds the row through another connection."""

    async def one(number: int) -> bool:
        name = await db.write(note, f"n{number}", f"{number}")
        return name in stored(db)

    assert all(await asyncio.gather(*(one(number) for number in range(60))))


async def test_jobs_of_one_key_keep_their_order(db: Database) -> None:
    """# INV-5: whatever functions they run and however they fall into batches."""
    jobs = [db.write(note_all if number % 7 else note, f"{number}", "same") for number in range(300)]
    await asyncio.gather(*jobs)
    assert stored(db) == [f"{number}" for number in range(300)]


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_function_runs_once_for_all_its_jobs(db: Database) -> None:
    """Jobs that alternate, as receive and answer do, are two runs; of one key they stay in their order."""
    calls: list[tuple[str, list[str]]] = []

    def counted(name: str) -> Batched[str, str]:
        def run(conn: Connection, names: Sequence[str]) -> list[str]:
            calls.append((name, list(names)))
            return _note_all(conn, names)

        return Batched(run)

    one, other = counted("one"), counted("other")
    jobs = [(one, "a"), (other, "b"), (one, "c"), (other, "d"), (other, "a"), (one, "b"), (one, "e")]
    names = [f"{key}{number}" for number, (_, key) in enumerate(jobs)]
    writes = (db.write(fn, name, key) for (fn, key), name in zip(jobs, names, strict=True))
    assert await together(db, *writes) == names
    assert calls == [("one", ["a0", "c2"]), ("other", ["b1", "d3", "a4"]), ("one", ["b5", "e6"])]


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_answers_come_in_the_order_of_the_work(db: Database) -> None:
    """Who was written later has seen what the other did, and is told later: browsers hear of it in this order."""
    other = Batched(_note_all)
    answered: list[str] = []

    async def one(fn: Any, name: str) -> None:
        answered.append(await db.write(fn, name, name))

    await together(db, *(one(other if number % 2 else note_all, f"{number}") for number in range(6)))
    assert answered == stored(db) == ["0", "2", "4", "1", "3", "5"]


async def test_what_the_writers_did_is_counted(db: Database) -> None:
    assert db.stats == WriterStats(0, 0, 0, 0.0)
    await together(db, *(db.write(note, f"{number}", "k") for number in range(9)))
    found = db.stats
    assert (found.batches, found.jobs, found.largest) == (2, 10, 9)
    assert found.commit_seconds > 0.0


@pytest.mark.parametrize("bad", [poison, Batched(_poison_all)], ids=["plain", "batched"])
async def test_a_poison_job_breaks_nobody_elses(db: Database, bad: Any) -> None:
    """# INV-19: the batch is rolled back, its parts run again, and only the poison is refused."""
    writes = (db.write(bad if number in {3, 17} else note_all, f"{number}", "k") for number in range(20))
    results = await together(db, *writes)
    good = [f"{number}" for number in range(20) if number not in {3, 17}]
    assert [r for r in results if isinstance(r, str)] == good
    assert [type(r) for r in results if not isinstance(r, str)] == [ZeroDivisionError] * 2
    assert stored(db) == good


async def test_a_poison_job_costs_some_commits_and_not_one_for_each(db: Database) -> None:
    # INV-19
    commits = Commits(db.writing)
    names = [f"{number}" for number in range(256)]
    results = await together(db, *(db.write(poison if name == "100" else note_all, name, "k") for name in names))
    assert commits.done <= 1 + 8
    assert [r for r in results if isinstance(r, str)] == stored(db) == [name for name in names if name != "100"]


async def test_a_batched_function_that_trips_over_one_argument_serves_the_others(db: Database) -> None:
    await db.write(note, "taken", "k")
    results = await together(db, *(db.write(note_all, name, "k") for name in ("a", "taken", "b")))
    assert (results[0], results[2]) == ("a", "b")
    assert isinstance(results[1], IntegrityError)
    assert stored(db) == ["taken", "a", "b"]


async def test_a_lost_race_runs_again(db: Database) -> None:
    tries: list[int] = []

    def racing(conn: Connection, name: str) -> int:
        """Loses twice against somebody who took the name, then sees them."""
        tries.append(len(tries))
        if len(tries) < 3:
            conn.execute(insert(notes), [{"name": name}, {"name": name}])
        return len(tries)

    assert await db.write(racing, "x", "k") == 3
    assert stored(db) == []


@pytest.mark.parametrize("database_kind", ["postgresql"])
@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_a_serialization_failure_runs_again(db: Database, state: str) -> None:
    tries: list[int] = []

    def failing(conn: Connection, name: str) -> str:
        tries.append(len(tries))
        if len(tries) < 3:
            conn.execute(text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$"))
        return note(conn, name)

    assert await db.write(failing, "once", "k") == "once"
    assert stored(db) == ["once"]


async def test_a_fault_of_ours_is_not_hidden(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        await db.write(poison, "x", "k")
    with pytest.raises(ZeroDivisionError):
        await db.read(poison, "x")
    with pytest.raises(IntegrityError):
        await db.write(lambda conn, _: conn.execute(insert(notes), {"name": None}), None, "k")


async def test_a_caller_who_left_stops_nobody(db: Database) -> None:
    async def leave() -> None:
        gone = asyncio.create_task(db.write(note, "gone", "k"))
        await asyncio.sleep(0)
        gone.cancel()

    _, here = await together(db, leave(), db.write(note, "here", "k"))
    assert here == "here"
    assert sorted(stored(db)) == ["gone", "here"]


async def test_closing_finishes_what_waits(database_url: str) -> None:
    db = Database(database_url, synchronous="NORMAL")
    metadata.create_all(db.writing)
    jobs = [asyncio.create_task(db.write(note, f"{number}", "k")) for number in range(100)]
    await asyncio.sleep(0)
    db.close()
    assert len(await asyncio.gather(*jobs)) == 100


# --- the database is gone ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_a_locked_file_is_told_to_everybody_at_once(db: Database) -> None:
    """# INV-15: a typed error in five seconds for all who wait, not five for each; then it works again."""
    path = make_url(str(db.writing.url)).database
    assert path is not None
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        began = time.monotonic()
        results = await asyncio.gather(
            *(db.write(note, f"{number}", "k") for number in range(5)), return_exceptions=True
        )
        assert time.monotonic() - began < 7.0
        assert {type(result) for result in results} == {DatabaseUnavailableError}
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert await db.write(note, "after", "k") == "after"
    assert stored(db) == ["after"]


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_wrong_sql_is_no_missing_database(db: Database) -> None:
    with pytest.raises(Exception, match="no such table") as caught:
        await db.write(lambda conn, _: conn.execute(text("SELECT * FROM nowhere")), None, "k")
    assert not isinstance(caught.value, DatabaseUnavailableError)


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_a_dropped_connection_is_replaced(db: Database) -> None:
    """# INV-15: as after a restart of PostgreSQL."""
    await db.write(note, "before", "k")
    mine = "datname = current_database() AND pid <> pg_backend_pid()"
    kill = text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}")
    db.write_now(lambda conn, _: conn.execute(kill).all(), None)
    assert await db.write(note, "after", "k") == "after"
    assert (await db.read(lambda conn: conn.execute(select(notes.c.name)).scalars().all())) == ["before", "after"]


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_a_connection_cut_before_the_commit_costs_nobody_an_error(db: Database) -> None:
    tries: list[int] = []

    def cut_once(conn: Connection, name: str) -> str:
        note(conn, name)
        tries.append(len(tries))
        if len(tries) == 1:
            conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return name

    assert await db.write(cut_once, "once", "k") == "once"
    assert stored(db) == ["once"]


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_nobody_waits_long_for_a_lock(db: Database) -> None:
    """# INV-15: somebody who holds a row for ever is a typed error in time."""
    await db.write(note, "held", "k")
    shorter = text("SET lock_timeout = 200")
    take = select(notes).where(notes.c.name == "held").with_for_update()

    def waiting(conn: Connection, _arg: None) -> None:
        conn.execute(shorter)
        conn.execute(take)

    with db.reading.begin() as other:
        other.execute(take)
        with pytest.raises(DatabaseUnavailableError):
            await db.write(waiting, None, "k")
    assert await db.write(note, "after", "k") == "after"


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_transactions_are_limited_except_those_of_a_migration(db: Database) -> None:
    def limits(conn: Connection) -> set[str]:
        return {str(conn.execute(text(f"SHOW {name}")).scalar()) for name in LIMITS}

    assert db.read_now(limits) == {"5s"}
    assert db.write_now(lambda conn, _: limits(conn), None) == {"5s"}
    with db.unlimited() as conn:
        assert limits(conn) == {"0"}
    assert db.write_now(lambda conn, _: limits(conn), None) == {"5s"}


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_a_server_that_forgets_is_warned_of(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """# INV-1: a commit that does not wait for the disk is no promise."""
    sound = Database(database_url)
    warn_if_unsafe(sound)
    assert caplog.text == ""
    name = make_url(database_url).database
    sound.write_now(lambda conn, _: conn.execute(text(f'ALTER DATABASE "{name}" SET synchronous_commit = off')), None)
    sound.close()
    forgetful = Database(database_url)
    warn_if_unsafe(forgetful)
    forgetful.close()
    assert "synchronous_commit = off" in caplog.text


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_a_connection_lost_in_a_transaction_is_a_typed_error(db: Database) -> None:
    def cut(conn: Connection, name: str) -> None:
        note(conn, name)
        conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(DatabaseUnavailableError):
        await db.write(cut, "lost", "k")
    assert await db.write(note, "after", "k") == "after"
    assert stored(db) == ["after"]


async def test_no_server_is_a_typed_error() -> None:
    # INV-15
    db = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    try:
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailableError):
            await db.write(note, "x", "k")
        with pytest.raises(DatabaseUnavailableError):
            await db.read(note, "x")
        assert time.monotonic() - began < 5.0
    finally:
        db.close()
