"""The comparison itself: it finds nothing in a sound ledger, and every fault that is put into it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.ledger import Ack, Fault, Heard, Ledger, audit


def _row(seq: int, sender: str, text: str, **more: Any) -> dict[str, Any]:
    contact = sender == "contact"
    return {
        "conversation_id": "c", "seq": seq, "prev": seq - 1, "public": True, "sender": sender, "text": text,
        "author_id": "v0" if contact else "bot", "client_id": text.replace(" ", "-") if contact else None,
        "in_reply_to": None, "part": None, "created_at": seq, **more,
    }  # fmt: skip


def _sound() -> Ledger:
    rows = [
        _row(1, "contact", "v0a 0"),
        _row(2, "contact", "v0a 1"),
        _row(3, "bot", "answer 1", in_reply_to=1, part=0),
        _row(4, "bot", "answer 2", in_reply_to=2, part=0),
    ]
    return Ledger(
        rows=rows,
        status={"c": "pending"},
        acks=[Ack("v0a-0", "c", 1), Ack("v0a-1", "c", 2), Ack("v0a-1", "c", 2)],
        heard={(who, "c"): [_heard(row) for row in rows] for who in ("v0a", "agent")},
        agents=frozenset({"agent"}),
        outbox=[],
        refusals=[],
    )


def _heard(row: dict[str, Any]) -> Heard:
    return Heard(row["seq"], row["client_id"], row["sender"], row["text"])


def _changed(ledger: Ledger, seq: int, **values: Any) -> Ledger:
    return replace(ledger, rows=[{**row, **values} if row["seq"] == seq else row for row in ledger.rows])


def _without(ledger: Ledger, seq: int) -> Ledger:
    return replace(ledger, rows=[row for row in ledger.rows if row["seq"] != seq])


def _heard_as(change: Callable[[list[Heard]], list[Heard]]) -> Callable[[Ledger], Ledger]:
    def made(ledger: Ledger) -> Ledger:
        return replace(ledger, heard={**ledger.heard, ("v0a", "c"): change(list(ledger.heard["v0a", "c"]))})

    return made


FAULTS: list[tuple[Fault, Callable[[Ledger], Ledger]]] = [
    ("lost", lambda ledger: replace(ledger, acks=[*ledger.acks, Ack("v0a-2", "c", 5)])),
    ("moved", lambda ledger: replace(ledger, acks=[*ledger.acks, Ack("v0a-0", "c", 2)])),
    ("moved", lambda ledger: replace(ledger, acks=[*ledger.acks, Ack("v0a-0", "d", 1)])),
    ("doubled", lambda ledger: _changed(ledger, 2, text="v0a 0")),
    ("doubled", lambda ledger: _changed(ledger, 2, client_id="v0a-0")),
    ("hole", lambda ledger: _without(ledger, 3)),
    ("chain", lambda ledger: _changed(ledger, 4, prev=2)),
    ("chain", lambda ledger: _changed(ledger, 3, public=False)),
    ("reordered", lambda ledger: _changed(_changed(ledger, 1, text="v0a 1"), 2, text="v0a 0")),
    ("reordered", lambda ledger: _changed(ledger, 4, created_at=2)),
    ("unanswered", lambda ledger: _without(ledger, 4)),
    ("turns", lambda ledger: _changed(_changed(ledger, 3, in_reply_to=2), 4, in_reply_to=1)),
    ("turns", lambda ledger: _changed(ledger, 4, in_reply_to=1)),
    ("turns", lambda ledger: _changed(ledger, 4, text="answer 1")),
    ("heard", _heard_as(lambda got: got[:-1])),
    ("heard", _heard_as(lambda got: [*got, got[-1]])),
    ("heard", _heard_as(lambda got: got[::-1])),
    ("heard", lambda ledger: replace(ledger, heard={("v0a", "c"): ledger.heard["v0a", "c"]})),
    ("leased", lambda ledger: replace(ledger, outbox=[{"conversation_id": "c", "kind": "turn", "state": "leased"}])),
    ("refused", lambda ledger: replace(ledger, refusals=["key_reused"])),
]


def test_sound_ledger() -> None:
    """Repeated acks of one message are no fault, nor is an unanswered message once people own the chat."""
    assert audit(_sound()) == []
    handed_over = replace(_without(_sound(), 4), status={"c": "open"})
    heard = {key: got[:-1] for key, got in handed_over.heard.items()}
    assert audit(replace(handed_over, heard=heard)) == []


@pytest.mark.parametrize(("fault", "change"), FAULTS)
def test_fault_is_found(fault: Fault, change: Callable[[Ledger], Ledger]) -> None:
    """# INV-1 to # INV-5, # INV-13: what the kill harness would have to notice."""
    assert fault in {finding.fault for finding in audit(change(_sound()))}
