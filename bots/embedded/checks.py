"""What the parts of a project mean together: everything named exists, no two rules contradict each other."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bots.embedded import compile as compiling
from bots.embedded.flows import Flow, Step
from bots.embedded.project import Project, load
from bots.embedded.serving.policy import Point, points
from bots.embedded.serving.responses import PLACE
from bots.embedded.serving.tracker import REQUESTED
from bots.embedded.source import Place

BUILT_IN = frozenset(
    [
        "action_listen",
        "action_restart",
        "action_session_start",
        "action_default_fallback",
        "action_deactivate_loop",
        "action_extract_slots",
        "action_back",
        "action_unlikely_intent",
    ]
)
SUBSTITUTED = {"action_two_stage_fallback": "is treated as action_default_fallback"}
UNSUPPORTED = (
    "action_back",
    "action_unlikely_intent",
    "action_revert_fallback_events",
    "action_default_ask_affirmation",
)


def checked(root: Path) -> Project:
    """Read the project at *root* and add the remarks about the whole of it."""
    project = load(root)
    if not project.remarks.failed:
        for check in (_intents, _slots, _forms, _responses, _flows, _contradictions):
            check(project)
    return project


def _intents(project: Project) -> None:
    remarks, nlu, known = project.remarks, project.nlu, project.domain.intents
    if not nlu.examples:
        remarks.error(Place("data"), "no examples: write at least one intent with examples")
    counts = Counter(example.intent for example in nlu.examples)
    for intent, place in nlu.intents.items():
        if intent.partition("/")[0] not in known:
            remarks.warn(place, f"intent {intent} has examples but is not listed in the domain: add it under intents:")
        if counts[intent] < 2:
            remarks.warn(place, f"intent {intent} has fewer than two examples: it cannot be evaluated")
    if len(nlu.intents) == 1:
        remarks.warn(Place("data"), "there is only one intent: every text is read as it")
    seen: dict[str, Any] = {}
    for example in nlu.examples:
        first = seen.setdefault(example.text.casefold(), example)
        if first.intent != example.intent:
            where = f"{first.place.file}:{first.place.line}"
            remarks.warn(example.place, f"the same example belongs to {first.intent} ({where}): keep one of them")
    entities = compiling.entity_names(project)
    for name, _, place in (*nlu.lookups, *nlu.patterns):
        if name not in entities:
            remarks.warn(place, f"{name} is no entity of the domain: it finds nothing")


def _slots(project: Project) -> None:
    domain, entities = project.domain, compiling.entity_names(project)
    for name, slot in domain.slots.items():
        for mapping in slot.mappings:
            entity = mapping["entity"]
            if mapping["type"] == "from_entity" and entity not in entities:
                project.remarks.error(
                    slot.place, f"slot {name} is filled from entity {entity!r}, which the domain does not list"
                )
            for intent in (*mapping["intent"], *mapping["not_intent"]):
                _known_intent(project, intent, slot.place, f"slot {name}")
            for condition in mapping["conditions"]:
                loop = condition.get("active_loop")
                if loop is not None and loop not in domain.forms:
                    project.remarks.error(slot.place, f"slot {name} depends on form {loop!r}, which does not exist")


def _known_intent(project: Project, intent: str, place: Place, who: str) -> None:
    known = {*project.domain.intents, *project.nlu.intents, *compiling.DEFAULT_INTENTS}
    if intent not in known and intent.partition("/")[0] not in known:
        project.remarks.error(
            place, f"{who} names intent {intent!r}, which the domain does not list: add it or correct it"
        )


def _forms(project: Project) -> None:
    domain = project.domain
    for name, form in domain.forms.items():
        for slot in form.slots:
            asks = (f"utter_ask_{name}_{slot}", f"utter_ask_{slot}")
            if slot not in domain.slots:
                project.remarks.error(
                    form.place, f"form {name} requires slot {slot!r}, which does not exist: add it under slots:"
                )
            elif not any(ask in domain.responses for ask in asks):
                project.remarks.error(form.place, f"form {name} cannot ask for {slot}: add the response {asks[1]}")
        for intent in form.ignored:
            _known_intent(project, intent, form.place, f"form {name}")


def _responses(project: Project) -> None:
    for name, variations in project.domain.responses.items():
        for item in variations:
            for remark, message in _faults(project, item.data):
                remark(item.place, f"response {name}: {message}")


def _faults(project: Project, data: Mapping[str, Any]) -> Iterator[tuple[Callable[[Place, str], None], str]]:
    domain, remarks = project.domain, project.remarks
    slots = {match[2] for text in _texts(data) for match in PLACE.finditer(text) if match[2]}
    for slot in sorted(slots.difference(domain.slots)):
        yield remarks.warn, f"{{{slot}}} is no slot: it will be left out"
    for test in data["condition"]:
        if test["name"] not in domain.slots:
            yield remarks.error, f"its condition names slot {test['name']!r}, which does not exist"
    wish = (data["custom"] or {}).get("hand_over", {})
    if not isinstance(wish, dict) or not all(isinstance(wish.get(part), str | None) for part in ("reason", "team")):
        yield remarks.error, "hand_over: takes reason: and team:, both text"
    for button in data["buttons"]:
        intent = button["payload"].removeprefix("/").partition("{")[0].strip()
        if button["payload"].startswith("/") and intent not in {*domain.intents, *project.nlu.intents}:
            yield remarks.warn, f"a button means intent {intent!r}, which does not exist"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _flows(project: Project) -> None:
    told: set[str] = set()
    for flow in project.flows:
        who = f"{flow.kind} {flow.name!r}"
        for step in flow.steps:
            if step.kind == "intent":
                _known_intent(project, step.name or "", step.place, who)
            elif step.kind == "action":
                _known_action(project, step, who, told)
            elif step.kind == "loop":
                _known_loop(project, step.name, step.place, who)
            else:
                _known_slots(project, flow, step.slots, step.place)
        _known_loop(project, flow.loop, flow.place, who)
        _known_slots(project, flow, flow.slots, flow.place)


def _known_loop(project: Project, loop: str | None, place: Place, who: str) -> None:
    if loop is not None and loop not in project.domain.forms and loop not in SUBSTITUTED:
        project.remarks.error(
            place, f"{who} names the loop {loop!r}, which is no form: add it under forms: or correct it"
        )


def _known_slots(project: Project, flow: Flow, slots: Any, place: Place) -> None:
    for name in slots:
        slot = project.domain.slots.get(name)
        if slot is None and name != REQUESTED:
            project.remarks.error(place, f"{flow.kind} {flow.name!r} names slot {name!r}, which does not exist")
        elif slot and not slot.influence and flow.kind == "rule":
            project.remarks.warn(
                place, f"slot {name} does not influence the conversation: Rasa would ignore this condition"
            )


def _known_action(project: Project, step: Step, who: str, told: set[str]) -> None:
    domain, name, remarks = project.domain, step.name or "", project.remarks
    if (
        name in domain.responses
        or name in domain.forms
        or any(known.startswith(f"{name}/") for known in domain.responses)
    ):
        return
    if name in SUBSTITUTED or name in UNSUPPORTED:
        remarks.warn(step.place, f"{name} {SUBSTITUTED.get(name, 'is not supported: ignored')}")
    elif name.startswith("utter_"):
        remarks.error(step.place, f"{who} says {name}, which has no response: add it under responses: or correct it")
    elif name in domain.actions and name not in told:
        remarks.warn(
            step.place, f"{name} needs an action server, which this engine does not call: the step does nothing"
        )
        told.add(name)
    elif name not in domain.actions and name not in BUILT_IN:
        remarks.error(
            step.place,
            f"{who} runs {name!r}, which is no action, response or form: add it under actions: or correct it",
        )


def _contradictions(project: Project) -> None:
    due: dict[Any, tuple[Point, Flow]] = {}
    for flow in project.flows:
        if flow.kind != "rule":
            continue
        for point in points(compiling.flow_data(flow)):
            slots = tuple(sorted((name, repr(value)) for name, value in point.slots.items()))
            key = (point.before, point.loop, point.any_loop, slots, point.entities, point.start)
            other, first = due.setdefault(key, (point, flow))
            if other.action != point.action:
                where = f"{first.name!r} ({first.place.file}:{first.place.line})"
                after = ", ".join(token[2:] for token in point.before if token[2:])
                wishes = f"rule {flow.name!r} wants {point.action} but rule {where} wants {other.action}"
                project.remarks.error(flow.place, f"after {after} {wishes}: give them different conditions")
                break
