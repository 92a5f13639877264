"""From a checked project to the JSON that the child process runs."""

from collections.abc import Iterator
from typing import Any

from bots.embedded.flows import Flow
from bots.embedded.project import Project
from bots.embedded.serving.entities import fold

DEFAULT_INTENTS = ("nlu_fallback", "restart", "session_start", "back")


def assistant(project: Project) -> dict[str, Any]:
    """Return everything but the classifier."""
    domain, settings = project.domain, project.settings
    return {
        "name": project.name,
        "languages": languages(project),
        "intents": sorted({*domain.intents, *project.nlu.intents, *DEFAULT_INTENTS}),
        "slots": {
            name: {"type": slot.type, "initial": slot.initial, "mappings": _mappings(project, name)}
            for name, slot in domain.slots.items()
        },
        "responses": {name: [item.data for item in items] for name, items in domain.responses.items()},
        "forms": {name: {"slots": form.slots, "ignored": form.ignored} for name, form in domain.forms.items()},
        "rules": [flow_data(flow) for flow in project.flows if flow.kind == "rule"],
        "stories": [flow_data(flow) for flow in project.flows if flow.kind == "story"],
        "fallback": {"threshold": settings.threshold, "ambiguity": settings.ambiguity},
        "session": {"minutes": domain.session_minutes, "carry_over": domain.carry_over},
        "extract": extraction(project),
    }


def flow_data(flow: Flow) -> dict[str, Any]:
    """Return a rule or story as JSON."""
    steps: list[list[Any]] = []
    for step in flow.steps:
        if step.kind == "slots":
            steps.append(["slots", dict(step.slots)])
        elif step.kind == "intent":
            steps.append(["intent", (step.name or "").partition("/")[0], list(step.entities)])
        else:
            steps.append([step.kind, step.name])
    facts = {"loop": flow.loop, "any_loop": flow.any_loop, "slots": dict(flow.slots)}
    return {"name": flow.name, "steps": steps, "wait": flow.wait, "start": flow.start, **facts}


def languages(project: Project) -> list[str]:
    """Return the languages the assistant speaks: its own first, then those its responses are conditioned on."""
    found = [project.settings.language]
    for items in project.domain.responses.values():
        for item in items:
            found += [str(test["value"]) for test in item.data["condition"] if test["name"] == "language"]
    return list(dict.fromkeys(found))


def entity_names(project: Project) -> set[str]:
    """Return the entities the domain lists and those annotated in examples."""
    return {*project.domain.entities, *(span.entity for _, span in _annotated(project))}


def extraction(project: Project) -> dict[str, Any]:
    """Return patterns, phrases and synonyms. Phrases are lower case of the same length."""
    names = entity_names(project)
    phrases: dict[str, list[dict[str, Any]]] = {}
    for name, text, _ in project.nlu.lookups:
        if name in names:
            _learn(phrases, text, {"entity": name})
    for text, span in _annotated(project):
        extra = {part: value for part, value in (("role", span.role), ("group", span.group)) if value}
        _learn(phrases, text[span.start : span.end], {"entity": span.entity, **extra})
    return {
        "patterns": [{"entity": name, "pattern": text} for name, text, _ in project.nlu.patterns if name in names],
        "phrases": phrases,
        "synonyms": {fold(text): value for text, value in project.nlu.synonyms.items()},
    }


def _annotated(project: Project) -> Iterator[tuple[str, Any]]:
    return ((example.text, span) for example in project.nlu.examples for span in example.spans)


def _learn(phrases: dict[str, list[dict[str, Any]]], text: str, known: dict[str, Any]) -> None:
    entries = phrases.setdefault(fold(text.strip()), [])
    if known not in entries:
        entries.append(known)


def _mappings(project: Project, name: str) -> list[dict[str, Any]]:
    """Return a slot's mappings; a 2.0 slot without any is filled by the entity of its name."""
    slot = project.domain.slots[name]
    if slot.mappings or name not in project.domain.entities or slot.declared:
        return slot.mappings
    empty: dict[str, Any] = {
        "role": None,
        "group": None,
        "value": None,
        "intent": [],
        "not_intent": [],
        "conditions": [],
    }
    return [{"type": "from_entity", "entity": name, **empty}]
