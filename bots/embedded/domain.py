"""``domain.yml``: intents, entities, slots, responses, forms, actions, session."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bots.embedded.source import Place, Source

SLOT_TYPES = ("text", "bool", "categorical", "float", "list", "any")
MAPPINGS = ("from_entity", "from_text", "from_intent", "from_trigger_intent")
VALUED = ("from_intent", "from_trigger_intent")


@dataclass(slots=True)
class Slot:
    """A slot and how it is filled. ``mappings`` hold plain data with every key present.

    ``declared``: the project says how (3.x), if only that an action does.
    """

    type: str
    place: Place
    initial: Any = None
    influence: bool = True
    mappings: list[dict[str, Any]] = field(default_factory=list)
    declared: bool = False


@dataclass(slots=True)
class Form:
    """A form; its required slots in the order it asks."""

    slots: list[str]
    ignored: list[str]
    place: Place


@dataclass(frozen=True, slots=True)
class Variation:
    """One wording of a response, as plain data with every key present."""

    data: Mapping[str, Any]
    place: Place


@dataclass(slots=True)
class Domain:
    """All domain files together. ``carry_over``: slots outlive the session."""

    intents: dict[str, Place] = field(default_factory=dict)
    entities: dict[str, Place] = field(default_factory=dict)
    slots: dict[str, Slot] = field(default_factory=dict)
    responses: dict[str, list[Variation]] = field(default_factory=dict)
    forms: dict[str, Form] = field(default_factory=dict)
    actions: dict[str, Place] = field(default_factory=dict)
    session_minutes: float = 60
    carry_over: bool = True


def add(domain: Domain, source: Source) -> None:
    """Add one domain file."""
    _add_names(domain.intents, source, "intents")
    _add_names(domain.entities, source, "entities")
    _add_names(domain.actions, source, "actions")
    content = source.content
    for name, body in source.mapping(content, "slots").items():
        domain.slots[name] = _slot(source, name, body, source.at(content["slots"], name))
    for name, body in source.mapping(content, "responses").items():
        domain.responses[name] = _variations(source, name, body, source.at(content["responses"], name))
    for name, body in source.mapping(content, "forms").items():
        domain.forms[name] = _form(domain, source, name, body)
    session = source.mapping(content, "session_config")
    minutes = session.get("session_expiration_time", domain.session_minutes)
    if isinstance(minutes, int | float) and minutes >= 0:
        domain.session_minutes = minutes
    else:
        source.remarks.error(
            source.at(session, "session_expiration_time"), "session_expiration_time: minutes, 0 for never"
        )
    domain.carry_over = bool(session.get("carry_over_slots_to_new_session", domain.carry_over))


def _add_names(names: dict[str, Place], source: Source, key: str) -> None:
    items = source.content.get(key) or []
    if not isinstance(items, list):
        source.remarks.error(source.at(source.content, key), f"{key}: must be a list")
        return
    for index, item in enumerate(items):
        name = next(iter(item), None) if isinstance(item, dict) else item
        place = source.at(items, index)
        if not isinstance(name, str) or not name:
            source.remarks.error(place, f"an entry of {key}: must be a name")
        elif name in names:
            source.remarks.error(
                place, f"{name} is listed twice under {key}: (first in {_where(names[name])}); remove one"
            )
        else:
            names[name] = place


def _where(place: Place) -> str:
    return f"{place.file}:{place.line}"


def _slot(source: Source, name: str, body: Any, place: Place) -> Slot:
    facts = body if isinstance(body, dict) else {}
    kind = facts.get("type")
    if kind not in SLOT_TYPES:
        source.remarks.warn(
            place, f"slot {name}: type {kind!r} is not known (known: {', '.join(SLOT_TYPES)}); kept as 'any'"
        )
        kind = "any"
    slot = Slot(kind, place, _plain(facts.get("initial_value")), facts.get("influence_conversation") is not False)
    mappings = facts.get("mappings") or []
    slot.declared = "mappings" in facts
    if not isinstance(mappings, list):
        source.remarks.error(place, f"slot {name}: mappings: must be a list")
        mappings = []
    for index, mapping in enumerate(mappings):
        if parsed := _mapping(source, mapping, source.at(mappings, index)):
            slot.mappings.append(parsed)
    return slot


def _mapping(source: Source, mapping: Any, place: Place) -> dict[str, Any] | None:
    kind = mapping.get("type") if isinstance(mapping, dict) else None
    if kind == "custom":
        return None
    if kind not in MAPPINGS:
        source.remarks.error(place, f"mapping type {kind!r} is not known (known: {', '.join(MAPPINGS)}, custom)")
        return None
    if kind in VALUED and mapping.get("value") is None:
        source.remarks.error(place, f"a mapping of type {kind} needs a value:")
    conditions = mapping.get("conditions") or []
    if not isinstance(conditions, list) or not all(isinstance(item, dict) for item in conditions):
        source.remarks.error(place, "conditions: must be a list of active_loop: (and requested_slot:)")
        conditions = []
    return {
        **{part: mapping.get(part) for part in ("type", "entity", "role", "group")},
        "value": _plain(mapping.get("value")),
        "intent": source.strings(mapping, "intent"),
        "not_intent": source.strings(mapping, "not_intent"),
        "conditions": [_plain(item) for item in conditions],
    }


def _form(domain: Domain, source: Source, name: str, body: Any) -> Form:
    facts = body if isinstance(body, dict) else {}
    place = source.at(source.content["forms"], name)
    required = facts.get("required_slots") or []
    if isinstance(required, dict):
        for slot, mappings in required.items():
            _adopt(domain, source, name, slot, mappings)
    elif not isinstance(required, list):
        source.remarks.error(place, f"form {name}: required_slots: must be a list of slots")
        required = []
    return Form([str(slot) for slot in required], source.strings(facts, "ignored_intents"), place)


def _adopt(domain: Domain, source: Source, form: str, slot: str, mappings: Any) -> None:
    """Take mappings written in the form (2.0) as the slot's own, valid while the form asks for it."""
    for mapping in mappings if isinstance(mappings, list) else []:
        parsed = _mapping(source, mapping, source.at(mappings))
        if parsed and slot in domain.slots:
            parsed["conditions"] = [{"active_loop": form}]
            domain.slots[slot].mappings.append(parsed)


