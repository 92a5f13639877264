"""Who may do what (S-7): one table, asked before every action."""

from typing import Literal

from models.wire import Role

Actor = Role | Literal["visitor", "bot", "channel"]
Action = Literal[
    "read",  # conversations, contacts, colleagues
    "reply",
    "note",
    "own",  # claim, assign, release, hand back, resolve, reopen, snooze
    "edit_contact",
    "link",
    "upload",
    "report",
    "train",
    "promote",
    "simulate",
    "configure",
    "manage_users",
    "export",
    "erase",
    "send",
    "rate",
    "answer",
    "hand_over",
    "receive",
]

_ANSWERING: frozenset[Action] = frozenset({"read", "reply", "note", "own", "edit_contact", "link", "upload"})
_TRAINING: frozenset[Action] = frozenset({"read", "note", "train", "promote", "report"})
_ADMINISTERING: frozenset[Action] = frozenset({"simulate", "configure", "manage_users", "export", "erase"})
_TABLE: dict[Actor, frozenset[Action]] = {
    "agent": _ANSWERING,
    "supervisor": _ANSWERING | {"report"},
    "trainer": _TRAINING,
    "admin": _ANSWERING | _TRAINING | _ADMINISTERING,
    "visitor": frozenset({"send", "rate", "upload"}),
    "bot": frozenset({"answer", "hand_over"}),
    "channel": frozenset({"receive"}),
}


def may(actor: Actor, action: Action) -> bool:
    """Whether *actor* may do *action*; an actor we do not know may do nothing."""
    return action in _TABLE.get(actor, frozenset())
