"""Which of an assistant's languages a message is written in, told by its script. Used by every engine."""

import re
from collections.abc import Sequence

_SCRIPTS = (
    (re.compile("[\u3040-\u30ff\uff66-\uff9d]"), ("ja",)),
    (re.compile("[\uac00-\ud7af\u1100-\u11ff]"), ("ko",)),
    (re.compile("[\u4e00-\u9fff\u3400-\u4dbf]"), ("zh", "ja")),
    (re.compile("[\u0600-\u06ff]"), ("ar", "fa", "ur")),
    (re.compile("[\u0400-\u04ff]"), ("ru", "uk", "bg", "sr")),
    (re.compile("[\u0e00-\u0e7f]"), ("th",)),
    (re.compile("[\u0590-\u05ff]"), ("he",)),
    (re.compile("[\u0370-\u03ff]"), ("el",)),
    (re.compile("[\u0900-\u097f]"), ("hi",)),
)
_OTHER_THAN_LATIN = frozenset(language for _, languages in _SCRIPTS for language in languages)
_LATIN_WORDS = re.compile(r"\b[A-Za-zÀ-ɏ][a-zß-ɏ']+\b")


def base(tag: str | None) -> str | None:
    """Return the language of a locale tag: ``ja`` for ``ja-JP``."""
    return re.split("[-_]", tag)[0].lower() if tag else None


def by_script(text: str, languages: Sequence[str]) -> str | None:
    """Return the one of *languages* that *text* is clearly written in, or None: an order number says nothing."""
    for script, candidates in _SCRIPTS:
        if script.search(text):
            return next((language for language in candidates if language in languages), None)
    latin = [language for language in languages if language not in _OTHER_THAN_LATIN]
    if len(latin) == 1 and len(_LATIN_WORDS.findall(text)) >= 2:
        return latin[0]
    return None


def spoken(text: str) -> str:
    """Return typed text without leading slashes and blanks: only a payload may command a bot."""
    return text.lstrip("/ \t\r\n\u3000\uff0f").rstrip()
