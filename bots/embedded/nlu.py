"""``nlu:``: examples with their annotations, synonyms, patterns and lookup tables."""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bots.embedded.source import Place, Source

ANNOTATION = re.compile(r"\[(?P<text>[^\]]+)\](?:\((?P<entity>[^:)]+)(?::(?P<value>[^)]+))?\)|(?P<json>\{[^}]*\}))")
PARTS = ("entity", "value", "role", "group")


@dataclass(frozen=True, slots=True)
class Span:
    """An annotated piece of an example; offsets into its plain text."""

    start: int
    end: int
    entity: str
    value: str
    role: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """One thing a customer may say."""

    text: str
    intent: str
    spans: tuple[Span, ...]
    place: Place


@dataclass(slots=True)
class Nlu:
    """All training data for reading."""

    examples: list[Example] = field(default_factory=list)
    intents: dict[str, Place] = field(default_factory=dict)
    synonyms: dict[str, str] = field(default_factory=dict)
    patterns: list[tuple[str, str, Place]] = field(default_factory=list)
    lookups: list[tuple[str, str, Place]] = field(default_factory=list)


def add(nlu: Nlu, source: Source) -> None:
    """Add the ``nlu:`` section of a file."""
    for item, place in source.entries("nlu"):
        kind = next((key for key in ("intent", "synonym", "regex", "lookup") if key in item), None)
        if kind is None or not isinstance(item[kind], str):
            source.remarks.error(place, "an nlu entry needs one of intent:, synonym:, regex:, lookup: with a name")
            continue
        name = item[kind]
        if kind == "intent":
            nlu.intents.setdefault(name, place)
        for text, line in _lines(source, item, place):
            _add_line(nlu, source, (kind, name), text, line)


def _add_line(nlu: Nlu, source: Source, what: tuple[str, str], text: str, place: Place) -> None:
    kind, name = what
    if kind == "intent":
        plain, spans = annotations(source, text, place)
        nlu.examples.append(Example(plain, name, spans, place))
        nlu.synonyms |= {plain[span.start : span.end]: span.value for span in spans if _renamed(plain, span)}
    elif kind == "synonym":
        nlu.synonyms[text] = name
    elif kind == "lookup":
        nlu.lookups.append((name, text, place))
    else:
        try:
            re.compile(text)
        except (re.error, RecursionError, OverflowError) as error:
            source.remarks.error(place, f"regex {name!r} is not a valid pattern: {error}")
        else:
            nlu.patterns.append((name, text, place))


def _renamed(plain: str, span: Span) -> bool:
    return plain[span.start : span.end] != span.value


def _lines(source: Source, item: Mapping[str, Any], place: Place) -> Iterator[tuple[str, Place]]:
    examples = item.get("examples")
    if isinstance(examples, str):
        first = source.at(item, "examples").line or 0
        for offset, line in enumerate(examples.split("\n"), 1):
            written = line.strip()
            where = Place(source.name, first + offset)
            if written.startswith("-") and written[1:].strip():
                yield unicodedata.normalize("NFC", written[1:].strip()), where
            elif written and not written.startswith("#"):
                source.remarks.error(where, "an example must start with '- '")
    elif isinstance(examples, list):
        for index, entry in enumerate(examples):
            text = entry.get("text") if isinstance(entry, dict) else entry
            if isinstance(text, str) and text.strip():
                yield unicodedata.normalize("NFC", text.strip().removeprefix("- ")), source.at(examples, index)
            else:
                source.remarks.error(source.at(examples, index), "an example must be text; put quotes around it")
    else:
        source.remarks.error(place, "examples: is missing or not text; write 'examples: |' and one '- ' line each")


def annotations(source: Source, text: str, place: Place) -> tuple[str, tuple[Span, ...]]:
    """Return an example without its mark-up, and what the mark-up said."""
    plain: list[str] = []
    spans: list[Span] = []
    size, end = 0, 0
    for match in ANNOTATION.finditer(text):
        before = text[end : match.start()]
        piece = match["text"]
        facts = _facts(match)
        if facts is None:
            source.remarks.error(place, 'annotation must be [text](entity) or [text]{"entity": "name", "value": "…"}')
            facts = {}
        start = size + len(before)
        plain += [before, piece]
        size, end = start + len(piece), match.end()
        if facts:
            value = facts["value"] or piece
            spans.append(Span(start, size, str(facts["entity"]), value, facts["role"], facts["group"]))
    return "".join([*plain, text[end:]]), tuple(spans)


def _facts(match: re.Match[str]) -> dict[str, Any] | None:
    if match["json"] is None:
        return {"entity": match["entity"].strip(), "value": match["value"], "role": None, "group": None}
    try:
        found = json.loads(match["json"])
    except ValueError:
        return None
    facts = {part: found.get(part) for part in PARTS}
    strings = all(value is None or isinstance(value, str) for value in facts.values())
    return facts if strings and facts["entity"] and set(found) <= set(PARTS) else None
