"""Text at the edge: every string from outside passes through here before it is stored."""

import unicodedata

MAX_TEXT = 8_000
"""Characters a browser may send in one message; longer text from a provider is kept as an attachment."""


def clean(text: str) -> str:
    """Return *text* safe for both databases and every browser: no NUL, no lone surrogates, NFC."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    if text.isascii():
        return text
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return unicodedata.normalize("NFC", whole)


def clean_tree(value: object) -> object:
    """Apply :func:`clean` to every string inside parsed JSON, keys included."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [clean_tree(item) for item in value]
    if isinstance(value, dict):
        return {clean(str(key)): clean_tree(item) for key, item in value.items()}
    return value
