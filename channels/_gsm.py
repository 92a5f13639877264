"""How long a text is as SMS, and where it may be cut. Pure functions over ``str``.

An SMS is billed in segments: 160 characters of the GSM alphabet (153 each when there are more than one), or 70 (67)
UTF-16 units as soon as one character is outside that alphabet.
"""

import re
import unicodedata
from collections.abc import Iterator

MAX_BODY = 1_600
"""UTF-16 units a provider takes in one message body."""

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
_ZWJ, _ZWNJ = "\u200d", "\u200c"
_BREAKS = (
    re.compile(r"\n[^\S\n]*\n"),
    re.compile(r"\n"),
    re.compile(r"(?<=[.!?…])\s|(?<=[.!?…][\"')\]])\s|(?<=[。！？])"),
    re.compile(r"\s"),
)
"""Where to cut, best first: paragraph, line, sentence, word."""
_URL = re.compile(r"https?://[!-~]+")


def clusters(text: str) -> Iterator[str]:
    """Yield the characters as people see them: accents, emoji sequences and flags stay whole (a safe approximation)."""
    start, flags = 0, 0
    for at in range(1, len(text) + 1):
        flags = flags + 1 if _is_flag(text[at - 1]) else 0
        if at == len(text) or not _joins(text[at - 1], text[at], flags):
            yield text[start:at]
            start = at
            flags = 0


def segments(text: str) -> int:
    """Count the SMS segments *text* is billed as; 0 for no text."""
    gsm = all(char in _BASIC or char in _EXTENDED for char in text)
    single, each = (160, 153) if gsm else (70, 67)
    sizes = [2 if char in _EXTENDED else 1 for char in text] if gsm else list(_ucs2_sizes(text, each))
    if sum(sizes) <= single:
        return 1 if text else 0
    count, free = 1, each
    for size in sizes:
        if size > free:
            count, free = count + 1, each
        free -= size
    return count


def split(text: str, limit: int = MAX_BODY) -> list[str]:
    """Cut *text* into parts of at most *limit* UTF-16 units, never inside a character or a link that fits a part.

    Only white space at the cuts is lost. Text that fits comes back as it is, in a list of one.
    """
    parts: list[str] = []
    rest = text
    while units(rest) > limit:
        cut = _cut(rest, limit)
        head = rest[:cut].rstrip()
        if head:
            parts.append(head)
        rest = rest[cut:].lstrip()
    if rest or not parts:
        parts.append(rest)
    return parts


def units(text: str) -> int:
    """Length in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _cut(rest: str, limit: int) -> int:
    end = _fit(rest, limit)
    for pattern in _BREAKS:
        cuts = [cut for match in pattern.finditer(rest, 0, end + 1) if end // 2 <= (cut := match.start()) <= end]
        if cuts and cuts[-1] > 0:
            return cuts[-1]
    for link in _URL.finditer(rest):
        if link.start() >= end:
            break
        if 0 < link.start() < end < link.end() and units(link[0]) <= limit:
            return link.start()
    return end


def _fit(text: str, limit: int) -> int:
    """How many characters fit, whole clusters if a single one does."""
    at = size = 0
    for cluster in clusters(text):
        size += units(cluster)
        if size > limit:
            break
        at += len(cluster)
    return at or max(1, limit // 2)


def _ucs2_sizes(text: str, most: int) -> Iterator[int]:
    for cluster in clusters(text):
        if units(cluster) <= most:
            yield units(cluster)
        else:
            yield from map(units, cluster)


def _is_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _joins(before: str, after: str, flags: int) -> bool:
    """Whether *after* belongs to the same visible character; *flags* counts the regional indicators up to *before*."""
    if after < "\u0300":
        return before == "\r" and after == "\n"
    if _is_flag(before) and _is_flag(after):
        return flags % 2 == 1
    return (
        before == _ZWJ
        or after in (_ZWJ, _ZWNJ)
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or "\U000e0020" <= after <= "\U000e007f"
        or "\u1160" <= after <= "\u11ff"
        or unicodedata.category(after) in ("Mn", "Mc", "Me")
    )
