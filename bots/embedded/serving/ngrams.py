"""TF-IDF of word 1-2-grams and ``char_wb`` 2-5-grams in plain Python; its numbers equal scikit-learn's."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from .encoder import Floats

WORD = re.compile(r"(?u)\b\w+\b")
Terms = Callable[[str], list[str]]


def word_terms(text: str) -> list[str]:
    """Return the words and pairs of neighbouring words of *text*, lower case."""
    words = WORD.findall(text.lower())
    return words + [f"{left} {right}" for left, right in itertools.pairwise(words)]


def char_terms(text: str) -> list[str]:
    """Return the 2- to 5-grams of each word padded with a blank; stops at the first size that covers the word."""
    terms: list[str] = []
    for word in text.lower().split():
        padded = f" {word} "
        for size in range(2, 6):
            terms.extend(padded[start : start + size] for start in range(max(1, len(padded) - size + 1)))
            if len(padded) <= size:
                break
    return terms


class Weights:
    """One block of features: the terms seen in training and their inverse document frequencies."""

    def __init__(self, terms: Terms, vocabulary: Sequence[str], idf: Floats) -> None:
        self.terms = terms
        self.vocabulary = list(vocabulary)
        self.idf = idf
        self._index = {term: index for index, term in enumerate(self.vocabulary)}

    def weigh(self, text: str) -> tuple[list[int], Floats]:
        """Return the columns of *text*'s known terms and their weights (sublinear, of unit length together)."""
        index = self._index
        counts = Counter(index[term] for term in self.terms(text) if term in index)
        columns = list(counts)
        values = np.array([1 + math.log(count) for count in counts.values()]) * self.idf[columns]
        norm = float(np.sqrt(values @ values))
        return columns, values / norm if norm else values


def learn(terms: Terms, texts: Iterable[str]) -> Weights:
    """Return the weights of a corpus: ``ln((1+n)/(1+df)) + 1`` a term, columns in sorted order."""
    documents = [set(terms(text)) for text in texts]
    frequency = Counter(term for document in documents for term in document)
    vocabulary = sorted(frequency)
    counts = np.array([frequency[term] for term in vocabulary], dtype=np.float64)
    return Weights(terms, vocabulary, np.log((1 + len(documents)) / (1 + counts)) + 1)
