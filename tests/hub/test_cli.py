"""The command line, on a real database."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.cli import frontdesk
from hub.lock import LockHeldError, hold, is_held
from hub.refusals import Refusal
from hub.signin import SignIn
from hub.vault import open_vault
from models import inboxes, migrate
from models.db import Database
from models.http import SetPassword

ACCOUNT = "AC" + "a" * 32
TOKEN = "canary-0123456789abcdef0123456789"
PROJECT = {
    "domain.yml": """
version: "3.1"
intents: [greet, goodbye]
responses:
  utter_greet: [{text: "Hello there"}]
  utter_goodbye: [{text: "Bye now"}]
""",
    "config.yml": "version: '3.1'\nlanguage: en\npipeline: []\npolicies: []\n",
    "data/nlu.yml": """
version: "3.1"
nlu:
- intent: greet
  examples: |
    - hello
    - hi there
    - good morning
    - hey
- intent: goodbye
  examples: |
    - bye
    - see you later
    - good bye
    - farewell
""",
    "data/rules.yml": """
version: "3.1"
rules:
- rule: greet
  steps:
  - intent: greet
  - action: utter_greet
- rule: bye
  steps:
  - intent: goodbye
  - action: utter_goodbye
""",
    "dialogs/small.yml": """
- dialog: hello
  language: en
  steps:
  - {say: hello, intent: greet, bot: Hello}
  - {say: bye, intent: goodbye, bot: Bye}
