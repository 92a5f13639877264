"""Bot, queue or a person: who owned a conversation when, as its log tells, and who wrote or moved it all the same."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.faults.findings import Finding

BOT, QUEUE = "bot", "queue"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """A write that the hub accepted: the fencing number its agent named, and the one it led to."""

    agent: str
    conversation: str
    what: str
    named: int
    became: int


def audit(conversation: str, rows: Sequence[Row]) -> Iterator[Finding]:
    """Judge one conversation's log, sorted by seq."""
    owned = list(_owned(rows))
    for row, owner in zip(rows, owned, strict=True):
        if row["kind"] == "text" and row["sender"] in ("bot", "agent") and owner != _writer(row):
            yield Finding("foreign", conversation, f"{row['sender']} wrote {row['seq']}, the owner was {owner}")
    yield from _turns(conversation, rows)
    yield from _unanswered(conversation, rows, owned)


def _writer(row: Row) -> str:
    return BOT if row["sender"] == "bot" else str(row["author_id"])


def _owned(rows: Sequence[Row]) -> Iterator[str]:
    """The owner when each row was written; every conversation here begins with the bot."""
    owner = BOT
    for row in rows:
        happened = (row["data"] or {}).get("activity")
        if happened:
            owner = _next_owner(owner, happened)
        yield owner


def _next_owner(owner: str, happened: Mapping[str, Any]) -> str:
    match happened["what"]:
        case "claimed" | "assigned":
            return str(happened["to"]["id"])
        case "handed_over" | "released":
            return QUEUE
        case "handed_back":
            return BOT
    return owner


def _turns(conversation: str, rows: Sequence[Row]) -> Iterator[Finding]:
    """# INV-13: turns one at a time, in order, each answered once."""
    answered: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        if row["sender"] == "bot":
            answered[row["in_reply_to"]].append(row["part"])
    for seq, parts in answered.items():
        if parts != list(range(len(parts))):
            yield Finding("turns", conversation, f"answer to {seq} has parts {parts}")
    if any(b < a for a, b in pairwise(answered)):
        yield Finding("turns", conversation, f"answered in the order {_steps(list(answered), back=True)}")
    counts = [int(found[1]) for row in rows if (found := re.match(r"answer (\d+)$", row["text"]))]
    if counts != list(range(1, len(counts) + 1)):
        yield Finding("turns", conversation, f"the bot forgot: it counted {_steps(counts)}")


def _steps(numbers: Sequence[int], *, back: bool = False) -> str:
    """Where a sequence does not go on by one, or (*back*) goes back."""
    odd = [f"{a}, {b}" for a, b in pairwise(numbers) if (b < a if back else b != a + 1)]
    return f"{len(odd)} times: {' … '.join(odd[:8])}"


def _unanswered(conversation: str, rows: Sequence[Row], owned: Sequence[str]) -> Iterator[Finding]:
    """# INV-13: an answer to each, or a person: whoever took over has dropped the turns before."""
    answered = {row["in_reply_to"] for row in rows if row["sender"] == "bot"}
    for row, owner in zip(reversed(rows), reversed(owned), strict=True):
        if owner != BOT:
            return
        if row["sender"] == "contact" and row["seq"] not in answered:
            yield Finding("unanswered", conversation, f"nobody answered {row['seq']}")


def fenced(written: Sequence[Written]) -> Iterator[Finding]:
    """# INV-11: who names an old number changes nothing; a move raises the number by one, and so does taking over."""
    for it in written:
        if it.became not in ((it.named, it.named + 1) if it.what == "reply" else (it.named + 1,)):
            yield Finding("fence", it.conversation, f"{it.agent}: {it.what} at {it.named} was taken, now {it.became}")
    moves: dict[tuple[str, int], Written] = {}
    for it in written:
        if it.became == it.named:
            continue
        other = moves.setdefault((it.conversation, it.named), it)
        if other is not it:
            yield Finding("fence", it.conversation, f"{it.agent} and {other.agent} both moved it on from {it.named}")
