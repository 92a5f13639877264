"""The migrations make exactly the schema the code is written against, once, whoever else starts at the same time."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, inspect, select, text

from models import heads, inboxes, migrate
from models.db import Database
from models.inbound import Inbound
from models.inboxes import NewInbox
from models.receive import Receive, Received, receive
from models.tables import metadata


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    one = Database(database_url)
    yield one
    one.close()


def _difference(conn: Connection) -> list[Any]:
    context = MigrationContext.configure(conn, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


def _sqlite_schema(database: Database) -> dict[str, list[str]]:
    """Each table's and index's definition as its sorted clauses: constraints may come in another order."""
    query = text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'alembic%'")
    rows = database.read_now(lambda conn: list(conn.execute(query)))
    return {row.name: _clauses(row.sql.replace('"', "")) for row in rows}


def _clauses(sql: str) -> list[str]:
    return sorted(part.strip("() ") for part in re.split(r",| \)", " ".join(sql.split())))


def _where_clauses(database: Database) -> dict[str, str]:
    """Partial indexes of PostgreSQL, which the comparison leaves out."""
    query = text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND indexdef LIKE '%WHERE%'")
    return {row.indexname: row.indexdef for row in database.read_now(lambda conn: list(conn.execute(query)))}


def test_migrated_schema_is_the_code_schema(database: Database) -> None:
    assert migrate.current(database) is None
    assert migrate.upgrade(database) is True
    assert migrate.current(database) == migrate.head()
    assert database.read_now(_difference) == []


def test_every_detail_matches_a_schema_made_from_the_tables(database: Database, tmp_path: Path) -> None:
    migrate.upgrade(database)
    if not database.sqlite:
        partial = {
            i.name
            for t in metadata.tables.values()
            for i in t.indexes
            if i.dialect_options["postgresql"]["where"] is not None
        }
        found = _where_clauses(database)
        assert set(found) == partial
        assert "UNIQUE" in found["uq_conversations_unresolved"]
        assert "<> 'resolved'" in found["uq_conversations_unresolved"]
        return
    other = Database(f"sqlite:///{tmp_path}/made.db")
    with other.writing.begin() as conn:
        metadata.create_all(conn)
    assert _sqlite_schema(database) == _sqlite_schema(other)
    other.close()


def test_comparison_sees_a_missing_column(database: Database) -> None:
    migrate.upgrade(database)
    with database.writing.begin() as conn:
        conn.execute(text("ALTER TABLE users DROP COLUMN capacity"))
    assert [change[0] for change in database.read_now(_difference)] == ["add_column"]


def test_migrating_twice_changes_nothing(database: Database) -> None:
    migrate.upgrade(database)
    assert migrate.upgrade(database) is False


def test_processes_that_start_together_migrate_once(database: Database, database_url: str) -> None:
    done: list[bool] = []

    def start() -> None:
        one = Database(database_url)
        done.append(migrate.upgrade(one))
        one.close()

    starts = [threading.Thread(target=start) for _ in range(4)]
    for one in starts:
        one.start()
    for one in starts:
        one.join(60)
    assert sorted(done) == [False, False, False, True]


def test_older_code_serves_a_newer_database(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    # INV-21: after a rolling update is taken back, old code starts on the expanded schema.
    migrate.upgrade(database)
    with database.writing.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert migrate.upgrade(database) is False
    assert "newer" in caplog.text


def test_a_revision_that_never_was_is_refused(database: Database) -> None:
    migrate.upgrade(database)
    with database.writing.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(migrate.MigrationError, match="0000"):
        migrate.upgrade(database)


def test_a_failed_step_leaves_nothing_behind(database: Database) -> None:
    with database.writing.begin() as conn:
        conn.execute(text("CREATE TABLE settings (name text)"))
    with pytest.raises(Exception, match="settings"):
        migrate.upgrade(database)
    assert database.read_now(lambda conn: inspect(conn).get_table_names()) == ["settings"]


def _as_written_before(old: Connection, new: Connection) -> None:
    """Put what *new* holds into the columns that *old* had then."""
    for table in metadata.sorted_tables:
        had = {column["name"] for column in inspect(old).get_columns(table.name)}
        query = select(*(column for column in table.c if column.name in had))
        if rows := [dict(row) for row in new.execute(query).mappings()]:
            old.execute(insert(table), rows)


def test_what_was_written_before_a_step_is_there_after_it(database: Database, tmp_path: Path) -> None:
    # INV-21
    other = Database(f"sqlite:///{tmp_path}/other.db")
    migrate.upgrade(other)
    inbox = other.write_now(inboxes.add, NewInbox("memory", "Old", "old", {}))

    def say(where: Database, number: int, text: str) -> Received:
        said = Inbound(address="v:1", client_id=f"key-{number}", text=text)
        return where.write_now(receive, Receive(inbox, said, "test", False, 72, False))

    first = [say(other, number, "日本語" * number) for number in range(1, 4)]
    with database.writing.begin() as old, other.reading.begin() as new:
        command.upgrade(migrate._config(old), "0001")
        _as_written_before(old, new)
    other.close()
    assert migrate.upgrade(database) is True
    for number, before in enumerate(first, 1):
        again = say(database, number, "日本語" * number)
        assert (again.conversation, again.seq, again.duplicate) == (before.conversation, before.seq, True)
    assert say(database, 2, "another").refused == "key_reused"
    assert say(database, 4, "new").seq == 4
    news = database.read_now(heads.news, {first[0].conversation: 3})[first[0].conversation]
    assert [message["seq"] for message in news.messages] == [4]
