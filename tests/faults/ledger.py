"""What everybody saw in a run of faults, and what of it contradicts what was promised."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.faults import outgoing, owners
from tests.faults.findings import Fault, Finding
from tests.faults.outgoing import Call
from tests.faults.owners import Written


@dataclass(frozen=True, slots=True)
class Ack:
    """A message that the hub said is stored."""

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
    acks: Sequence[Ack]
    heard: Mapping[tuple[str, str], Sequence[Heard]]
    shown: Mapping[tuple[str, str], Mapping[int, str]]
    """Delivery states as the same receivers show them, by seq."""
    agents: frozenset[str]
    outbox: Sequence[Mapping[str, Any]]
    refusals: Sequence[str] = ()
    put_off: frozenset[str] = frozenset()
    """Keys of messages that the hub once refused to store for now: those pipelined behind may have overtaken them."""
    strays: Sequence[str] = ()
    """Pushed messages that did not follow the one pushed before them on the same connection."""
    written: Sequence[Written] = ()
    texted: Sequence[str] = ()
    """The provider's ids of the texts that the hub said it had taken."""
    phones: Mapping[str, str] = field(default_factory=dict)
    """Conversations of texting customers, and their numbers."""
    calls: Sequence[Call] = ()
    fell: Sequence[str] = ()
    """Processes that ended by themselves."""


def audit(ledger: Ledger) -> list[Finding]:
    """Every broken promise of a run; a sound hub gives none."""
    by_conversation: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in ledger.rows:
        by_conversation[row["conversation_id"]].append(row)
    found = list(_stored(ledger))
    for conversation, rows in by_conversation.items():
        rows.sort(key=lambda row: int(row["seq"]))
        found += _numbers(conversation, rows)
        found += _senders(conversation, rows, ledger.put_off)
        found += owners.audit(conversation, rows)
    found += _heard(ledger, by_conversation)
    found += _shown(ledger, by_conversation)
    found += owners.fenced(ledger.written)
    found += outgoing.audit(ledger.calls, {phone: by_conversation[it] for it, phone in ledger.phones.items()})
    found += [Finding("leased", row["conversation_id"], f"{row['kind']} {row['state']}") for row in ledger.outbox]
    found += [Finding("refused", "", code) for code in ledger.refusals]
    found += [Finding("stray", "", told) for told in ledger.strays]
    found += [Finding("fell", "", which) for which in ledger.fell]
    return found


def _stored(ledger: Ledger) -> Iterator[Finding]:
    """# INV-1: acked is stored, where the ack said; # INV-2, # INV-7: one key is one row, one seq in every ack."""
    place = {row["client_id"]: (row["conversation_id"], row["seq"]) for row in ledger.rows if row["client_id"]}
    for ack in ledger.acks:
        if ack.client_id not in place:
            yield Finding("lost", ack.conversation, f"{ack.client_id} was acked at {ack.seq}")
        elif place[ack.client_id] != (ack.conversation, ack.seq):
            yield Finding("moved", ack.conversation, f"{ack.client_id}: acked {ack.seq}, is {place[ack.client_id]}")
    known = {row["external_id"] for row in ledger.rows}
    for name in ledger.texted:
        if name not in known:
            yield Finding("lost", "", f"the text {name} was answered with 2xx")
    written = [row for row in ledger.rows if row["sender"] in ("contact", "agent") and row["kind"] == "text"]
    texts = Counter((row["author_id"], row["text"]) for row in written)
    keys = Counter((row["author_id"], row["client_id"] or row["external_id"]) for row in written)
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


def _senders(conversation: str, rows: Sequence[Mapping[str, Any]], put_off: frozenset[str]) -> Iterator[Finding]:
    """# INV-5: the messages of one sender keep their order. Texts have none: their webhooks come shuffled."""
    latest: dict[str, int] = {}
    for row in rows:
        if row["client_id"] is None or row["client_id"] in put_off:
            continue
        sender, number = said_by(row["text"])
        if number <= latest.get(sender, -1):
            yield Finding("reordered", conversation, f"{sender} {number} after {latest[sender]}")
        latest[sender] = max(number, latest.get(sender, -1))


def said_by(text: str) -> tuple[str, int]:
    """Sender and number of a text."""
    sender, number = text.split()[:2]
    return sender, int(number)


def _heard(ledger: Ledger, by_conversation: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Finding]:
    """# INV-4: what a receiver got is what the database holds for it, in order, without repeats."""
    for (receiver, conversation), got in ledger.heard.items():
        everything = receiver in ledger.agents
        rows = [row for row in by_conversation.get(conversation, ()) if everything or row["public"]]
        wanted = [Heard(row["seq"], row["client_id"], row["sender"], row["text"]) for row in rows]
        if list(got) != wanted:
            yield Finding("heard", conversation, f"{receiver} got {len(got)} of {len(wanted)}: {_first(got, wanted)}")
    for agent in sorted(ledger.agents):
        for conversation in by_conversation.keys() - {it for receiver, it in ledger.heard if receiver == agent}:
            yield Finding("heard", conversation, f"{agent} was not told of it")


def _first(got: Sequence[Heard], wanted: Sequence[Heard]) -> str:
    for one, other in zip(got, wanted, strict=False):
        if one != other:
            return f"{one} instead of {other}"
    return f"{(list(wanted)[len(got) :] or list(got)[len(wanted) :])[:1]} is missing or too much"


def _shown(ledger: Ledger, by_conversation: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Finding]:
    """# INV-6, # INV-8: what a screen says of a delivery is what became of it, above all that it is uncertain."""
    for (receiver, conversation), states in ledger.shown.items():
        for row in by_conversation.get(conversation, ()):
            if row["seq"] in states and states[row["seq"]] != row["state"]:
                what = f"{receiver} shows {row['seq']} as {states[row['seq']]}, it is {row['state']}"
                yield Finding("shown", conversation, what)


def tally(found: Iterable[Finding]) -> Counter[Fault]:
    """How many of each fault."""
    return Counter(finding.fault for finding in found)
