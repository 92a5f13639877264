"""Where a conversation stands, as JSON small enough to travel with every turn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VERSION = 1
KEPT = 40
"""Tokens of history: more than any rule or story looks back."""
REQUESTED = "requested_slot"


@dataclass(slots=True)
class Tracker:
    """State between turns. ``history`` holds tokens: ``i/intent``, ``a/action``, ``l/loop`` (``l/`` when it ends)."""

    turn: int = 0
    history: list[str] = field(default_factory=list)
    slots: dict[str, Any] = field(default_factory=dict)
    loop: str | None = None
    language: str | None = None
    """The language the customer was last seen to write, if a message told."""

    def dump(self) -> dict[str, Any]:
        """Return the state as JSON."""
        return {
            "version": VERSION,
            "turn": self.turn,
            "history": self.history[-KEPT:],
            "slots": {name: value for name, value in self.slots.items() if value is not None},
            "loop": self.loop,
            "language": self.language,
        }

    def begin_session(self, initial: Mapping[str, Any], carry_over: bool) -> None:
        """Forget the flow; forget the slots too unless the assistant carries them over."""
        self.history = []
        self.loop = None
        self.slots = {**initial, **(self.slots if carry_over else {})}
        self.slots[REQUESTED] = None


def load(state: Any, initial: Mapping[str, Any], loops: Mapping[str, Any]) -> Tracker:
    """Return the tracker stored as *state*; what does not fit this assistant is forgotten, never trusted."""
    tracker = Tracker(slots={**initial, REQUESTED: None})
    if not isinstance(state, dict) or state.get("version") != VERSION:
        return tracker
    turn, history, slots = state.get("turn"), state.get("history"), state.get("slots")
    tracker.turn = turn if isinstance(turn, int) else 0
    tracker.history = [token for token in history if isinstance(token, str)] if isinstance(history, list) else []
    known = slots if isinstance(slots, dict) else {}
    tracker.slots |= {name: value for name, value in known.items() if name in tracker.slots}
    loop, language = state.get("loop"), state.get("language")
    tracker.loop = loop if isinstance(loop, str) and loop in loops else None
    tracker.language = language if isinstance(language, str) else None
    if tracker.loop is None:
        tracker.slots[REQUESTED] = None
    return tracker
