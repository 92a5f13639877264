"""Migrations: bring a database to the schema of this code, under a lock, in one transaction.

Steps only expand; what they make useless goes one release later. So old and new code run together on the newer schema:
a database that is ahead of this code is served, not refused, and nothing is ever migrated down (INV-21).
``python -m models.migrate MESSAGE`` writes the step from the schema as migrated to ``models.tables``.
"""

import logging
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from models.db import Database

if TYPE_CHECKING:
    from alembic.config import Config

_STEPS = Path(__file__).with_name("migrations") / "versions"
_LOCK = 0x66_72_6F_6E_74_64_73_6B
_START_LOCK = _LOCK + 1
"""PostgreSQL advisory locks: any numbers, the same in every process."""
_log = logging.getLogger("frontdesk.migrate")


class MigrationError(Exception):
    """The database was made by something else, or is not one of ours."""


def head() -> str:
    """Return the newest revision this code knows."""
    return _steps()[-1]


@contextmanager
def starting(database: Database) -> Iterator[None]:
    """Hold back other processes that start on this database, so that what a first start does is done once.

    On SQLite the lock file of ``serve`` has done so already.
    """
    if database.sqlite:
        yield
        return
    with database.unlimited() as conn:
        conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _START_LOCK})
        yield


def current(database: Database) -> str | None:
    """Return the revision of a database; None if it has no schema yet."""
    return database.read_now(_revision)


def upgrade(database: Database) -> bool:
    """Migrate to :func:`head`; return whether there was anything to do. Other processes wait for it.

    Raises :class:`MigrationError`.
    """
    with database.unlimited() as conn:
        if not database.sqlite:
            conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        found = _revision(conn)
        if found == head():
            return False
        if found is not None and not _knows(found):
            if found < head():
                raise MigrationError(f"the database says it is at revision {found}, which there never was")
            _log.warning("the database is at revision %s, newer than %s which this version knows", found, head())
            return False
        # Only a start that migrates pays for Alembic's 11 MB.
        from alembic import command  # noqa: PLC0415

        command.upgrade(_config(conn), "head")
    _log.info("database migrated from %s to %s", found or "nothing", head())
    return True


def _revision(conn: Connection) -> str | None:
    if not inspect(conn).has_table("alembic_version"):
        return None
    found = conn.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return str(found) if found else None


def _knows(revision: str) -> bool:
    return revision in _steps()


def _steps() -> list[str]:
    """Return the revisions, oldest first: a step's file is named by its revision."""
    return sorted(path.name.partition("_")[0] for path in _STEPS.glob("[0-9]*.py"))


def _config(conn: Connection | None = None) -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = conn
    return config


def main() -> None:
    """Write the next step: the difference between the schema as migrated and ``models.tables``."""
    from alembic import command  # noqa: PLC0415 - as above

    steps, message = _steps(), " ".join(sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/draft.db")
        if steps:
            upgrade(database)
        with database.writing.begin() as conn:
            command.revision(_config(conn), message, autogenerate=True, rev_id=f"{len(steps) + 1:04}")
        database.close()


if __name__ == "__main__":
    main()
