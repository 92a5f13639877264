"""A light sequence tagger: finds entity values that were never taught, by their spelling and their neighbours."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .encoder import Floats

KANA_KANJI = "\u3040-\u30ff\u4e00-\u9fff"
TOKEN = re.compile(rf"[\u3040-\u309f]+|[\u30a0-\u30ff]+|[\u4e00-\u9fff]+|\d+|(?:(?![{KANA_KANJI}])[^\W\d_])+|[^\w\s]")
OUTSIDE = "O"


def features(tokens: Sequence[str], place: int) -> list[str]:
    """Return what the tagger looks at for one token."""
    around = ["", "", *(token.lower() for token in tokens), "", ""]
    word, written = around[place + 2], tokens[place]
    shape = re.sub(r"(.)\1+", r"\1", "".join(_kind(char) for char in written))
    return [
        f"w={word}", f"p={word[:3]}", f"s={word[-3:]}", f"shape={shape}",
        f"-2={around[place]}", f"-1={around[place + 1]}", f"+1={around[place + 3]}", f"+2={around[place + 4]}",
        f"-1+1={around[place + 1]} {around[place + 3]}",
    ]  # fmt: skip


def _kind(char: str) -> str:
    return "9" if char.isdigit() else "X" if char.isupper() else "x" if char.isalpha() else char


class Tagger:
    """Linear weights ``(features, labels)``. A label is ``O``, or ``B`` or ``I`` and the entity, role and group."""

    def __init__(self, facts: Mapping[str, Any], weights: Floats, bias: Floats) -> None:
        self._labels: list[list[Any]] = facts["labels"]
        self._index = {name: row for row, name in enumerate(facts["features"])}
        self._weights = weights
        self._bias = bias

    def find(self, text: str) -> list[dict[str, Any]]:
        """Return the entities of *text*."""
        tokens = list(TOKEN.finditer(text))
        words = [token.group() for token in tokens]
        found: list[dict[str, Any]] = []
        previous: list[Any] = [OUTSIDE]
        for place, token in enumerate(tokens):
            label = self._label(words, place)
            if label[0] == "I" and previous[1:] == label[1:] and found:
                found[-1]["end"] = token.end()
            elif label[0] != OUTSIDE:
                entity, role, group = label[1:]
                extra = {name: value for name, value in (("role", role), ("group", group)) if value}
                found.append(
                    {"entity": entity, "start": token.start(), "end": token.end(), "extractor": "tagger"} | extra
                )
            previous = label
        return [item | {"value": text[item["start"] : item["end"]]} for item in found]

    def _label(self, words: Sequence[str], place: int) -> list[Any]:
        rows = [self._index[name] for name in features(words, place) if name in self._index]
        scores = self._bias + self._weights[rows].sum(axis=0)
        return self._labels[int(np.argmax(scores))]
