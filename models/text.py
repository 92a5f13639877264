"""Text at the edge: every string from outside passes through here before it is stored."""

import unicodedata
from collections.abc import Callable

MAX_TEXT = 8_000
"""Characters a browser may send in one message; longer text from a provider is kept as an attachment."""


def clean(text: str) -> str:
    """Return *text* safe for both databases and every browser: no NUL, no lone surrogates, NFC."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    return text if text.isascii() else unicodedata.normalize("NFC", whole(text))


def whole(text: str) -> str:
    """Return *text* with lone surrogates, which UTF-8 cannot write, replaced."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def in_tree(change: Callable[[str], str], value: object) -> object:
    """Apply *change* to every string inside parsed JSON, keys included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [in_tree(change, item) for item in value]
    if isinstance(value, dict):
        return {change(str(key)): in_tree(change, item) for key, item in value.items()}
    return value
