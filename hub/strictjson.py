"""JSON that means one thing only (S-16): no NaN, no key twice, no number a browser would round, no deep nesting.

Anything else than text in the exact grammar is refused; lone surrogates, which the grammar allows, are replaced.
"""

import json
import math
from typing import Any

import orjson

from models.text import in_tree, whole

MAX_DEPTH = 20
MAX_INT = 2**53
_DEEP = f"JSON is nested deeper than {MAX_DEPTH}"
_LARGE = "JSON holds an integer beyond 2^53"


def loads(data: str | bytes) -> Any:
    """Parse one JSON value; raise ``ValueError`` saying what is wrong."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return _slowly(data)
    keys, odd = _measure(value, MAX_DEPTH)
    colons = data.count(":") if isinstance(data, str) else data.count(b":")
    return value if keys == colons and not odd else _slowly(data)


def dumps(value: Any, **_options: Any) -> str:
    """Write JSON as short as it gets; options of other libraries' writers are taken and not needed."""
    return orjson.dumps(value).decode()


def _measure(value: Any, left: int) -> tuple[int, bool]:
    """Count keys, and tell whether a float is so large that it may have been written as an integer.

    As many keys as colons prove that no key came twice: a colon inside a string only makes us look closer.
    """
    kind = type(value)
    if kind is dict:
        keys, inner = len(value), value.values()
    elif kind is list:
        keys, inner = 0, value
    else:
        return 0, _is_odd(value)
    if left == 0:
        raise ValueError(_DEEP)
    odd = False
    for item in inner:
        if type(item) is not str:
            more, strange = _measure(item, left - 1)
            keys, odd = keys + more, odd or strange
    return keys, odd


def _is_odd(value: Any) -> bool:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_INT:
        raise ValueError(_LARGE)
    return isinstance(value, float) and abs(value) >= MAX_INT


def _slowly(data: str | bytes) -> Any:
    """Parse with every check made by the parser itself."""
    try:
        text = data if isinstance(data, str) else data.decode()
        value = json.loads(
            text, object_pairs_hook=_once, parse_constant=_constant, parse_int=_small, parse_float=_finite
        )
    except RecursionError:
        raise ValueError(_DEEP) from None
    except UnicodeDecodeError:
        raise ValueError("JSON is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos}") from None
    _measure(value, MAX_DEPTH)
    return in_tree(whole, value)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        name = whole(key)
        if name in found:
            raise ValueError(f"JSON has the key {name[:40]!r} twice")
        found[name] = value
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _small(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > MAX_INT:
        raise ValueError(_LARGE)
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("JSON holds a number that is too large")
    return number
