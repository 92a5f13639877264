"""``rules:`` and ``stories:`` as lists of steps."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bots.embedded.source import Place, Source

MOST_VARIANTS = 64
"""Flows that ``or:`` steps may multiply one story into."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``kind`` and what it carries: intent (name, entities), action (name), loop (name or None), slots."""

    kind: Literal["intent", "action", "loop", "slots"]
    place: Place
    name: str | None = None
    entities: tuple[str, ...] = ()
    slots: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Flow:
    """One rule or story, ``or:`` expanded. ``any_loop``: it does not say which loop must run at its start."""

    kind: Literal["rule", "story"]
    name: str
    steps: tuple[Step, ...]
    place: Place
    loop: str | None = None
    any_loop: bool = True
    slots: Mapping[str, Any] = field(default_factory=dict)
    wait: bool = True
    start: bool = False


def parse(source: Source) -> list[Flow]:
    """Return the rules and stories of a file."""
    flows: list[Flow] = []
    for kind, key in (("rule", "rules"), ("story", "stories")):
        for item, place in source.entries(key):
            name = item.get(kind)
            steps = item.get("steps")
            if not isinstance(name, str) or not isinstance(steps, list) or not steps:
                source.remarks.error(place, f"a {kind} needs '{kind}: its name' and a list 'steps:'")
                continue
            flows += _expand(source, item, name, place)
    return flows


def _expand(source: Source, item: Mapping[str, Any], name: str, place: Place) -> list[Flow]:
    kind: Literal["rule", "story"] = "rule" if "rule" in item else "story"
    loop, any_loop, slots = _conditions(source, item)
    choices = [_choices(source, step, source.at(item["steps"], index)) for index, step in enumerate(item["steps"])]
    variants = list(itertools.islice(itertools.product(*choices), MOST_VARIANTS + 1))
    if len(variants) > MOST_VARIANTS:
        source.remarks.error(place, f"its or: steps make more than {MOST_VARIANTS} variants; split the {kind}")
    wait, start = item.get("wait_for_user_input", True), item.get("conversation_start", False)
    if not isinstance(wait, bool) or not isinstance(start, bool):
        source.remarks.error(place, "wait_for_user_input and conversation_start must be true or false")
    return [
        Flow(
            kind,
            name,
            tuple(step for step in steps if step),
            place,
            loop,
            any_loop,
            slots,
            wait is not False,
            bool(start),
        )
        for steps in variants[:MOST_VARIANTS]
    ]


def _conditions(source: Source, item: Mapping[str, Any]) -> tuple[str | None, bool, dict[str, Any]]:
    loop, any_loop = None, True
    slots: dict[str, Any] = {}
    conditions = item.get("condition") or []
    for index, condition in enumerate(conditions if isinstance(conditions, list) else []):
        place = source.at(conditions, index)
        if isinstance(condition, dict) and "active_loop" in condition:
            loop, any_loop = condition["active_loop"], False
        elif isinstance(condition, dict) and "slot_was_set" in condition:
            slots |= _slots(source, condition["slot_was_set"], place)
        else:
            source.remarks.error(place, "a condition is active_loop: or slot_was_set:")
    if not isinstance(conditions, list):
        source.remarks.error(source.at(item, "condition"), "condition: must be a list")
    return loop, any_loop, slots


def _choices(source: Source, step: Any, place: Place) -> list[Step | None]:
    if isinstance(step, dict) and isinstance(step.get("or"), list):
        return [_step(source, choice, place) for choice in step["or"]]
    return [_step(source, step, place)]


def _step(source: Source, step: Any, place: Place) -> Step | None:
    if not isinstance(step, dict):
        source.remarks.error(place, "a step is intent:, action:, active_loop:, slot_was_set: or or:")
    elif isinstance(step.get("intent"), str):
        return Step("intent", place, step["intent"].removeprefix("/"), _entities(step.get("entities")))
    elif isinstance(step.get("action"), str):
        return Step("action", place, step["action"])
    elif "active_loop" in step and isinstance(step["active_loop"], str | None):
        return Step("loop", place, step["active_loop"])
    elif "slot_was_set" in step:
        return Step("slots", place, slots=_slots(source, step["slot_was_set"], place))
    elif any(key in step for key in ("user", "bot", "checkpoint")):
        source.remarks.warn(place, f"step {next(iter(step))}: is not supported: ignored")
    else:
        source.remarks.error(place, "a step is intent:, action:, active_loop:, slot_was_set: or or:")
    return None


def _entities(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list) else []
    return tuple(str(next(iter(item))) if isinstance(item, dict) and item else str(item) for item in items)


def _slots(source: Source, value: Any, place: Place) -> dict[str, Any]:
    slots: dict[str, Any] = {}
    for entry in value if isinstance(value, list) else [value]:
        if isinstance(entry, dict):
            slots |= entry
        elif isinstance(entry, str):
            slots[entry] = True
        else:
            source.remarks.error(place, "slot_was_set: must list slots, as 'name' or 'name: value'")
    return slots
