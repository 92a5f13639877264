"""What everybody saw in a run of kills, and what of it contradicts what was promised."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

Fault = Literal[
    "lost", "moved", "doubled", "hole", "chain", "reordered", "heard", "unanswered", "turns", "leased", "refused"
]


@dataclass(frozen=True, slots=True)
class Ack:
    """A ``send`` that the hub said is stored."""

    client_id: str
    conversation: str
    seq: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as a receiver got it, in the order it got them."""

    seq: int
    client_id: str | None
    sender: str
    text: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything to compare. ``rows``: the messages table. ``heard``: (receiver, conversation) to its list, in order.

    Senders write ``"<sender> <number>"`` and count from 0, so a text names its message whatever key it carries.
    """

    rows: Sequence[Mapping[str, Any]]
    status: Mapping[str, str]
    acks: Sequence[Ack]
    heard: Mapping[tuple[str, str], Sequence[Heard]]
    agents: frozenset[str]
    outbox: Sequence[Mapping[str, Any]]
    refusals: Sequence[str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise."""

    fault: Fault
    where: str
    what: str


def audit(ledger: Ledger) -> list[Finding]:
    """Every broken promise of a run; a sound hub gives none."""
    by_conversation: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in ledger.rows:
        by_conversation[row["conversation_id"]].append(row)
    found = list(_stored(ledger))
    for conversation, rows in by_conversation.items():
        rows.sort(key=lambda row: int(row["seq"]))
        found += _numbers(conversation, rows)
        found += _senders(conversation, rows)
        found += _turns(conversation, rows, ledger.status[conversation])
    found += _heard(ledger, by_conversation)
    found += [Finding("leased", row["conversation_id"], f"{row['kind']} {row['state']}") for row in ledger.outbox]
    found += [Finding("refused", "", code) for code in ledger.refusals]
    return found


def _stored(ledger: Ledger) -> Iterator[Finding]:
    """# INV-1: acked is stored, at the seq that was named; # INV-2: one key is one row, one seq in every ack."""
    place = {row["client_id"]: (row["conversation_id"], row["seq"]) for row in ledger.rows if row["client_id"]}
    for ack in ledger.acks:
        if ack.client_id not in place:
            yield Finding("lost", ack.conversation, f"{ack.client_id} was acked at {ack.seq}")
        elif place[ack.client_id] != (ack.conversation, ack.seq):
            yield Finding("moved", ack.conversation, f"{ack.client_id}: acked {ack.seq}, is {place[ack.client_id]}")
    texts = Counter((row["author_id"], row["text"]) for row in ledger.rows if row["sender"] == "contact")
    keys = Counter((row["author_id"], row["client_id"]) for row in ledger.rows if row["client_id"])
    for (author, what), times in [*texts.items(), *keys.items()]:
        if times > 1:
            yield Finding("doubled", author, f"{what!r} is {times} rows")


def _numbers(conversation: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """# INV-3: 1..n without holes, and ``prev`` is the last public seq before."""
    seqs = [row["seq"] for row in rows]
    if seqs != list(range(1, len(seqs) + 1)):
        yield Finding("hole", conversation, f"{len(seqs)} rows, last {seqs[-1]}")
    public = 0
    for row in rows:
        if row["prev"] != public:
            yield Finding("chain", conversation, f"prev of {row['seq']} is {row['prev']}, not {public}")
        if row["public"]:
            public = row["seq"]
    for before, after in pairwise(rows):
        if before["created_at"] > after["created_at"]:
            yield Finding("reordered", conversation, f"{after['seq']} is older than the one before")


def _senders(conversation: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """# INV-5: the messages of one sender keep their order."""
    latest: dict[str, int] = {}
    for row in rows:
        if row["sender"] != "contact":
            continue
        sender, number = said_by(row["text"])
        if number <= latest.get(sender, -1):
            yield Finding("reordered", conversation, f"{sender} {number} after {latest[sender]}")
        latest[sender] = max(number, latest.get(sender, -1))


def said_by(text: str) -> tuple[str, int]:
    """Sender and number of a text."""
    sender, number = text.split()[:2]
    return sender, int(number)


def _turns(conversation: str, rows: Sequence[Mapping[str, Any]], status: str) -> Iterator[Finding]:
    """# INV-13: an answer to each, or a person; turns one at a time, in order, each answered once."""
    answered: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        if row["sender"] == "bot":
            answered[row["in_reply_to"]].append(row["part"])
    for seq, parts in answered.items():
        if parts != list(range(len(parts))):
            yield Finding("turns", conversation, f"answer to {seq} has parts {parts}")
    if list(answered) != sorted(answered):
        yield Finding("turns", conversation, f"answered in the order {_steps(list(answered), back=True)}")
    counts = [int(found[1]) for row in rows if (found := re.match(r"answer (\d+)$", row["text"]))]
    if counts != list(range(1, len(counts) + 1)):
        yield Finding("turns", conversation, f"the bot forgot: it counted {_steps(counts)}")
    if status != "pending":
        return
    for row in rows:
        if row["sender"] == "contact" and row["seq"] not in answered:
            yield Finding("unanswered", conversation, f"nobody answered {row['seq']}")


def _steps(numbers: Sequence[int], *, back: bool = False) -> str:
    """Where a sequence does not go on by one, or (*back*) goes back."""
    odd = [f"{a}, {b}" for a, b in pairwise(numbers) if (b < a if back else b != a + 1)]
    return f"{len(odd)} times: {' … '.join(odd[:8])}"


def _heard(ledger: Ledger, by_conversation: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Finding]:
    """# INV-4: what a receiver got is what the database holds for it, in order, without repeats."""
    for (receiver, conversation), got in ledger.heard.items():
        everything = receiver in ledger.agents
        rows = [row for row in by_conversation.get(conversation, ()) if everything or row["public"]]
        wanted = [Heard(row["seq"], row["client_id"], row["sender"], row["text"]) for row in rows]
        if list(got) != wanted:
            yield Finding("heard", conversation, f"{receiver} got {len(got)} of {len(wanted)}: {_first(got, wanted)}")
    told = {conversation for receiver, conversation in ledger.heard if receiver in ledger.agents}
    for conversation in by_conversation.keys() - told:
        yield Finding("heard", conversation, "no agent was told of it")


def _first(got: Sequence[Heard], wanted: Sequence[Heard]) -> str:
    for one, other in zip(got, wanted, strict=False):
        if one != other:
            return f"{one} instead of {other}"
    return f"{(list(wanted)[len(got) :] or list(got)[len(wanted) :])[:1]} is missing or too much"


def tally(found: Iterable[Finding]) -> Counter[Fault]:
    """How many of each fault."""
    return Counter(finding.fault for finding in found)
