"""A backup taken under load restores to a whole state; a bad one changes nothing."""

import io
import stat
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from hub import backup
from hub.backup import BackupError
from hub.opening import open_database, vault_of
from hub.settings import Settings
from models import inboxes, migrate, users
from models.db import Database
from models.inboxes import NewInbox
from models.users import NewUser


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "var")


@pytest.fixture
def db(settings: Settings) -> Iterator[Database]:
    """A database in use, with an inbox that has a secret, a file and a model."""
    database = open_database(settings)
    migrate.upgrade(database)
    sealed = vault_of(settings).seal({"token": "canary"})
    database.write_now(inboxes.add, NewInbox("memory", "Shop", "shop", {}, sealed))
    (settings.files / "ab").mkdir()
    (settings.files / "ab" / "abcd").write_bytes(b"picture")
    (settings.models / "shop-1").mkdir()
    (settings.models / "shop-1" / "model.json").write_text("{}")
    yield database
    database.close()


@pytest.fixture
def other(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "other")


def _write(settings: Settings, target: Path, *, with_key: bool = False) -> Path:
    assert list(backup.write(settings, target, with_key=with_key))[-1].startswith("Written")
    return target


def _restore(settings: Settings, source: Path, *, force: bool = False) -> list[str]:
    return list(backup.restore(settings, source, force=force))


def _names(settings: Settings) -> set[str]:
    database = open_database(settings)
    try:
        return {one.name for one in database.read_now(users.all_users)}
    finally:
        database.close()


def test_everything_comes_back_on_another_machine(
    settings: Settings, db: Database, other: Settings, tmp_path: Path
) -> None:
    # INV-22
    file = _write(settings, tmp_path / "b.tar", with_key=True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    _restore(other, file)
    assert (other.files / "ab" / "abcd").read_bytes() == b"picture"
    assert (other.models / "shop-1" / "model.json").read_text() == "{}"
    assert stat.S_IMODE(other.key_file.stat().st_mode) == 0o600
    restored = open_database(other)
    [inbox] = restored.read_now(inboxes.all_inboxes)
    restored.close()
    assert inbox.sealed is not None
    assert vault_of(other).unseal(inbox.sealed) == {"token": "canary"}


def test_the_key_stays_out_unless_asked_for(settings: Settings, db: Database, other: Settings, tmp_path: Path) -> None:
    # S-27
    file = _write(settings, tmp_path / "b.tar")
    key = settings.key_file.read_bytes().strip()
    assert key not in file.read_bytes()
    assert b"canary" not in file.read_bytes()
    _restore(other, file)
    assert not other.key_file.exists()
    assert key in _write(settings, tmp_path / "k.tar", with_key=True).read_bytes()


def test_a_backup_under_load_is_one_moment(settings: Settings, db: Database, other: Settings, tmp_path: Path) -> None:
    # INV-22: pairs are written in one transaction each; a torn copy would hold half of one.
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            with db.writing.begin() as conn:
                for half in "ab":
                    users.add(conn, NewUser(f"{number}{half}@example.com", f"{number}{half}", "agent"))
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(db.read_now(users.all_users)) < 20:
            pass
        file = _write(settings, tmp_path / "b.tar")
    finally:
        stop.set()
        writer.join(30)
    _restore(other, file)
    names = _names(other)
    assert len(names) >= 20
    assert {name[:-1] for name in names if name.endswith("a")} == {name[:-1] for name in names if name.endswith("b")}


def test_a_database_in_place_is_kept_unless_forced_and_then_put_aside(
    settings: Settings, db: Database, tmp_path: Path
) -> None:
    file = _write(settings, tmp_path / "b.tar")
    db.write_now(users.add, NewUser("late@example.com", "Late", "agent"))
    with pytest.raises(BackupError, match="--force"):
        _restore(settings, file)
    assert _names(settings) == {"Late"}
    db.close()
    _restore(settings, file, force=True)
    assert _names(settings) == set()
    [aside] = settings.var.glob("frontdesk.db.before-*")
    kept = Database(f"sqlite:///{aside}")
    assert [one.name for one in kept.read_now(users.all_users)] == ["Late"]
    kept.close()


def test_a_file_in_place_is_never_written_over(settings: Settings, db: Database, tmp_path: Path) -> None:
    file = _write(settings, tmp_path / "b.tar")
    with pytest.raises(BackupError, match="exists"):
        _write(settings, file)


def _tar(path: Path, **members: bytes) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    "name", ["../evil", "/evil", "files/../../evil", "evil", "files", "models/../secret.key", "frontdesk.db/x"]
)
def test_members_that_point_elsewhere_are_refused(other: Settings, tmp_path: Path, name: str) -> None:
    # S-22: zip slip
    file = _tar(tmp_path / "b.tar", **{name: b"x"})
    with pytest.raises(BackupError, match="does not belong"):
        _restore(other, file)
    assert [path.name for path in tmp_path.rglob("*evil*")] == []
    assert list(other.var.iterdir()) == []


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(other: Settings, tmp_path: Path, kind: bytes) -> None:
    # S-22
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        info = tarfile.TarInfo("files/link")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(BackupError, match="does not belong"):
        _restore(other, tmp_path / "b.tar")


def test_a_cut_or_foreign_file_changes_nothing(
    settings: Settings, db: Database, other: Settings, tmp_path: Path
) -> None:
    whole = _write(settings, tmp_path / "b.tar").read_bytes()
    for number, content in enumerate((b"", b"no tar", whole[: len(whole) // 2], whole[:600])):
        (tmp_path / f"{number}.tar").write_bytes(content)
        with pytest.raises(BackupError):
            _restore(other, tmp_path / f"{number}.tar")
        assert list(other.var.iterdir()) == []


def test_a_damaged_database_is_refused(settings: Settings, db: Database, other: Settings, tmp_path: Path) -> None:
    # INV-22
    with db.writing.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    newer = _write(settings, tmp_path / "newer.tar")
    with pytest.raises(BackupError, match="another version"):
        _restore(other, newer)
    with tarfile.open(newer) as tar:
        member = tar.extractfile("frontdesk.db")
        assert member is not None
        content = bytearray(member.read())
    content[8192:40960] = b"\xff" * (40960 - 8192)
    for bad in (bytes(content), b"no database at all" * 100):
        with pytest.raises(BackupError, match="damaged"):
            _restore(other, _tar(tmp_path / "bad.tar", **{"frontdesk.db": bad}))
    assert list(other.var.iterdir()) == []


def test_postgresql_is_left_to_its_own_tools(tmp_path: Path) -> None:
    settings = Settings(var=tmp_path / "var", database_url="postgresql://nowhere/none")
    settings.files.mkdir(parents=True)
    (settings.files / "abcd").write_bytes(b"picture")
    said = list(backup.write(settings, tmp_path / "b.tar"))
    assert "pg_dump" in said[0]
    other = Settings(var=tmp_path / "other", database_url="postgresql://nowhere/none")
    assert "pg_restore" in _restore(other, tmp_path / "b.tar")[-1]
    assert (other.files / "abcd").read_bytes() == b"picture"
