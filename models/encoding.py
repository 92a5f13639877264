"""JSON as it is stored: orjson, and the standard library for the few values orjson refuses."""

import json
from typing import Any

import orjson


def dump_json(value: Any) -> str:
    """Return *value* as compact JSON. Lone surrogates and integers beyond 64 bits are written as the standard does."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, separators=(",", ":"))


def load_json(text: str | bytes) -> Any:
    """Return what :func:`dump_json` wrote, or a driver's JSON; ``ValueError`` if it is none."""
    try:
        return orjson.loads(text)
    except ValueError:
        return json.loads(text)
