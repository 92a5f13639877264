"""What an agent should notice in a change: a chat given to them, one that waits, a customer's word in their chat."""

from typing import Literal

from models.book import Change
from models.wire import AgentMessage, Notification

Notice = tuple[str | None, Notification]
"""Whom it is for (None: everybody who answers), and what it says."""


def notices(change: Change) -> list[Notice]:
    """Nobody is told of what they did themselves."""
    found: list[Notice] = []
    for message in change.messages:
        if message["kind"] == "activity":
            found += _activity(change, message)
        elif message["sender"] == "contact" and change.row["status"] == "open" and change.row["assignee_id"]:
            found.append((change.row["assignee_id"], _word("message", change, message["text"])))
    return found


def _activity(change: Change, message: AgentMessage) -> list[Notice]:
    fact = message["activity"]
    if fact is None:
        return []
    to, by = fact["to"], fact["by"]
    if fact["what"] == "assigned" and to and (by is None or by["id"] != to["id"]):
        return [(to["id"], _word("assigned", change, change.summary["preview"]))]
    waits = change.summary["status"] == "open" and change.summary["assignee"] is None
    if waits and fact["what"] in ("handed_over", "reopened"):
        return [(None, _word("waiting", change, change.summary["preview"]))]
    return []


def _word(what: Literal["assigned", "waiting", "message"], change: Change, text: str) -> Notification:
    title = change.summary["name"] or change.summary["address"]
    return {"what": what, "conversation": change.conversation, "title": title, "text": text[:140]}
