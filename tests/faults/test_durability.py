"""PostgreSQL stopped without a good-bye under one fast writer: what it had committed is there, unless told to be lax.

Clients on sockets are too slow to notice a lax setting: between two of their messages everything is on the disk.
"""

import itertools
import sys
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from models.db import Database, DatabaseUnavailableError
from models.receive import receive
from models.tables import messages
from tests.faults.servers import OwnPostgres
from tests.support.stage import Stage

STOPS = 3
LUCK = 12
"""Stops that a lax setting may survive; one alone loses something nearly always."""
WRITING = 0.7
"""Seconds of writing before each stop."""


pytestmark = pytest.mark.faults


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
            with stage.db.reading.connect() as conn:
                there = {(row.conversation_id, row.seq) for row in conn.execute(select(messages))}
            if lost := len(writer.stored - there):
                break
    finally:
        db.close()
        stage.close()
    sys.stdout.write(f"\nimmediate stops under a fast writer, {settings}: {len(writer.stored)} stored, {lost} lost\n")
    assert writer.stored
    return lost


def test_committed_is_stored(own_postgres: OwnPostgres) -> None:
    """# INV-1: as PostgreSQL is shipped."""
    assert _lost(own_postgres, STOPS) == 0


def test_lax_setting_is_caught(own_postgres: OwnPostgres) -> None:
    """The control: without waiting for the disk, stored messages are lost."""
    assert _lost(own_postgres, LUCK, synchronous_commit="off") > 0
