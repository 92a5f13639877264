"""How texts are counted and cut: against the provider's own calculator, and by property."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channels._gsm import clusters, segments, split, units

SEGMENTS = json.loads((Path(__file__).parents[1] / "payloads" / "sms" / "segments.json").read_text())
"""Counts of Twilio's ``sms-segments-calculator`` 1.3.0."""

FAMILY = "👨‍👩‍👧‍👦"
LINK = "https://shop.example.test/orders/12345?from=sms"


@pytest.mark.parametrize("case", SEGMENTS, ids=[case["name"] for case in SEGMENTS])
def test_segments_are_counted_as_the_provider_counts_them(case: dict[str, Any]) -> None:
    assert segments(case["text"]) == case["segments"]


def test_no_text_is_no_segment() -> None:
    assert segments("") == 0


@given(st.text(max_size=400))
def test_segments_lie_between_the_bounds(text: str) -> None:
    assert segments(text) >= -(-units(text) // 160)
    assert segments(text) <= 1 + units(text) // 33


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("short", ["short"]),
        ("  kept as it is \n", ["  kept as it is \n"]),
        ("", [""]),
        ("One paragraph here.\n\nAnother one, longer.", ["One paragraph here.", "Another one, longer."]),
        ("first line of text\nsecond line of text", ["first line of text", "second line of text"]),
        ("It is on its way. It comes tomorrow.", ["It is on its way.", "It comes tomorrow."]),
        ("No sentence ends in so very many words", ["No sentence ends in so very", "many words"]),
        (
            "ご注文は発送されました。明日お届けの予定です。お待ちください。",
            ["ご注文は発送されました。明日お届けの予定です。", "お待ちください。"],
        ),
        ("x" * 45, ["x" * 30, "x" * 15]),
        ("👍" * 20, ["👍" * 15, "👍" * 5]),
        ("ab" * 14 + "👍👍", ["ab" * 14 + "👍", "👍"]),
        ("a" * 25 + FAMILY, ["a" * 25, FAMILY]),
        ("a" * 29 + "e\u0301x", ["a" * 29, "e\u0301x"]),
        ("a" * 27 + "🇯🇵🇩🇪", ["a" * 27, "🇯🇵🇩🇪"]),
        ("見てhttps://a.test/1234567890abcd", ["見て", "https://a.test/1234567890abcd"]),
    ],
)  # fmt: skip
def test_where_texts_are_cut(text: str, parts: list[str]) -> None:
    assert split(text, 30)[: len(parts)] == parts


def test_a_link_moves_to_the_next_part_whole() -> None:
    text = "番号" * 20 + LINK + "です" * 20
    assert [part for part in split(text, 70) if LINK in part]


def test_a_link_longer_than_a_part_is_cut_all_the_same() -> None:
    parts = split("see " + LINK + "x" * 100, 60)
    assert "".join(parts).replace(" ", "") == "see" + LINK + "x" * 100
    assert max(map(units, parts)) <= 60


PIECES = st.lists(
    st.sampled_from(["a", " ", "\n", "\n\n", ". ", "。", "👍", FAMILY, "🇯🇵", "e\u0301", "€", LINK, "word ", "\r\n"])
    | st.text(max_size=4),
    max_size=60,
)


@given(pieces=PIECES, limit=st.integers(min_value=60, max_value=90))
@example(pieces=["\u0301" * 500], limit=60)
@example(pieces=[" " * 500], limit=60)
@example(pieces=["a", "\n" * 300, "b"], limit=60)
def test_parts_fit_and_nothing_but_white_space_is_lost(pieces: list[str], limit: int) -> None:
    text = "".join(pieces)
    parts = split(text, limit)
    assert all(units(part) <= limit for part in parts)
    assert re.sub(r"\s", "", "".join(parts)) == re.sub(r"\s", "", text)


@given(pieces=st.lists(st.sampled_from(["注文", " ", "\n", "a", LINK + " "]), max_size=60))
def test_no_link_that_fits_is_cut(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert sum(part.count(LINK) for part in split(text, 60)) == text.count(LINK)


@given(pieces=PIECES)
def test_clusters_are_the_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert "".join(clusters(text)) == text


@pytest.mark.parametrize(
    "whole", [FAMILY, "👍🏽", "🇯🇵", "e\u0301", "❤️", "\r\n", "한", "🏴\U000e0067\U000e0062\U000e007f"]
)
def test_a_visible_character_is_one_cluster(whole: str) -> None:
    assert list(clusters(whole * 3)) == [whole] * 3
    assert list(clusters("a" + whole + "b")) == ["a", whole, "b"]


@pytest.mark.timeout(5)
def test_hostile_text_takes_no_time() -> None:  # S-24
    for text in ("\n " * 40_000, "." * 80_000, "http://" * 10_000, "\u0301" * 40_000, "🇯" * 40_000, "\"'" * 40_000):
        assert segments(text) > 0
        assert split(text)
