"""Frames that once were right: each seed gives its own sequence of mutated ones."""

import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

ODD: list[Any] = [
    None, True, -1, 0, 1.5, 1e308, 2**53, 2**63, 10**40, "", " ", "\x00", "\ud800", "😀" * 50, "../..", "' OR 1=1 --",
    "<img src=x onerror=alert(1)>", "{{7*7}}", [], [[]], {}, {"$gt": ""}, {"_placeholder": True, "num": 0},
    {"__proto__": {}}, "a" * 9_000, list(range(300)), "constructor", "connect", "disconnect",
]  # fmt: skip
RAW = ["NaN", "Infinity", "-", '"', "{", "[" * 40, "\\u0000", "\x1e", "\u2028", "1e9999", ",", "null,"]
Mutate = Callable[[Random, str], str | bytes]


def _cut(random: Random, frame: str) -> str:
    return frame[: random.randrange(len(frame) + 1)]


def _flip(random: Random, frame: str) -> str:
    at = random.randrange(len(frame))
    return frame[:at] + chr(ord(frame[at]) ^ (1 << random.randrange(7))) + frame[at + 1 :]


def _insert(random: Random, frame: str) -> str:
    at = random.randrange(len(frame) + 1)
    return frame[:at] + random.choice(RAW) + frame[at:]


def _twice(random: Random, frame: str) -> str:
    start, end = sorted(random.randrange(len(frame) + 1) for _ in range(2))
    return frame[:end] + frame[start:end] * random.choice([1, 2, 500]) + frame[end:]


def _kind(random: Random, frame: str) -> str:
    """Another type of packet, namespace or ack number."""
    _, comma, body = frame.partition(",")
    head = random.choice(["40", "41", "42", "43", "44", "45", "451-", "46", "4", "0", "5", "6", "42999999999999999"])
    return head + random.choice(["/visitor", "/agent", "/", "", "/VISITOR", "/visitor?x=1"]) + comma + body


def _number(random: Random, frame: str) -> str:
    before, comma, body = frame.partition(",")
    return f"{before}{comma}{random.choice(['0', '-1', '9' * 30, '1.5', '٣'])}{body}"


def _value(random: Random, frame: str) -> str:
    """One value of the JSON is another."""
    start = frame.index("[")
    whole = json.loads(frame[start:])
    places = list(_places(whole))
    where, key = random.choice(places)
    where[key] = random.choice(ODD)
    if isinstance(where, dict) and random.random() < 0.3:
        where[random.choice(["address", "proven", "seq", "id", "__class__", "text"])] = random.choice(ODD)
    return frame[:start] + json.dumps(whole, ensure_ascii=False)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield value, key
            yield from _places(inner)


def _binary(random: Random, frame: str) -> bytes:
    return frame.encode("utf-8", "surrogatepass") if random.random() < 0.5 else random.randbytes(random.randrange(300))


def _huge(random: Random, frame: str) -> str:
    return frame + " " * random.choice([60_000, 70_000, 200_000])


MUTATIONS: Sequence[Mutate] = (_cut, _flip, _insert, _twice, _kind, _number, _value, _value, _value, _binary, _huge)


def mutated(random: Random, frames: Sequence[str]) -> Iterator[str | bytes]:
    """Mutants of *frames* without end; some are mutated twice, and some are still right."""
    while True:
        frame: str | bytes = random.choice(frames)
        for _ in range(random.choice([1, 1, 1, 2])):
            if isinstance(frame, str) and frame:
                frame = _try(random, frame)
        yield frame.encode("utf-8", "replace").decode() if isinstance(frame, str) else frame


def _try(random: Random, frame: str) -> str | bytes:
    try:
        return random.choice(MUTATIONS)(random, frame)
    except (ValueError, IndexError, RecursionError):  # no JSON in it any more
        return _flip(random, frame)
