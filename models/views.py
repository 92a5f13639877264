"""Rows to wire views. Visitors and agents get views built by different functions, so that nothing leaks by mistake."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping

from models.clock import iso, iso_or_none
from models.wire import (
    AgentMessage,
    Attachment,
    Author,
    Button,
    Conversation,
    Message,
    Summary,
    Trace,
)

Row = Mapping[str, Any] | RowMapping
VISITOR = "v:"
"""Prefix of an anonymous visitor's address, which means nothing to people."""


def author(row: Row) -> Author | None:
    """Who wrote it, if a person or a named bot did."""
    return {"id": row["author_id"] or "", "name": row["author_name"]} if row["author_name"] else None


def agent_message(row: Row, files: Sequence[Attachment] = (), reading: Row | None = None) -> AgentMessage:
    """A message for agents; the bot's *reading* (a row of ``traces``) counts as a change of its own."""
    data: Row = row["data"] or {}
    buttons: list[Button] = [{"title": b["title"], "url": b.get("url")} for b in data.get("buttons", ())]
    choice = data.get("choice")
    return {
        "conversation": row["conversation_id"],
        "seq": row["seq"],
        "prev": row["prev"],
        "rev": max(row["rev"], reading["rev"]) if reading else row["rev"],
        "kind": row["kind"],
        "sender": row["sender"],
        "author": author(row),
        "client_id": row["client_id"],
        "text": row["text"],
        "buttons": buttons,
        "attachments": list(files),
        "chosen": [choice["message_seq"], choice["index"]] if choice else None,
        "activity": data.get("activity"),
        "state": row["state"],
        "created_at": iso(row["created_at"]),
        "removed": row["removed"],
        "public": row["public"],
        "trace": trace(reading) if reading else None,
        "page": data.get("page"),
        "error": row["error"],
    }


def for_visitor(message: AgentMessage) -> Message:
    """The same message as its visitor may see it: no page, no reading, no delivery error, no brief."""
    activity = message["activity"]
    return {
        "conversation": message["conversation"],
        "seq": message["seq"],
        "prev": message["prev"],
        "rev": message["rev"],
        "kind": message["kind"],
        "sender": message["sender"],
        "author": message["author"],
        "client_id": message["client_id"],
        "text": message["text"],
        "buttons": message["buttons"],
        "attachments": message["attachments"],
        "chosen": message["chosen"],
        "activity": {**activity, "reason": None, "brief": None, "data": {}} if activity else None,
        "state": message["state"],
        "created_at": message["created_at"],
        "removed": message["removed"],
    }


def attachment(row: Row) -> Attachment:
    """A file of a message; the hub signs the address."""
    return {
        "id": row["id"],
        "name": row["name"],
        "media_type": row["media_type"],
        "size": row["size"],
        "width": row["width"],
        "height": row["height"],
        "url": "",
        "state": row["state"],
    }


def trace(row: Row) -> Trace:
    """How the bot read a message."""
    return {
        "intent": row["intent"],
        "confidence": row["confidence"],
        "ranking": row["ranking"],
        "entities": row["entities"],
        "model": row["model"],
        "fallback": row["fallback"],
    }


def assignee(row: Row) -> Author | None:
    """The agent who owns a conversation."""
    return {"id": row["assignee_id"], "name": row["assignee_name"] or ""} if row["assignee_id"] else None


def conversation(row: Row) -> Conversation:
    """A conversation for its visitor. The hub fills in ``queue_position``."""
    return {
        "id": row["id"],
        "status": row["status"],
        "agent": assignee(row) if row["status"] in ("open", "snoozed") else None,
        "queue_position": None,
        "rev": row["rev"],
        "last_seq": row["last_public_seq"],
        "seen": row["seen_by_agents"],
        "rated": row["rating"],
    }


def summary(row: Row) -> Summary:
    """A conversation for the agents' list. The hub fills in ``queue_position``."""
    return {
        "id": row["id"],
        "status": row["status"],
        "inbox": row["inbox_id"],
        "contact": row["contact_id"],
        "name": row["contact_name"],
        "address": "" if row["address"].startswith(VISITOR) else row["address"],
        "assignee": assignee(row),
        "priority": row["priority"],
        "version": row["version"],
        "rev": row["rev"],
        "last_seq": row["last_seq"],
        "preview": row["preview"],
        "last_sender": row["last_sender"],
        "last_at": iso(row["last_at"]),
        "waiting_since": iso_or_none(row["waiting_since"]),
        "snoozed_until": iso_or_none(row["snoozed_until"]),
        "unread": row["unread"],
        "queue_position": None,
        "language": row["language"],
        "created_at": iso(row["created_at"]),
        "changed_at": iso(row["changed_at"]),
        "opted_out": row["opted_out"],
    }
