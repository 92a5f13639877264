"""Inboxes: configured channels. Secrets stay sealed here; the hub opens them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, insert, select, update

from models.clock import now
from models.tables import assistants, bot_models, inboxes, settings


@dataclass(frozen=True, slots=True)
class Inbox:
    """A configured channel, as the hub holds it. ``assistant`` is the bot that answers new conversations, if any."""

    id: str
    kind: str
    name: str
    key: str
    config: Mapping[str, Any]
    sealed: bytes | None
    assistant: str | None
    zone: str
    reopen_hours: int
    assignment: str
    enabled: bool
    broken: str | None


@dataclass(frozen=True, slots=True)
class NewInbox:
    """What ``frontdesk inbox add`` asks for."""

    kind: str
    name: str
    key: str
    config: Mapping[str, Any]
    sealed: bytes | None = None
    assistant: str | None = None
    zone: str = "UTC"
    reopen_hours: int = 72
    assignment: str = "manual"


_ALL = select(inboxes).order_by(inboxes.c.created_at, inboxes.c.id)


def all_inboxes(conn: Connection) -> list[Inbox]:
    """Every inbox, oldest first."""
    return [_inbox(dict(row)) for row in conn.execute(_ALL).mappings()]


def _inbox(row: Mapping[str, Any]) -> Inbox:
    return Inbox(
        id=row["id"],
        kind=row["kind"],
        name=row["name"],
        key=row["key"],
        config=row["config"],
        sealed=row["secrets"],
        assistant=row["assistant_id"],
        zone=row["zone"],
        reopen_hours=row["reopen_hours"],
        assignment=row["assignment"],
        enabled=row["enabled"],
        broken=row["broken"],
    )


def add(conn: Connection, new: NewInbox) -> str:
    """Store an inbox and tell running hubs; return its id."""
    inbox_id = uuid4().hex
    conn.execute(
        insert(inboxes),
        {
            "id": inbox_id,
            "kind": new.kind,
            "name": new.name,
            "key": new.key,
            "config": dict(new.config),
            "secrets": new.sealed,
            "assistant_id": new.assistant,
            "zone": new.zone,
            "reopen_hours": new.reopen_hours,
            "assignment": new.assignment,
            "enabled": True,
            "created_at": now(conn),
        },
    )
    raise_settings_rev(conn)
    return inbox_id


def configure(conn: Connection, inbox_id: str, config: Mapping[str, Any], sealed: bytes | None) -> None:
    """Replace an inbox's settings."""
    conn.execute(
        update(inboxes).where(inboxes.c.id == inbox_id).values(config=dict(config), secrets=sealed, broken=None)
    )
    raise_settings_rev(conn)


def mark_broken(conn: Connection, arg: tuple[str, str]) -> None:
    """Stop sending through an inbox whose credentials a provider refuses."""
    inbox_id, why = arg
    conn.execute(update(inboxes).where(inboxes.c.id == inbox_id).values(broken=why))
    raise_settings_rev(conn)


def settings_rev(conn: Connection) -> int:
    """A number that rises whenever something hubs keep in memory was changed."""
    value = conn.execute(select(settings.c.value).where(settings.c.name == "rev")).scalar_one_or_none()
    return int(value or 0)


def raise_settings_rev(conn: Connection) -> None:
    """Make every hub process read its inboxes and assistants again within a second."""
    rev = settings_rev(conn) + 1
    if rev == 1:
        conn.execute(insert(settings), {"name": "rev", "value": rev})
    else:
        conn.execute(update(settings).where(settings.c.name == "rev").values(value=rev))


# --- assistants --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Assistant:
    """An assistant and where its live model lies, if it has one."""

    id: str
    name: str
    engine: str
    config: Mapping[str, Any]
    version: str | None
    path: str | None


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model to make live for the assistant called ``name`` (made if missing)."""

    name: str
    engine: str
    version: str
    path: str
    report: Mapping[str, Any]
    config: Mapping[str, Any]


def all_assistants(conn: Connection) -> list[Assistant]:
    """Every assistant with its live model."""
    query = select(assistants, bot_models.c.version, bot_models.c.path).outerjoin(
        bot_models, bot_models.c.id == assistants.c.live_model_id
    )
    return [
        Assistant(row["id"], row["name"], row["engine"], row["config"], row["version"], row["path"])
        for row in conn.execute(query.order_by(assistants.c.created_at)).mappings()
    ]


def promote(conn: Connection, model: TrainedModel) -> str:
    """Make a trained model the live one; return the assistant's id. The same version twice changes nothing."""
    moment = now(conn)
    found = conn.execute(select(assistants.c.id).where(assistants.c.name == model.name)).scalar_one_or_none()
    assistant_id = found or uuid4().hex
    if not found:
        conn.execute(
            insert(assistants),
            {"id": assistant_id, "name": model.name, "engine": model.engine, "config": dict(model.config),
             "created_at": moment},
        )  # fmt: skip
    same = (bot_models.c.assistant_id == assistant_id) & (bot_models.c.version == model.version)
    model_id = conn.execute(select(bot_models.c.id).where(same)).scalar_one_or_none()
    if model_id is None:
        model_id = uuid4().hex
        conn.execute(
            insert(bot_models),
            {"id": model_id, "assistant_id": assistant_id, "version": model.version, "path": model.path,
             "report": dict(model.report), "created_at": moment},
        )  # fmt: skip
    conn.execute(
        update(assistants)
        .where(assistants.c.id == assistant_id)
        .values(live_model_id=model_id, engine=model.engine, config=dict(model.config))
    )
    raise_settings_rev(conn)
    return str(assistant_id)


def set_assistant(conn: Connection, inbox_id: str, assistant_id: str | None) -> None:
    """Let this assistant answer an inbox's new conversations, or nobody."""
    conn.execute(update(inboxes).where(inboxes.c.id == inbox_id).values(assistant_id=assistant_id))
    raise_settings_rev(conn)