def _variations(source: Source, name: str, body: Any, place: Place) -> list[Variation]:
    if not isinstance(body, list) or not body:
        source.remarks.error(place, f"response {name} needs at least one variation, '- text: …'")
        return []
    found = []
    for index, item in enumerate(body):
        where = source.at(body, index)
        if isinstance(item, dict):
            found.append(_variation(source, name, _plain(item), where))
        elif isinstance(item, str):
            found.append(_variation(source, name, {"text": item}, where))
        else:
            source.remarks.error(where, f"response {name}: a variation is '- text: …'")
    return found


def _variation(source: Source, name: str, item: dict[str, Any], place: Place) -> Variation:
    text, image, channel = item.get("text") or "", item.get("image"), item.get("channel")
    custom, condition = item.get("custom"), item.get("condition") or []
    if not isinstance(text, str) or not isinstance(image, str | None) or not isinstance(custom, dict | None):
        source.remarks.error(place, f"response {name}: text and image must be text, custom a mapping")
        text, image, custom = "", None, None
    if not (text or image or custom or item.get("buttons")):
        source.remarks.warn(place, f"response {name} says nothing: give it text, image, buttons or custom")
    if not isinstance(condition, list) or not all(_slot_test(test) for test in condition):
        source.remarks.error(place, f"response {name}: condition: must list 'type: slot', 'name:' and 'value:'")
        condition = []
    unknown = set(item) - {"text", "image", "custom", "buttons", "channel", "condition", "id", "metadata"}
    if unknown:
        source.remarks.warn(place, f"response {name}: {', '.join(sorted(unknown))} is not supported: ignored")
    buttons = _buttons(source, name, item.get("buttons") or [], place)
    tests = [{"name": test["name"], "value": test.get("value")} for test in condition]
    data = {"text": text, "buttons": buttons, "image": image, "custom": custom, "channel": channel, "condition": tests}
    return Variation(data, place)


def _slot_test(test: Any) -> bool:
    return isinstance(test, dict) and test.get("type") == "slot" and isinstance(test.get("name"), str)


def _buttons(source: Source, name: str, items: Any, place: Place) -> list[dict[str, Any]]:
    buttons = []
    for item in items if isinstance(items, list) else [None]:
        title = item.get("title") if isinstance(item, dict) else None
        payload = item.get("payload") or "" if isinstance(item, dict) else None
        url = item.get("url") if isinstance(item, dict) else None
        if isinstance(title, str) and isinstance(payload, str) and isinstance(url, str | None):
            buttons.append({"title": title, "payload": payload, "url": url})
        else:
            source.remarks.error(place, f"response {name}: a button needs a title: and a payload:")
    return buttons


def _plain(value: Any) -> Any:
    """Return YAML data without its line marks, as JSON would hold it."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    return float(value) if isinstance(value, float) else str(value)
