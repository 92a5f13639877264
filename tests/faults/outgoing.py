"""What a provider was told to send, held against the log: each message once, in order, or shown as uncertain."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from tests.faults.findings import Finding

Verdict = Literal["taken", "slow", "busy", "away", "broken", "failed", "hung up", "dropped"]
TEXTED: frozenset[Verdict] = frozenset({"taken", "slow", "broken", "hung up"})
"""The customer's phone rings."""
UNCLEAR: frozenset[Verdict] = frozenset({"broken", "failed", "hung up", "dropped"})
"""The answer, if any comes, does not tell whether it does."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request of the hub to send a text, and what the provider made of it."""

    phone: str
    body: str
    verdict: Verdict


def audit(calls: Sequence[Call], threads: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[Finding]:
    """# INV-8, # INV-9: *threads* are the logs of each phone's conversation, sorted by seq."""
    called: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        called[call.phone].append(call)
    for phone, rows in threads.items():
        ours = [row for row in rows if row["kind"] == "text" and row["public"] and row["sender"] in ("bot", "agent")]
        yield from _phone(phone, called[phone], ours)


def _phone(phone: str, calls: Sequence[Call], rows: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    by_text: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        by_text[call.body].append(call)
    for row in rows:
        yield from _message(phone, row, by_text.pop(row["text"], []))
    for body in by_text:
        yield Finding("foreign", phone, f"{body!r} is in no log")
    place = {row["text"]: row["seq"] for row in rows}
    rang = [place[call.body] for call in calls if call.verdict in TEXTED and call.body in place]
    back = [(a, b) for a, b in pairwise(rang) if b < a]
    if back:
        yield Finding("sent reordered", phone, f"{len(back)} times: {back[:5]}")


def _message(phone: str, row: Mapping[str, Any], calls: Sequence[Call]) -> Iterator[Finding]:
    verdicts = [call.verdict for call in calls]
    rang = sum(verdict in TEXTED for verdict in verdicts)
    unsure = row["state"] == "uncertain"
    about = f"{row['text']!r} is {row['state']} ({row['error']}); the provider: {verdicts or 'nothing'}"
    if rang > 1:
        yield Finding("sent twice", phone, about)
    elif not unsure and (rang == 0 or row["state"] not in ("sent", "delivered")):
        yield Finding("unsent", phone, about)
    if any(verdict in UNCLEAR for verdict in verdicts[:-1]):
        yield Finding("sent blindly", phone, about)
    elif verdicts and verdicts[-1] in UNCLEAR and not unsure:
        yield Finding("sent blindly", phone, f"never shown as uncertain: {about}")
