"""Training the entity tagger, with scikit-learn. Imported by the training process only."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from bots.embedded.nlu import Example, Nlu
from bots.embedded.serving.encoder import Floats
from bots.embedded.serving.tagger import OUTSIDE, TOKEN, features

Label = tuple[Any, ...]


def fit_tagger(nlu: Nlu) -> tuple[dict[str, Any], dict[str, Floats]]:
    """Return the tagger as facts and arrays, both empty if there is nothing to learn.

    An entity with a pattern or a lookup table is left to it: its trainer said exactly what it looks like.
    """
    exact = {name for name, _, _ in (*nlu.patterns, *nlu.lookups)}
    names: dict[str, int] = {}
    columns: list[int] = []
    ends, labels = [0], []
    for example in nlu.examples:
        words, wanted = _labelled(example, exact)
        for place, label in enumerate(wanted):
            columns += [names.setdefault(name, len(names)) for name in features(words, place)]
            ends.append(len(columns))
            labels.append(label)
    known = sorted(set(labels), key=repr)
    if len(known) < 2:
        return {}, {}
    matrix = csr_matrix((np.ones(len(columns)), columns, ends), shape=(len(labels), len(names)))
    model = LogisticRegression(C=5.0, max_iter=200).fit(matrix, [known.index(label) for label in labels])
    weights, bias = model.coef_, model.intercept_
    if len(known) == 2:
        weights, bias = np.vstack([-weights, weights]), np.concatenate([-bias, bias])
    facts = {"labels": [list(label) for label in known], "features": list(names)}
    arrays = {"tagger": np.ascontiguousarray(weights.T, dtype=np.float32), "tagger_bias": bias.astype(np.float32)}
    return facts, arrays


def _labelled(example: Example, exact: set[str]) -> tuple[list[str], Sequence[Label]]:
    tokens = list(TOKEN.finditer(example.text))
    labels: list[Label] = [(OUTSIDE,)] * len(tokens)
    for span in example.spans:
        if span.entity in exact:
            continue
        inside = [
            place for place, token in enumerate(tokens) if span.start <= token.start() and token.end() <= span.end
        ]
        for number, place in enumerate(inside):
            labels[place] = ("I" if number else "B", span.entity, span.role, span.group)
    return [token.group() for token in tokens], labels
