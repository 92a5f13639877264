"""Which intent a text has: two linear heads averaged, then calibrated to mean "chance of being right"."""

import re
import unicodedata
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .encoder import Encoder, Floats
from .ngrams import Weights, char_terms, word_terms

MARGIN_SCALE = 4.0
"""Softmax temperature of the margins: brings both heads to like sharpness."""
VECTOR_SCALE = 2.0
"""Weight of the sentence vector beside the two TF-IDF blocks."""
CACHED_VECTORS = 256
_NOISE = re.compile(r"[\W_]+")


def softmax(scores: Floats) -> Floats:
    """Return rows that sum to one."""
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def same_text(text: str) -> str:
    """Return what two texts that differ only in case, width, blanks and punctuation have in common."""
    return _NOISE.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()


def evidence(scores: Floats) -> Floats:
    """Return, per row of averaged scores, logit(top) and logit(top - second): what calibration looks at."""
    ordered = np.sort(scores, axis=1)[:, ::-1]
    second = ordered[:, 1] if ordered.shape[1] > 1 else np.zeros(len(ordered))
    chances = np.clip(np.stack([ordered[:, 0], ordered[:, 0] - second], axis=1), 1e-4, 1 - 1e-4)
    return np.asarray(np.log(chances / (1 - chances)))


@dataclass(frozen=True, slots=True)
class Heads:
    """Weights of the two heads. Arrays have one column an intent: ``(features, intents)`` and ``(intents,)``."""

    word: Weights
    char: Weights
    dense: Floats
    dense_bias: Floats
    word_margin: Floats
    char_margin: Floats
    vector_margin: Floats
    margin_bias: Floats

    def score(self, text: str, vector: Floats) -> Floats:
        """Return the averaged score of each intent; they sum to one."""
        margin = self.margin_bias + (VECTOR_SCALE * vector) @ self.vector_margin
        for weights, rows in ((self.word, self.word_margin), (self.char, self.char_margin)):
            columns, values = weights.weigh(text)
            if columns:
                margin = margin + values @ rows[columns]
        probable = softmax(vector @ self.dense + self.dense_bias)
        return np.asarray((probable + softmax(MARGIN_SCALE * margin)) / 2)


class Intents:
    """The trained classifier. ``labels`` may be retrieval intents (``faq/price``)."""

    def __init__(self, facts: Mapping[str, Any], heads: Heads | None, encoder: Encoder) -> None:
        self.labels: list[str] = facts["labels"]
        self._calibration: list[float] = facts["calibration"]
        self._exact: dict[str, int] = facts["exact"]
        self._heads = heads
        self._encoder = encoder
        self._vectors: OrderedDict[str, Floats] = OrderedDict()

    def rank(self, text: str) -> list[tuple[str, float]]:
        """Return every intent with its confidence, best first. A text taught word for word is certain."""
        known = self._exact.get(same_text(text))
        if self._heads is None:
            return [(label, 1.0) for label in self.labels[:1]]
        scores = self._heads.score(text, self._vector(text))
        if known is not None:
            scores = scores * 0.0
            scores[known] = 1.0
        top = float(scores.max())
        chance = 1.0 if known is not None else self._chance(scores)
        order = np.argsort(-scores, kind="stable")
        return [(self.labels[index], chance * float(scores[index]) / top) for index in order]

    def _chance(self, scores: Floats) -> float:
        top, gap = evidence(scores[None, :])[0]
        bias, on_top, on_gap = self._calibration
        return float(1 / (1 + np.exp(-(bias + on_top * top + on_gap * gap))))

    def _vector(self, text: str) -> Floats:
        vector = self._vectors.pop(text, None)
        if vector is None:
            vector = self._encoder.encode([text])[0]
        self._vectors[text] = vector
        if len(self._vectors) > CACHED_VECTORS:
            self._vectors.popitem(last=False)
        return vector


def load_heads(facts: Mapping[str, Any], arrays: Mapping[str, Floats]) -> Heads | None:
    """Put stored weights together; None for an assistant of one intent, where there is nothing to tell apart."""
    if "dense" not in arrays:
        return None
    vocabularies: Mapping[str, Sequence[str]] = facts["vocabulary"]
    return Heads(
        word=Weights(word_terms, vocabularies["word"], arrays["word_idf"]),
        char=Weights(char_terms, vocabularies["char"], arrays["char_idf"]),
        **{name: arrays[name] for name in HEAD_ARRAYS},
    )


HEAD_ARRAYS = ("dense", "dense_bias", "word_margin", "char_margin", "vector_margin", "margin_bias")
