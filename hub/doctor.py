"""``frontdesk doctor``: is everything in order? One line for each thing that has to be."""

import asyncio
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import bots
import channels
from bots import BotError
from hub.inboxes import load_config
from hub.lock import is_held
from hub.opening import vault_of
from hub.settings import Settings
from hub.trial import Course, TrialError, walk
from hub.vault import Vault, VaultError
from models import health, inboxes, migrate, outbox, users
from models.db import Database, DatabaseUnavailableError
from models.inboxes import Assistant, Inbox
from models.turns import Turn

LATE = 60_000
"""Milliseconds after which a promise that waits is worth a word."""
_BUILT = Path(__file__).resolve().parent.parent / "widget" / "dist" / "manifest.json"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. Only ``fail`` means that something does not work."""

    level: Literal["ok", "warn", "fail"]
    subject: str
    text: str


def examine(settings: Settings, built: Path = _BUILT) -> Iterator[Finding]:
    """Yield the findings, in an order in which the first that fails explains those that follow."""
    secure = "https" if settings.secure else "http, this computer only"
    yield Finding("ok", "settings", f"public address {settings.public_url} ({secure})")
    if settings.secure and settings.host not in ("127.0.0.1", "::1", "localhost") and not settings.trusted_proxies:
        yield Finding(
            "warn", "settings", "no FRONTDESK_TRUSTED_PROXIES: limits per address count the proxy as one visitor"
        )
    vault, said = _key(settings)
    yield said
    yield _pages(built)
    if settings.database_file and not settings.database_file.is_file():
        yield Finding("warn", "database", f"none yet at {settings.database_file}; the first `serve` makes it")
        return
    database = Database(settings.database_url, synchronous=settings.synchronous)
    try:
        yield from _look_inside(settings, database, vault)
    except DatabaseUnavailableError as error:
        yield Finding("fail", "database", f"cannot be reached ({error})")
    finally:
        database.close()


def _look_inside(settings: Settings, database: Database, vault: Vault | None) -> Iterator[Finding]:
    faults = health.faults(database)
    if faults:
        yield from (Finding("fail", "database", fault) for fault in faults)
        return
    yield Finding("ok", "database", str(settings.database_file or "PostgreSQL answers"))
    found = migrate.current(database)
    yield _schema(found)
    if settings.sqlite:
        yield Finding("ok", "lock", "a hub is serving" if is_held(settings.lock) else "no hub is serving now")
    if found is not None and found >= migrate.head():
        yield from _contents(settings, database, vault)


def _schema(found: str | None) -> Finding:
    if found is None:
        return Finding("warn", "schema", "empty; the first `serve` makes it")
    if found < migrate.head():
        return Finding("fail", "schema", f"revision {found}, this version needs {migrate.head()}: `frontdesk migrate`")
    return Finding("ok", "schema", f"revision {found}")


def _key(settings: Settings) -> tuple[Vault | None, Finding]:
    if settings.secret_key is None and not settings.key_file.exists():
        return None, Finding("warn", "key", "none yet; the first `serve` makes it")
    try:
        vault = vault_of(settings)
    except VaultError as error:
        return None, Finding("fail", "key", str(error))
    if settings.secret_key is not None:
        return vault, Finding("ok", "key", "from FRONTDESK_SECRET_KEY")
    if settings.key_file.stat().st_mode & 0o077:
        return vault, Finding("fail", "key", f"others can read {settings.key_file}: chmod 600 {settings.key_file}")
    return vault, Finding("ok", "key", str(settings.key_file))


def _pages(built: Path) -> Finding:
    try:
        json.loads(built.read_text())
    except (OSError, ValueError):
        return Finding("fail", "pages", "the browser code is not built; `make run` builds it")
    return Finding("ok", "pages", "browser code is built")


def _contents(settings: Settings, database: Database, vault: Vault | None) -> Iterator[Finding]:
    if database.read_now(users.has_admin):
        yield Finding("ok", "users", "there is an administrator")
    else:
        yield Finding("warn", "users", "no administrator yet: the start prints a link")
    for assistant in database.read_now(inboxes.all_assistants):
        yield asyncio.run(_bot(settings.models, assistant))
    yield from _inboxes(database, vault)
    yield from _outbox(database)
    if vault:
        yield from _trial(settings, database, vault)


def _trial(settings: Settings, database: Database, vault: Vault) -> Iterator[Finding]:
    """Send a message through every hop of the hub that serves, if one does."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - read, not bound
    url = f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
    admin = next((agent["id"] for agent in database.read_now(users.agents) if agent["role"] == "admin"), None)
    inbox = next((one for one in database.read_now(inboxes.all_inboxes) if one.enabled and _by_socket(one)), None)
    if not _listens(host, settings.port):
        yield Finding("warn", "trial", f"no hub answers at {url}")
    elif admin is None or inbox is None:
        yield Finding("warn", "trial", "needs an administrator and an inbox that a browser can reach")
    else:
        course = Course(url, settings.public_url, settings.cookie_name, inbox, admin)
        try:
            yield from (
                Finding("ok", f"trial {hop.name}", f"{hop.text}, {hop.took:.0f} ms")
                for hop in walk(course, database, vault)
            )
        except TrialError as error:
            yield Finding("fail", "trial", str(error))


def _by_socket(inbox: Inbox) -> bool:
    try:
        return channels.load(inbox.kind).caps.origins
    except ValueError:
        return False


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=2.0):
            return True
    except OSError:
        return False


async def _bot(models: Path, assistant: Assistant) -> Finding:
    """Open the live model and let it answer a greeting."""
    subject = f"bot {assistant.name}"
    if assistant.path is None:
        return Finding("warn", subject, "has no live model; `frontdesk bot train` makes one")
    turn = Turn(id="doctor", conversation="doctor", text="hello", language="en")
    try:
        opened = await bots.load(assistant.engine, assistant.config).open(models / assistant.path)
        try:
            answer = await asyncio.wait_for(opened.answer(turn), opened.limit + 5.0)
        finally:
            await opened.close()
    except (BotError, ValueError, OSError) as error:
        return Finding("fail", subject, f"model {assistant.version}: {str(error) or type(error).__name__}")
    return Finding("ok", subject, f"model {assistant.version} answers ({len(answer.messages)} messages)")


def _inboxes(database: Database, vault: Vault | None) -> Iterator[Finding]:
    for one in database.read_now(inboxes.all_inboxes):
        subject = f"inbox {one.name}"
        try:
            load_config(channels.load(one.kind), one, vault)
        except ValueError as error:
            yield Finding("fail", subject, str(error))
            continue
        if one.broken:
            yield Finding("fail", subject, f"the provider refuses its credentials: {one.broken}")
        else:
            yield Finding("ok", subject, f"settings are complete{'' if one.enabled else ', switched off'}")


def _outbox(database: Database) -> Iterator[Finding]:
    rows = database.read_now(outbox.depth)
    late = [(kind, count, age) for kind, state, count, age in rows if state == "waiting" and age > LATE]
    lost = [(kind, state, count) for kind, state, count, _ in rows if state in ("dead", "uncertain")]
    yield from (
        Finding("warn", "outbox", f"{count} {kind} wait, the oldest for {age // 1_000} s") for kind, count, age in late
    )
    yield from (Finding("warn", "outbox", f"{count} {kind} are {state}") for kind, state, count in lost)
    if not late and not lost:
        yield Finding("ok", "outbox", f"{sum(row[2] for row in rows)} promises wait")
