"""Training the two heads and their calibration, with scikit-learn. Imported by the training process only."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from bots.embedded.serving.encoder import Floats
from bots.embedded.serving.intents import MARGIN_SCALE, VECTOR_SCALE, Heads, evidence, same_text, softmax
from bots.embedded.serving.ngrams import Weights, char_terms, learn, word_terms

FOLDS = 5
FEWER_FOLDS = 3
MANY_EXAMPLES = 2_000
UNCALIBRATED = (0.0, 1.0, 0.0)
"""Bias, weight of logit(top), weight of logit(gap): the score as it is."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """What is learned from: texts, their sentence vectors (one row each) and labels."""

    texts: Sequence[str]
    vectors: Floats
    labels: Sequence[str]

    def take(self, rows: Sequence[int]) -> "Corpus":
        """Return some of it."""
        chosen = list(rows)
        return Corpus([self.texts[row] for row in chosen], self.vectors[chosen], [self.labels[row] for row in chosen])


def fit_heads(corpus: Corpus) -> Heads:
    """Fit both heads on at least two labels; columns follow ``sorted(set(labels))``."""
    word, char = learn(word_terms, corpus.texts), learn(char_terms, corpus.texts)
    features = hstack(
        [_matrix(word, corpus.texts), _matrix(char, corpus.texts), csr_matrix(VECTOR_SCALE * corpus.vectors)]
    )
    dense = LogisticRegression(C=20, max_iter=300, tol=1e-4).fit(corpus.vectors, corpus.labels)
    margin = LinearSVC(C=1.0, random_state=0).fit(features.tocsr(), corpus.labels)
    dense_rows, dense_bias = _both_sides(dense, half=False)
    margin_rows, margin_bias = _both_sides(margin, half=True)
    words, chars = len(word.vocabulary), len(char.vocabulary)
    return Heads(
        word=word,
        char=char,
        dense=dense_rows,
        dense_bias=dense_bias,
        word_margin=margin_rows[:words],
        char_margin=margin_rows[words : words + chars],
        vector_margin=margin_rows[words + chars :],
        margin_bias=margin_bias,
    )


def _both_sides(model: Any, *, half: bool) -> tuple[Floats, Floats]:
    """Return weights as (features, labels). Of two labels only the second's row is stored."""
    rows, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:
        first = -rows if half else np.zeros_like(rows)
        rows, bias = np.vstack([first, rows]), np.concatenate([-bias if half else np.zeros_like(bias), bias])
    return np.ascontiguousarray(rows.T, dtype=np.float32), bias.astype(np.float32)


def _matrix(weights: Weights, texts: Sequence[str]) -> Any:
    rows, columns, values = [0], [], []
    for text in texts:
        found, weighed = weights.weigh(text)
        columns.extend(found)
        values.extend(weighed.tolist())
        rows.append(len(columns))
    return csr_matrix((values, columns, rows), shape=(len(texts), len(weights.vocabulary)))


def score_all(heads: Heads, corpus: Corpus) -> Floats:
    """Return the averaged score of every text and label, all at once: ``(texts, labels)``."""
    margins = heads.margin_bias + VECTOR_SCALE * corpus.vectors @ heads.vector_margin
    margins = margins + _matrix(heads.word, corpus.texts) @ heads.word_margin
    margins = margins + _matrix(heads.char, corpus.texts) @ heads.char_margin
    probable = softmax(corpus.vectors @ heads.dense + heads.dense_bias)
    return np.asarray((probable + softmax(MARGIN_SCALE * margins)) / 2)


def cross_validate(corpus: Corpus, progress: Callable[[str], None]) -> tuple[Floats, list[int]]:
    """Return out-of-fold scores, columns as in the full fit, and the rows they are of.

    Labels with a single example stay in every training part and are not scored.
    """
    names = sorted(set(corpus.labels))
    folds = FEWER_FOLDS if len(corpus.texts) > MANY_EXAMPLES else FOLDS
    parts = _folds(corpus.labels, folds)
    scores, rows = [], []
    for number, part in enumerate(parts, 1):
        kept = sorted(set(range(len(corpus.texts))).difference(part))
        training = corpus.take(kept)
        if not part or len(set(training.labels)) < 2:
            continue
        progress(f"cross-validation {number} of {len(parts)}")
        present = sorted(set(training.labels))
        wide = np.zeros((len(part), len(names)))
        wide[:, [names.index(name) for name in present]] = score_all(fit_heads(training), corpus.take(part))
        scores.append(wide)
        rows += part
    return (np.concatenate(scores) if scores else np.zeros((0, len(names)))), rows


def _folds(labels: Sequence[str], count: int) -> list[list[int]]:
    shuffled = np.random.default_rng(0).permutation(len(labels))
    seen: dict[str, int] = defaultdict(int)
    total = Counter(labels)
    parts: list[list[int]] = [[] for _ in range(count)]
    for row in shuffled.tolist():
        label = labels[row]
        if total[label] > 1:
            parts[seen[label] % min(count, total[label])].append(row)
            seen[label] += 1
    return parts


def calibrate(scores: Floats, right: Sequence[bool]) -> tuple[list[float], float]:
    """Return bias and weights of :func:`evidence`, and the error left: mean gap of chance and truth in ten bins."""
    truth = np.array(right, dtype=bool)
    if len(truth) < 10 or truth.all() or not truth.any():
        return list(UNCALIBRATED), 0.0
    signs = evidence(scores)
    model = LogisticRegression(C=1.0).fit(signs, truth)
    chances = model.predict_proba(signs)[:, 1]
    bins = np.minimum((chances * 10).astype(int), 9)
    gaps = [abs(chances[bins == part].sum() - truth[bins == part].sum()) for part in range(10)]
    weights = [float(model.intercept_[0]), *(float(value) for value in model.coef_[0])]
    return weights, float(sum(gaps) / len(truth))


def exact(texts: Sequence[str], labels: Sequence[str]) -> dict[str, int]:
    """Return which label a text taught word for word has; a text taught for two labels is left to the classifier."""
    names = sorted(set(labels))
    known: dict[str, set[str]] = defaultdict(set)
    for text, label in zip(texts, labels, strict=True):
        known[same_text(text)].add(label)
    return {text: names.index(min(found)) for text, found in known.items() if len(found) == 1 and text}
