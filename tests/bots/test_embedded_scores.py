"""Serving in plain Python gives the numbers of scikit-learn, which trained it."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.special import softmax
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from bots.embedded import fit
from bots.embedded.fit import Corpus
from bots.embedded.serving.intents import Intents
from bots.embedded.serving.ngrams import char_terms, learn, word_terms
from bots.embedded.train import classifier
from tests.bots.projects import HashEncoder

WORDS = [
    "where",
    "is",
    "my",
    "order",
    "tent",
    "refund",
    "İstanbul",
    "ß",
    "荷物はどこ",
    "x",
    "ﬁ",
    "naïve",
    "10%",
    "don't",
]


def texts(count: int) -> list[str]:
    source = random.Random(1)
    return ["  ".join(source.choices(WORDS, k=source.randint(1, 7))) for _ in range(count)]


@pytest.mark.parametrize("terms", [word_terms, char_terms])
def test_ngrams_equal_scikit_learn(terms: object) -> None:
    corpus, unseen = texts(60), ["", " ", "never seen before", "a", *texts(40)]
    if terms is word_terms:
        theirs = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b").fit(corpus)
        ours = learn(word_terms, corpus)
    else:
        theirs = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True).fit(corpus)
        ours = learn(char_terms, corpus)
    assert ours.vocabulary == theirs.get_feature_names_out().tolist()
    for text in unseen:
        row = np.zeros(len(ours.vocabulary))
        columns, values = ours.weigh(text)
        row[columns] = values
        assert np.abs(row - theirs.transform([text]).toarray()[0]).max() < 1e-12


@pytest.mark.parametrize("count", [2, 5])
def test_scores_equal_scikit_learn(count: int) -> None:
    encoder = HashEncoder()
    corpus_texts = texts(80)
    labels = [f"intent{index % count}" for index in range(len(corpus_texts))]
    vectors = encoder.encode(corpus_texts)
    heads = fit.fit_heads(Corpus(corpus_texts, vectors, labels))

    word = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"(?u)\b\w+\b").fit(corpus_texts)
    char = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True).fit(corpus_texts)

    def both(some: list[str]) -> sp.csr_matrix:
        return sp.hstack([word.transform(some), char.transform(some), sp.csr_matrix(2 * encoder.encode(some))]).tocsr()

    dense = LogisticRegression(C=20, max_iter=300, tol=1e-4).fit(vectors, labels)
    svm = LinearSVC(C=1.0, random_state=0).fit(both(corpus_texts), labels)
    for text in texts(30):
        margin = svm.decision_function(both([text]))
        if count == 2:
            margin = np.stack([-margin, margin], axis=1)
        theirs = (dense.predict_proba(encoder.encode([text])) + softmax(4 * margin, axis=1)) / 2
        assert np.abs(heads.score(text, encoder.encode([text])[0]) - theirs[0]).max() < 1e-6


def test_one_text_scores_as_in_a_batch() -> None:
    encoder = HashEncoder()
    some = texts(40)
    corpus = Corpus(some, encoder.encode(some), [str(index % 3) for index in range(40)])
    heads = fit.fit_heads(corpus)
    together = fit.score_all(heads, corpus)
    alone = np.stack([heads.score(text, vector) for text, vector in zip(some, corpus.vectors, strict=True)])
    assert np.abs(together - alone).max() < 1e-6


def test_few_examples_and_one_intent() -> None:
    encoder = HashEncoder()
    some = ["alpha one", "alpha two", "alpha three", "beta", "gamma one", "gamma two"]
    labels = ["a", "a", "a", "b", "c", "c"]
    facts, arrays, scores = classifier(Corpus(some, encoder.encode(some), labels), lambda _: None)
    assert facts["labels"] == ["a", "b", "c"]
    assert scores["examples"] == 6
    json.dumps(facts)
    assert arrays["dense"].shape == (encoder.size, 3)

    lone, none, _ = classifier(Corpus(some[:3], encoder.encode(some[:3]), ["a"] * 3), lambda _: None)
    assert none == {}
    assert Intents(lone, None, encoder).rank("anything") == [("a", 1.0)]


def test_calibration_says_how_often_it_is_right() -> None:
    source = np.random.default_rng(3)
    raw = source.dirichlet(np.ones(4) * 0.7, size=2_000)
    right = source.random(2_000) < 0.5 + 0.45 * (raw.max(axis=1) - 0.5)
    weights, error = fit.calibrate(raw, right.tolist())
    assert error < 0.04
    assert weights != list(fit.UNCALIBRATED)
    assert fit.calibrate(raw[:5], [True] * 5) == (list(fit.UNCALIBRATED), 0.0)


def test_an_example_is_known_word_for_word(tmp_path: Path) -> None:
    labels = ["a", "b", "a", "b"]
    assert fit.exact(["Hello!", "Bye", "hello", "HELLO?"], labels) == {"bye": 1}