""",
}


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in os.environ:
        if name.startswith("FRONTDESK_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("FRONTDESK_VAR", str(tmp_path / "var"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "var"


@pytest.fixture
def db(var: Path) -> Iterator[Database]:
    """The database as a running hub has it open."""
    var.mkdir()
    database = Database(f"sqlite:///{var}/frontdesk.db")
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, content in PROJECT.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path / "shop"


def run(*args: str, code: int = 0) -> str:
    result: Result = CliRunner().invoke(frontdesk, list(args))
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


# --- users -------------------------------------------------------------------------------------------------------


async def test_a_user_is_added_and_chooses_a_password_by_the_link(var: Path, db: Database) -> None:
    # S-10
    output = run("user", "add", "Ann@example.com", "--name", "Ann", "--role", "supervisor")
    address = output.splitlines()[-1]
    assert address.startswith("http://127.0.0.1:8000/inbox#reset=")
    signin = SignIn(db, open_vault(None, var / "secret.key"))
    signed = await signin.set_password(SetPassword(token=address.partition("=")[2], password="long enough"))
    assert (signed.session.user.email, signed.session.user.role) == ("ann@example.com", "supervisor")
    assert "ann@example.com" in run("user", "list")
    assert "already" in run("user", "add", "ann@example.com", "--name", "Other", code=1)


async def test_a_reset_signs_out_everywhere_and_voids_the_older_link(var: Path, db: Database) -> None:
    # S-8, S-10
    first = run("user", "add", "ann@example.com", "--name", "Ann").splitlines()[-1].partition("=")[2]
    signin = SignIn(db, open_vault(None, var / "secret.key"))
    signed = await signin.set_password(SetPassword(token=first, password="long enough"))
    second = run("user", "reset", "ann@example.com").splitlines()[-1].partition("=")[2]
    assert await signin.living([signed.session.id]) == set()
    third = run("user", "reset", "ann@example.com").splitlines()[-1].partition("=")[2]
    with pytest.raises(Refusal):
        await signin.set_password(SetPassword(token=second, password="long enough"))
    await signin.set_password(SetPassword(token=third, password="long enough"))


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("add", "nobody", "--name", "X"), "no e-mail address"),
        (("add", "a@b.c", "--name", " "), "must not be empty"),
        (("add", "a@b.c", "--name", "X", "--role", "root"), "root"),
    ],
)
def test_bad_users_are_refused(var: Path, args: tuple[str, ...], said: str) -> None:
    assert said in run("user", *args, code=2)


def test_an_unknown_user_is_named(var: Path) -> None:
    assert "there is no user a@b.c" in run("user", "reset", "a@b.c", code=1)


# --- inboxes -----------------------------------------------------------------------------------------------------


def _stored(db: Database) -> list[inboxes.Inbox]:
    return db.read_now(inboxes.all_inboxes)


def test_a_website_inbox_is_added_beside_a_running_hub(var: Path, db: Database) -> None:
    rev = db.read_now(inboxes.settings_rev)
    output = run(
        "inbox", "add", "web", "--name", "Shop", "--key", "shop", "--zone", "Asia/Tokyo",
        "--origin", "https://shop.example", "--origin", "https://www.shop.example/",
        "--set", "uploads=false", "--set", 'starters=["A, b", "c"]', "--set", "greeting=[hello]",
    )  # fmt: skip
    [stored] = _stored(db)
    assert stored.config == {
        "origins": ["https://shop.example", "https://www.shop.example"],
        "uploads": False,
        "starters": ["A, b", "c"],
        "greeting": "[hello]",
    }
    assert (stored.name, stored.key, stored.zone, stored.sealed) == ("Shop", "shop", "Asia/Tokyo", None)
    assert '<script async src="http://127.0.0.1:8000/widget.js" data-key="shop"></script>' in output
    assert db.read_now(inboxes.settings_rev) > rev
    assert f"{stored.id}" in run("inbox", "list")


def test_secrets_come_from_files_and_variables_and_are_sealed(
    var: Path, db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # S-27
    (tmp_path / "token").write_text(TOKEN + "\n")
    monkeypatch.setenv("OLDER", TOKEN + "-older")
    output = run(
        "inbox", "add", "sms", "--set", f"account_sid={ACCOUNT}", "--set", "sender=+15005550006",
        "--secret", "auth_token=@token", "--secret", "auth_token=env:OLDER",
    )  # fmt: skip
    [stored] = _stored(db)
    assert f"http://127.0.0.1:8000/webhooks/sms/{stored.id}" in output
    assert stored.config == {"account_sid": ACCOUNT, "sender": "+15005550006"}
    assert stored.sealed is not None
    assert open_vault(None, var / "secret.key").unseal(stored.sealed) == {"auth_token": [TOKEN, TOKEN + "-older"]}
    assert "canary" not in output
    with closing(sqlite3.connect(var / "frontdesk.db")) as raw:
        assert "canary" not in "\n".join(raw.iterdump())
    assert "Text message: ok" in run("inbox", "check")


def test_a_secret_is_asked_for_without_echo(var: Path, db: Database) -> None:
    # S-28
    args = ["inbox", "add", "memory", "--secret", "secret"]
    result = CliRunner().invoke(frontdesk, args, input=f"{TOKEN}\n")
    assert result.exit_code == 0, result.output
    assert "canary" not in result.output
    sealed = _stored(db)[0].sealed
    assert sealed is not None
    assert open_vault(None, var / "secret.key").unseal(sealed) == {"secret": TOKEN}


def test_a_change_keeps_what_is_not_named(var: Path, db: Database, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    run("inbox", "add", "memory", "--key", "m", "--secret", "secret=@token")
    run("inbox", "set", "m", "--set", "url=https://partner.example/in")
    [stored] = _stored(db)
    assert stored.config == {"url": "https://partner.example/in"}
    assert stored.sealed is not None
    assert open_vault(None, var / "secret.key").unseal(stored.sealed) == {"secret": TOKEN}
    assert "there is no inbox" in run("inbox", "set", "nope", code=1)


@pytest.mark.parametrize(
    ("args", "said", "code"),
    [
        (("web", "--origin", "http://shop.example"), "origins.0: http is allowed for this computer only", 1),
        (("web", "--set", "colour=red"), "colour: Extra inputs", 1),
        (("web", "--set", "color"), "write NAME=VALUE", 2),
        (("web", "--set", f"identity_secret={TOKEN}"), "identity_secret is a secret", 2),
        (("web", "--secret", f"identity_secret={TOKEN}"), "write identity_secret=@FILE", 2),
        (("web", "--secret", "color"), "color is no secret", 2),
        (("web", "--secret", "identity_secret=@missing"), "cannot be read", 2),
        (("web", "--secret", "identity_secret=env:MISSING"), "is not set", 2),
        (("web", "--zone", "Mars"), "no IANA time zone", 2),
        (("web", "--assistant", "nobody"), "there is no assistant nobody", 2),
        (("memory",), "secret: Field required", 1),
        (("memory", "--origin", "https://shop.example"), "do not connect", 2),
        (("pigeon",), "pigeon", 2),
    ],
)
def test_bad_inboxes_are_refused_by_field(var: Path, db: Database, args: tuple[str, ...], said: str, code: int) -> None:
    output = run("inbox", "add", *args, code=code)
    assert said in output
    assert "canary" not in output
    assert _stored(db) == []


def test_a_key_belongs_to_one_inbox(var: Path, db: Database) -> None:
    run("inbox", "add", "web", "--key", "shop")
    assert "another inbox has this key" in run("inbox", "add", "web", "--key", "shop", code=2)


def test_a_check_fails_when_the_key_is_lost(var: Path, db: Database, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    run("inbox", "add", "memory", "--secret", "secret=@token")
    (var / "secret.key").unlink()
    assert "FRONTDESK_SECRET_KEY" in run("inbox", "check", code=1)


# --- bots --------------------------------------------------------------------------------------------------------


def test_a_bot_is_checked_tested_trained_and_made_live(var: Path, db: Database, project: Path) -> None:
    run("inbox", "add", "web", "--key", "shop")
    assert "0 errors" in run("bot", "check", str(project))
    assert "1 of 1 dialogues passed" in run("bot", "test", str(project))
    assert db.read_now(inboxes.all_assistants) == []
    assert "is live" in run("bot", "train", str(project), "--inbox", "shop")
    [assistant] = db.read_now(inboxes.all_assistants)
    assert (assistant.name, assistant.engine) == ("shop", "embedded")
    assert assistant.path is not None
    assert (var / "models" / assistant.path).is_dir()
    assert _stored(db)[0].assistant == assistant.id
    run("inbox", "add", "web", "--key", "second")
    assert _stored(db)[1].assistant == assistant.id
    assert "ok    bot shop: model" in run("doctor", code=0 if _built() else 1)


def test_a_dialogue_that_fails_says_where(var: Path, project: Path) -> None:
    dialog = project / "dialogs" / "small.yml"
    dialog.write_text(dialog.read_text().replace("bot: Bye", "bot: Farewell"))
    output = run("bot", "test", str(project), code=1)
    assert "hello: step 2 ('bye'): the bot did not say 'Farewell'" in output
    assert "0 of 1 dialogues passed" in output


def test_a_broken_project_names_file_and_line(var: Path, db: Database, project: Path) -> None:
    (project / "data" / "rules.yml").write_text(PROJECT["data/rules.yml"].replace("utter_goodbye", "utter_nothing"))
    assert "rules.yml:" in run("bot", "check", str(project), code=1)
    assert "cannot be trained" in run("bot", "train", str(project), code=1)
    assert db.read_now(inboxes.all_assistants) == []


# --- database ----------------------------------------------------------------------------------------------------


def test_migrate_needs_the_hub_to_be_stopped(var: Path) -> None:
    assert "revision" in run("migrate")
    assert "already" in run("migrate")
    with hold(var / "frontdesk.lock"):
        assert is_held(var / "frontdesk.lock")
        result = CliRunner().invoke(frontdesk, ["migrate"])
    assert isinstance(result.exception, LockHeldError)
    assert str(os.getpid()) in str(result.exception)
    assert not is_held(var / "frontdesk.lock")


def test_an_old_database_is_not_touched_by_other_commands(var: Path, db: Database) -> None:
    with db.writing.begin() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    result = CliRunner().invoke(frontdesk, ["user", "list"])
    assert "frontdesk migrate" in str(result.exception)


def test_postgresql_settings_reach_the_database(
    var: Path, database_kind: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # INV-25
    monkeypatch.setenv("FRONTDESK_DATABASE_URL", database_url)
    run("migrate")
    run("user", "add", "a@b.c", "--name", "A")
    assert "a@b.c" in run("user", "list")
    assert "ok    database" in run("doctor", code=0 if _built() else 1)


def _built() -> bool:
    return (Path(__file__).parents[2] / "widget" / "dist" / "manifest.json").is_file()


def _program(*args: str, **more: str) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", "from hub.cli import main; main()", *args]
    environ = {**os.environ, "PYTHONPATH": str(root), **more}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_refusals_are_one_sentence_and_an_exit_code(var: Path) -> None:
    wrong = _program("user", "list", FRONTDESK_PORT="x", FRONTDESK_PUBLIC_URL="http://shop.example")
    assert wrong.returncode == 1
    assert wrong.stdout == ""
    assert wrong.stderr.splitlines()[0].startswith("frontdesk: FRONTDESK_PORT: ")
    assert wrong.stderr.splitlines()[1].startswith("FRONTDESK_PUBLIC_URL: http is allowed")
    assert _program("nonsense").returncode == 2
    gone = _program("user", "list", FRONTDESK_DATABASE_URL="postgresql://127.0.0.1:1/none?connect_timeout=2")
    assert gone.returncode == 1
    assert "Traceback" not in gone.stderr


def test_what_the_program_writes_is_for_its_owner(var: Path) -> None:
    # S-37
    assert _program("user", "add", "a@b.c", "--name", "A").returncode == 0
    assert [
        oct(path.stat().st_mode & 0o077) for path in (var, var / "frontdesk.db", var / "secret.key") if path.exists()
    ] == ["0o0", "0o0"]
