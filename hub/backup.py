"""Backup and restore: one tar with the database as it was at one moment, the files it names, and the models (INV-22).

The secret key stays out unless asked for: a backup that opens its own secrets is a password.
"""

import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from hub.settings import Settings
from models import health, migrate
from models.db import Database

_DATABASE, _KEY = "frontdesk.db", "secret.key"
_FOLDERS = ("files", "models")


class BackupError(Exception):
    """A backup cannot be written or put in place; the message says why."""


def write(settings: Settings, target: Path, *, with_key: bool = False) -> Iterator[str]:
    """Write a backup to *target* while the hub runs, yielding what there is to say."""
    if target.exists():
        raise BackupError(f"{target} exists; name another file")
    if settings.database_file and not settings.database_file.is_file():
        raise BackupError(f"there is no database at {settings.database_file}")
    draft = target.with_name(f".{target.name}.part")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                yield from _pack(settings, tar, with_key=with_key)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)
    yield f"Written to {target} ({target.stat().st_size / 1e6:.1f} MB)."


def _pack(settings: Settings, tar: tarfile.TarFile, *, with_key: bool) -> Iterator[str]:
    """Database first: files are on disk before the rows that name them, so all it names are there afterwards."""
    if settings.database_file:
        with tempfile.TemporaryDirectory(dir=settings.var) as folder:
            copy = Path(folder) / _DATABASE
            health.copy_sqlite(settings.database_file, copy)
            tar.add(copy, _DATABASE)
    else:
        yield "The database is on PostgreSQL: save it with `pg_dump` before you save this file."
    for name, kept in (("files", settings.files), ("models", settings.models)):
        for path in sorted(kept.rglob("*")):
            if path.is_file() and not path.is_symlink():
                tar.add(path, f"{name}/{path.relative_to(kept).as_posix()}", recursive=False)
    if with_key and settings.key_file.is_file():
        tar.add(settings.key_file, _KEY)
        yield "The secret key is inside: keep this file like a password."
    else:
        yield "The secret key is NOT inside: keep it apart; without it the secrets of inboxes cannot be opened."


def restore(settings: Settings, source: Path, *, force: bool = False) -> Iterator[str]:
    """Put a backup in place, yielding what there is to say. The caller holds the lock.

    Nothing is changed unless the whole backup is good. Raises :class:`BackupError`.
    """
    here = settings.database_file
    if here and here.exists() and not force:
        raise BackupError(f"there is a database at {here}; --force puts it aside and replaces it")
    settings.var.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.var) as folder:
        staging = Path(folder)
        _unpack(source, staging)
        database = staging / _DATABASE
        if here and not database.is_file():
            raise BackupError("the backup holds no SQLite database, and these settings name one")
        if here:
            _check(database)
        yield from _place(settings, staging)
    yield "Restored." if here else "Files restored. Restore the database with `pg_restore` or `psql`."


def _unpack(source: Path, staging: Path) -> None:
    try:
        with tarfile.open(source) as tar:
            for member in tar:
                target = staging / _checked(member)
                target.parent.mkdir(parents=True, exist_ok=True)
                content = tar.extractfile(member)
                if content is None:
                    raise BackupError(f"{member.name} in the backup cannot be read")
                with target.open("xb") as file:
                    shutil.copyfileobj(content, file)
                    os.fsync(file.fileno())
    except (tarfile.TarError, FileExistsError, EOFError):
        raise BackupError(f"{source} is no whole backup") from None


def _checked(member: tarfile.TarInfo) -> PurePosixPath:
    """Return a member's place, if it is a plain file where a backup of ours has files."""
    path = PurePosixPath(member.name)
    plain = member.isreg() and not path.is_absolute() and ".." not in path.parts
    ours = path.parts in ((_DATABASE,), (_KEY,)) or (len(path.parts) > 1 and path.parts[0] in _FOLDERS)
    if not (plain and ours):
        raise BackupError(f"{member.name!r} does not belong into a backup")
    return path


def _check(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    try:
        if faults := health.faults(database):
            raise BackupError(f"the database in the backup is damaged: {faults[0]}")
        revision = migrate.current(database)
    finally:
        database.close()
    if revision is None or revision > migrate.head():
        raise BackupError(f"the database in the backup (revision {revision}) was made by another version")


def _place(settings: Settings, staging: Path) -> Iterator[str]:
    """Move what was unpacked into place; the database last, when everything it names is there."""
    for name, folder in (("files", settings.files), ("models", settings.models)):
        for path in sorted((staging / name).rglob("*")):
            target = folder / path.relative_to(staging / name)
            if path.is_file() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                path.rename(target)
    key = staging / _KEY
    if key.is_file() and not settings.key_file.exists():
        key.chmod(0o600)
        key.rename(settings.key_file)
    if settings.database_file:
        yield from _replace(settings.database_file, staging / _DATABASE)


def _replace(here: Path, new: Path) -> Iterator[str]:
    here.parent.mkdir(parents=True, exist_ok=True)
    if here.exists():
        aside = here.with_name(f"{here.name}.before-{time.strftime('%Y%m%d-%H%M%S')}")
        health.copy_sqlite(here, aside)
        yield f"The database that was here is now {aside}."
    for suffix in ("-wal", "-shm"):
        here.with_name(here.name + suffix).unlink(missing_ok=True)
    new.replace(here)
