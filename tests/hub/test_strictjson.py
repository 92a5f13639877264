"""JSON means one thing only, whichever way it is read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.strictjson import dumps, loads

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(-1e15, 1e15, allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('ab:{}"', max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_json_comes_back(value: Any) -> None:
    assert loads(json.dumps(value)) == value
    assert loads(dumps(value).encode()) == value


@pytest.mark.parametrize("written", [str, str.encode])
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("NaN", "NaN"),
        ('{"x":[Infinity]}', "Infinity"),
        ("-Infinity", "Infinity"),
        ("1e999", "too large"),
        ('{"a":1,"a":1}', "'a' twice"),
        ('{"a":"b:c","a":1}', "'a' twice"),
        ('[{"a":{"b":1,"\\u0062":2}}]', "'b' twice"),
        ('{"a\\ud800":1,"a\\udbff":2}', "twice"),
        ("[" * 21 + "]" * 21, "deeper than 20"),
        ('{"a":' * 21 + "1" + "}" * 21, "deeper than 20"),
        ("[" * 60_000, "deeper than 20"),
        ("9007199254740993", "2^53"),
        ("-9007199254740993", "2^53"),
        ("[18446744073709551616]", "2^53"),
        ("1" * 60_000, "2^53"),
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[1,]", "not JSON"),
        ("{} {}", "not JSON"),
        ("{'a':1}", "not JSON"),
        ('{"a":1} // why', "not JSON"),
        ('"\x01"', "not JSON"),
        ("\ufeff{}", "not JSON"),
        ("01", "not JSON"),
    ],
)
def test_what_is_ambiguous_is_refused(text: str, said: str, written: Any) -> None:
    # S-16
    with pytest.raises(ValueError, match=r".") as caught:
        loads(written(text))
    assert said in str(caught.value)
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("value", ["\0", "e\u0301", {"a:b": ["\0", "e\u0301"]}])
def test_text_is_cleaned_where_it_is_stored_not_here(value: Any) -> None:
    assert loads(json.dumps(value)) == loads(dumps(value)) == value


@pytest.mark.parametrize("data", [b"\xff", b'"\xed\xa0\x80"', b'{\x00"a\x00"'])
def test_bytes_that_are_no_utf8_are_refused(data: bytes) -> None:
    # S-16
    with pytest.raises(ValueError, match="JSON"):
        loads(data)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9007199254740992", 2**53),
        ("1e20", 1e20),
        ("[" * 20 + "]" * 20, None),
        ('"\\ud800 and \\udc00"', "\ufffd and \ufffd"),
        ('"\\ud83d\\ude00"', "😀"),
        ('{"a:b":"c:d"}', {"a:b": "c:d"}),
    ],
)
def test_what_is_odd_but_clear_is_taken(text: str, value: Any) -> None:
    assert value is None or loads(text) == value
    loads(text)
