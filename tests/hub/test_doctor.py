"""The doctor says what is broken, and of a healthy hub that it is."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import insert

from hub import doctor
from hub.doctor import Finding
from hub.lock import hold
from hub.opening import open_database, vault_of
from hub.settings import Settings
from models import inboxes, migrate, users
from models.clock import now
from models.db import Database
from models.inboxes import NewInbox, TrainedModel
from models.tables import outbox
from models.users import NewUser
from tests.support.hub import HubProcess, free_port


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(var=tmp_path / "var", port=free_port())


@pytest.fixture
def db(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    migrate.upgrade(database)
    vault_of(settings)
    yield database
    database.close()


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "manifest.json").write_text("{}")
    return tmp_path / "manifest.json"


def _found(settings: Settings, built: Path) -> dict[str, Finding]:
    return {finding.subject: finding for finding in doctor.examine(settings, built)}


def test_a_healthy_hub_has_nothing_to_say(settings: Settings, db: Database, built: Path) -> None:
    db.write_now(users.add, NewUser("a@b.c", "A", "admin", "hash"))
    db.write_now(inboxes.add, NewInbox("web", "Shop", "shop", {}))
    with hold(settings.lock):
        found = _found(settings, built)
    assert (found["trial"].level, found.pop("trial").text) == ("warn", f"no hub answers at {settings.public_url}")
    assert {finding.level for finding in found.values()} == {"ok"}
    assert set(found) == {"settings", "key", "pages", "database", "schema", "lock", "users", "inbox Shop", "outbox"}
    assert found["lock"].text == "a hub is serving"


def test_before_the_first_start_nothing_is_broken_and_nothing_is_made(settings: Settings, built: Path) -> None:
    found = _found(settings, built)
    assert {finding.level for finding in found.values()} == {"ok", "warn"}
    assert not settings.var.exists()


def test_what_is_broken_is_said(settings: Settings, db: Database, tmp_path: Path) -> None:
    settings.key_file.chmod(0o644)
    sealed = vault_of(settings).seal({"secret": "canary"})
    db.write_now(inboxes.add, NewInbox("memory", "Good", "good", {}, sealed))
    db.write_now(inboxes.add, NewInbox("memory", "Bare", "bare", {}))
    db.write_now(inboxes.add, NewInbox("pigeon", "Odd", "odd", {}))
    refused = db.write_now(inboxes.add, NewInbox("web", "Refused", "refused", {}))
    db.write_now(inboxes.mark_broken, (refused, "20003"))
    db.write_now(inboxes.promote, TrainedModel("shop", "embedded", "v1", "nowhere", {}, {}))
    found = _found(settings, tmp_path / "missing.json")
    fails = {subject: finding.text for subject, finding in found.items() if finding.level == "fail"}
    assert set(fails) == {"key", "pages", "bot shop", "inbox Bare", "inbox Odd", "inbox Refused"}
    assert "chmod 600" in fails["key"]
    assert "secret: Field required" in fails["inbox Bare"]
    assert "unknown channel" in fails["inbox Odd"]
    assert "20003" in fails["inbox Refused"]
    assert "canary" not in str(found)


def test_an_older_schema_is_said(settings: Settings, db: Database, built: Path) -> None:
    with db.writing.begin() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    assert "frontdesk migrate" in _found(settings, built)["schema"].text


def test_a_damaged_database_is_said(settings: Settings, db: Database, built: Path) -> None:
    db.close()
    assert settings.database_file is not None
    with settings.database_file.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 65_536)
    found = _found(settings, built)
    assert found["database"].level == "fail"
    assert "outbox" not in found


def test_rows_that_refer_to_nothing_are_said(settings: Settings, db: Database, built: Path) -> None:
    with db.writing.connect() as raw:
        raw.exec_driver_sql("COMMIT")
        raw.exec_driver_sql("PRAGMA foreign_keys=OFF")
        raw.exec_driver_sql("INSERT INTO presence VALUES ('nobody', 'online', 0)")
        raw.exec_driver_sql("PRAGMA foreign_keys=ON")
        raw.exec_driver_sql("BEGIN")
    assert _found(settings, built)["database"].text == "presence refers to rows that are gone"


def test_promises_that_wait_or_were_given_up_are_said(settings: Settings, db: Database, built: Path) -> None:
    # INV-19
    with db.writing.begin() as conn:
        moment = now(conn)
        row: dict[str, Any] = {"conversation_id": None, "seq": 1, "attempts": 5, "payload": {}, "created_at": moment}
        conn.execute(
            insert(outbox),
            [
                {**row, "id": "1", "kind": "deliver", "state": "dead", "due_at": moment},
                {**row, "id": "2", "kind": "turn", "state": "waiting", "due_at": moment - 120_000},
            ],
        )
    texts = [finding.text for finding in doctor.examine(settings, built) if finding.subject == "outbox"]
    assert texts[0].startswith("1 turn wait, the oldest for 12")
    assert texts[1] == "1 deliver are dead"


def test_a_database_that_does_not_answer_is_said(tmp_path: Path, built: Path) -> None:
    url = "postgresql://127.0.0.1:1/none?connect_timeout=2"
    found = _found(Settings(var=tmp_path, database_url=url), built)
    assert (found["database"].level, "cannot be reached" in found["database"].text) == ("fail", True)


def test_a_message_goes_through_every_hop_of_a_hub_that_serves(hub: HubProcess) -> None:
    settings = Settings(var=hub.var, port=urlsplit(hub.url).port, database_url=hub.database_url)
    for _ in range(2):
        findings = [one for one in doctor.examine(settings) if one.subject.startswith("trial")]
        assert [one.subject for one in findings] == [
            f"trial {hop}" for hop in ("server", "visitor", "stored", "told", "answered", "inbox", "ended")
        ]
        assert {one.level for one in findings} == {"ok"}
    with hub.client() as admin:
        shown = admin.get("/api/conversations", params={"view": "resolved"}).json()["items"]
        assert len(shown) == 1, "one conversation, however often the doctor comes"


def test_the_hop_that_fails_is_named(settings: Settings, db: Database, built: Path) -> None:
    db.write_now(users.add, NewUser("a@b.c", "A", "admin", "hash"))
    db.write_now(inboxes.add, NewInbox("web", "Shop", "shop", {}))
    with socket.create_server(("127.0.0.1", settings.port)) as deaf, ThreadPoolExecutor(1) as aside:
        aside.submit(_hang_up, deaf)
        found = _found(settings, built)
    assert found["trial"].level == "fail"
    assert found["trial"].text.startswith("after the start: ")


def _hang_up(deaf: socket.socket) -> None:
    for _ in range(2):  # the look whether anybody listens, and the first request
        deaf.accept()[0].close()
