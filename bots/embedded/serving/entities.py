"""What a text names: by patterns, by phrases (lookup tables and annotated values), by the tagger; then synonyms."""

import re
from collections.abc import Mapping
from typing import Any

from .budget import REGEX_SECONDS, OutOfTimeError, limited
from .tagger import Tagger

Found = dict[str, Any]


def fold(text: str) -> str:
    """Return lower case of the very same length, so that offsets stay true."""
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)


def _joined(char: str) -> bool:
    """Tell whether *char* continues a word of a script that puts blanks between words."""
    return char.isalnum() and ord(char) < 0x2E80


class Entities:
    """The trained extractor. ``facts``: patterns, phrases and synonyms."""

    def __init__(self, facts: Mapping[str, Any], tagger: Tagger | None = None) -> None:
        self._patterns = [(item["entity"], re.compile(item["pattern"], re.IGNORECASE)) for item in facts["patterns"]]
        self._phrases: dict[str, list[Found]] = facts["phrases"]
        self._sizes = sorted({len(phrase) for phrase in self._phrases}, reverse=True)
        self._synonyms: dict[str, str] = facts["synonyms"]
        self._tagger = tagger

    def find(self, text: str) -> list[Found]:
        """Return entities in order of place; of overlapping ones of one entity the longest, known before guessed."""
        found = [*self._by_pattern(text), *self._by_phrase(text)]
        found.sort(key=lambda item: item["start"] - item["end"])
        found += self._tagger.find(text) if self._tagger else []
        kept: list[Found] = []
        for item in found:
            if not any(_clash(item, other) for other in kept):
                item["value"] = self._synonyms.get(fold(item["value"]), item["value"])
                kept.append(item)
        return sorted(kept, key=lambda item: (item["start"], item["end"]))

    def _by_pattern(self, text: str) -> list[Found]:
        found: list[Found] = []
        try:
            with limited(REGEX_SECONDS):
                for entity, pattern in self._patterns:
                    found += [
                        _item(text, entity, match.start(), match.end(), "pattern")
                        for match in pattern.finditer(text)
                        if match.group()
                    ]
        except OutOfTimeError:
            return found
        return found

    def _by_phrase(self, text: str) -> list[Found]:
        low = fold(text)
        starts = [at for at in range(len(low)) if not (at and _joined(low[at]) and _joined(low[at - 1]))]
        spans = ((start, start + size) for start in starts for size in self._sizes if start + size <= len(low))
        return [
            _item(text, known["entity"], start, end, "phrase") | known
            for start, end in spans
            for known in self._phrases.get(low[start:end], ())
            if not (end < len(low) and _joined(low[end]) and _joined(low[end - 1]))
        ]


def _item(text: str, entity: str, start: int, end: int, extractor: str) -> Found:
    return {"entity": entity, "start": start, "end": end, "value": text[start:end], "extractor": extractor}


def _clash(item: Found, other: Found) -> bool:
    overlap: bool = item["start"] < other["end"] and other["start"] < item["end"]
    return overlap and item["entity"] == other["entity"]
