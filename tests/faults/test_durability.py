"""PostgreSQL stopped without a good-bye under one fast writer: what it had committed is there, unless told to be lax.

Clients on sockets are too slow to notice a lax setting: between two of their messages everything is on the disk.
"""

import itertools
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from models.db import Database, DatabaseUnavailableError
from models.receive import receive
from models.tables import messages
from tests.faults.servers import OwnPostgres
from tests.support.scale import scaled
from tests.support.stage import Stage

STOPS = scaled(3, 20)
LUCK = 12
"""Stops that a lax setting may survive; one alone loses something nearly always."""
WRITING = 0.7
"""Seconds of writing before each stop."""
FAILOVERS = scaled(1, 6)
"""How often a standby takes over."""
AWAY = 0.3
"""Seconds that it was gone before."""

pytestmark = [pytest.mark.faults, pytest.mark.timeout(scaled(120, 600))]


@pytest.fixture(scope="module")
def own_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnPostgres]:
    with OwnPostgres(tmp_path_factory.mktemp("durability") / "pg") as server:
        yield server


class Writer:
    """Writes one message after the other, as fast as commits go; ``stored`` are those it was told are."""

    def __init__(self, stage: Stage, db: Database) -> None:
        self.stored: set[tuple[str, int]] = set()
        self._stage = stage
        self._db = db
        self._numbers = itertools.count()

    def until_it_breaks(self) -> None:
        """Write until the database is gone."""
        while True:
            try:
                done = self._db.write_now(receive, self._stage.arg(f"message {next(self._numbers)}"))
            except DatabaseUnavailableError:
                return
            self.stored.add((done.conversation, done.seq))


def _missing(server: OwnPostgres, writer: Writer) -> int:
    """How many messages that were told to be stored a server lacks."""
    db = Database(server.url())
    try:
        rows = db.read_now(lambda conn: conn.execute(select(messages.c.conversation_id, messages.c.seq)).all())
    finally:
        db.close()
    return len(writer.stored - {(row.conversation_id, row.seq) for row in rows})


def _lost(server: OwnPostgres, stops: int, **settings: str) -> int:
    """How many stored messages are not there after all; *stops* at most, as none is needed once something is lost."""
    stage = Stage(server.url())
    db = Database(server.url(**settings))
    writer = Writer(stage, db)
    lost = 0
    try:
        for _ in range(stops):
            thread = threading.Thread(target=writer.until_it_breaks)
            thread.start()
            thread.join(WRITING)
            server.crash()
            thread.join(10)
            server.start()
            if lost := _missing(server, writer):
                break
    finally:
        db.close()
        stage.close()
    sys.stdout.write(f"\nimmediate stops under a fast writer, {settings}: {len(writer.stored)} stored, {lost} lost\n")
    assert writer.stored
    return lost


def _lost_by_failover(folder: Path, *, synchronous: bool, away: bool) -> int:
    """The server dies under a fast writer and its standby takes over, which may have been *away* just before."""
    folder.mkdir()
    with OwnPostgres(folder / "first") as first:
        stage = Stage(first.url())
        db = Database(first.url())
        writer = Writer(stage, db)
        try:
            with first.standby(folder / "second", synchronous=synchronous) as second:
                thread = threading.Thread(target=writer.until_it_breaks)
                thread.start()
                thread.join(WRITING)
                if away:
                    second.stop()
                    thread.join(AWAY)
                first.crash()
                thread.join(10)
                if away:
                    second.start()
                second.promote()
                lost = _missing(second, writer)
        finally:
            db.close()
            stage.close()
    sys.stdout.write(f"\nfailover, {synchronous=}, {away=}: {len(writer.stored)} stored, {lost} lost\n")
    assert writer.stored
    return lost


def test_committed_is_stored(own_postgres: OwnPostgres) -> None:
    """# INV-1: as PostgreSQL is shipped."""
    assert _lost(own_postgres, STOPS) == 0


def test_lax_setting_is_caught(own_postgres: OwnPostgres) -> None:
    """The control: without waiting for the disk, stored messages are lost."""
    assert _lost(own_postgres, LUCK, synchronous_commit="off") > 0


def test_standby_has_what_was_committed(tmp_path: Path) -> None:
    """# INV-1: one that is synchronous, as operators are told to have it, whether it follows closely or was away."""
    for number in range(FAILOVERS):
        assert _lost_by_failover(tmp_path / f"{number}", synchronous=True, away=number % 2 == 1) == 0


def test_standby_that_lags_is_caught(tmp_path: Path) -> None:
    """The control: one that nobody waits for lacks what was stored while it was away."""
    assert _lost_by_failover(tmp_path / "lags", synchronous=False, away=True) > 0
