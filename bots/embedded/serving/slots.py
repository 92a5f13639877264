"""Filling slots from a reading, by the mappings of the domain."""

from collections.abc import Mapping, Sequence
from typing import Any

from .tracker import REQUESTED, Tracker

Slot = Mapping[str, Any]


class Filler:
    """Applies the slot mappings of one assistant."""

    def __init__(self, slots: Mapping[str, Slot], forms: Mapping[str, Mapping[str, Any]]) -> None:
        self._slots = slots
        self._forms = forms

    def fill(self, tracker: Tracker, intent: str, entities: Sequence[Mapping[str, Any]], text: str | None) -> set[str]:
        """Set what one message tells; return the names of the slots it gave a value. ``text`` is None for a payload."""
        given: set[str] = set()
        for name, slot in self._slots.items():
            for mapping in slot["mappings"]:
                if not self._applies(mapping, tracker, intent, name):
                    continue
                values = self._values(mapping, entities, text)
                if values:
                    value = values if slot["type"] == "list" else values[-1]
                    tracker.slots[name] = coerce(value, slot["type"])
                    given.add(name)
                    break
        return given

    def trigger(self, tracker: Tracker, intent: str) -> set[str]:
        """Set what starting a form by *intent* tells (``from_trigger_intent``)."""
        given: set[str] = set()
        for name, slot in self._slots.items():
            for mapping in slot["mappings"]:
                loops = [condition.get("active_loop") for condition in mapping["conditions"]]
                here = not loops or tracker.loop in loops
                if mapping["type"] == "from_trigger_intent" and here and self._desired(mapping, tracker, intent):
                    tracker.slots[name] = coerce(mapping.get("value"), slot["type"])
                    given.add(name)
                    break
        return given

    def _applies(self, mapping: Mapping[str, Any], tracker: Tracker, intent: str, name: str) -> bool:
        if not self._desired(mapping, tracker, intent):
            return False
        conditions = mapping["conditions"]
        if conditions and not any(self._holds(condition, tracker) for condition in conditions):
            return False
        return not self._shared(mapping, tracker, name)

    def _desired(self, mapping: Mapping[str, Any], tracker: Tracker, intent: str) -> bool:
        ignored = self._forms[tracker.loop]["ignored"] if tracker.loop else ()
        if mapping["intent"]:
            return intent in mapping["intent"]
        return intent not in mapping["not_intent"] and intent not in ignored

    @staticmethod
    def _holds(condition: Mapping[str, Any], tracker: Tracker) -> bool:
        requested = condition.get(REQUESTED)
        return condition.get("active_loop") == tracker.loop and requested in (None, tracker.slots.get(REQUESTED))

    def _shared(self, mapping: Mapping[str, Any], tracker: Tracker, name: str) -> bool:
        """Tell whether two slots of the running form want this entity: then only the one that was asked for gets it."""
        if mapping["type"] != "from_entity" or not tracker.loop or tracker.slots.get(REQUESTED) == name:
            return False
        required = self._forms[tracker.loop]["slots"]
        same = [slot for slot in required if any(_like(mapping, other) for other in self._slots[slot]["mappings"])]
        return name in required and len(same) > 1

    @staticmethod
    def _values(mapping: Mapping[str, Any], entities: Sequence[Mapping[str, Any]], text: str | None) -> list[Any]:
        if mapping["type"] == "from_entity":
            return [entity["value"] for entity in entities if _names(mapping, entity)]
        if mapping["type"] == "from_text" and text:
            return [text]
        return [mapping.get("value")] if mapping["type"] == "from_intent" else []


def _names(mapping: Mapping[str, Any], entity: Mapping[str, Any]) -> bool:
    return all(mapping.get(part) in (None, entity.get(part)) for part in ("entity", "role", "group"))


def _like(mapping: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(mapping.get(part) == other.get(part) for part in ("type", "entity", "role", "group"))


def coerce(value: Any, kind: str) -> Any:
    """Return *value* as the slot's type where it plainly is one, else unchanged."""
    if kind == "float" and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    if kind == "bool" and isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value
