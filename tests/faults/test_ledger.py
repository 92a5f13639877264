"""The comparison itself: it finds nothing in a sound ledger, and every fault that is put into it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.findings import Fault
from tests.faults.ledger import Ack, Heard, Ledger, audit
from tests.faults.outgoing import Call
from tests.faults.owners import Written

PHONE = "+15005551000"


def _row(conversation: str, seq: int, sender: str, text: str, **more: Any) -> dict[str, Any]:
    keyed = sender == "agent" or (sender == "contact" and conversation == "c")
    return {
        "conversation_id": conversation, "seq": seq, "prev": seq - 1, "public": True, "kind": "text", "sender": sender,
        "text": text, "author_id": {"contact": "v0", "agent": "sora"}.get(sender, "inbox"), "external_id": None,
        "client_id": text.replace(" ", "-") if keyed else None, "in_reply_to": None, "part": None, "data": None,
        "state": "stored", "error": None, "created_at": seq, **more,
    }  # fmt: skip


def _happened(conversation: str, seq: int, what: str) -> dict[str, Any]:
    activity = {"what": what, "to": {"id": "sora"} if what == "claimed" else None}
    return _row(conversation, seq, "system", "", kind="activity", data={"activity": activity})


def _sound() -> Ledger:
    """A visitor whom the bot answers, and one who texts: the bot answers, an agent takes over and gives back."""
    rows = [
        _row("c", 1, "contact", "v0a 0"),
        _row("c", 2, "contact", "v0a 1"),
        _row("c", 3, "bot", "answer 1", in_reply_to=1, part=0),
        _row("c", 4, "bot", "answer 2", in_reply_to=2, part=0),
        _row("t", 1, "contact", f"{PHONE} 0", external_id="SM0"),
        _row("t", 2, "bot", "answer 1", in_reply_to=1, part=0, state="sent"),
        _row("t", 3, "contact", f"{PHONE} 1", external_id="SM1"),
        _happened("t", 4, "claimed"),
        _row("t", 5, "agent", "agent0 0", state="uncertain"),
        _row("t", 6, "agent", "agent0 1", state="delivered"),
        _happened("t", 7, "handed_back"),
    ]
    calls = [("answer 1", "busy"), ("answer 1", "taken"), ("agent0 0", "broken"), ("agent0 1", "slow")]
    visible = {"v0a": ("c",), "agent0": ("c", "t")}
    return Ledger(
        rows=rows,
        acks=[Ack("v0a-0", "c", 1), Ack("v0a-1", "c", 2), Ack("v0a-1", "c", 2), Ack("agent0-0", "t", 5)],
        heard={
            (who, where): [_heard(row) for row in rows if row["conversation_id"] == where]
            for who, places in visible.items()
            for where in places
        },
        shown={("agent0", "t"): {row["seq"]: row["state"] for row in rows if row["conversation_id"] == "t"}},
        agents=frozenset({"agent0"}),
        outbox=[],
        written=[
            Written("agent0", "t", "reply", 1, 2),
            Written("agent0", "t", "reply", 2, 2),
            Written("agent0", "t", "hand-back", 2, 3),
        ],
        texted=["SM0", "SM1"],
        phones={"t": PHONE},
        calls=[Call(PHONE, body, verdict) for body, verdict in calls],  # type: ignore[arg-type]  # literal verdicts
    )


def _heard(row: dict[str, Any]) -> Heard:
    return Heard(row["seq"], row["client_id"], row["sender"], row["text"])


def _changed(ledger: Ledger, conversation: str, seq: int, **values: Any) -> Ledger:
    rows = [{**r, **values} if (r["conversation_id"], r["seq"]) == (conversation, seq) else r for r in ledger.rows]
    return replace(ledger, rows=rows)


def _without(ledger: Ledger, conversation: str, seq: int) -> Ledger:
    return replace(ledger, rows=[r for r in ledger.rows if (r["conversation_id"], r["seq"]) != (conversation, seq)])


def _heard_as(change: Callable[[list[Heard]], list[Heard]]) -> Callable[[Ledger], Ledger]:
    def made(ledger: Ledger) -> Ledger:
        return replace(ledger, heard={**ledger.heard, ("v0a", "c"): change(list(ledger.heard["v0a", "c"]))})

    return made


def _called(*calls: tuple[str, str]) -> Callable[[Ledger], Ledger]:
    def made(ledger: Ledger) -> Ledger:
        more = [Call(PHONE, body, verdict) for body, verdict in calls]  # type: ignore[arg-type]  # literal verdicts
        return replace(ledger, calls=[*ledger.calls, *more])

    return made


def _wrote(what: str, named: int, became: int) -> Callable[[Ledger], Ledger]:
    return lambda it: replace(it, written=[*it.written, Written("agent1", "t", what, named, became)])


FAULTS: list[tuple[Fault, Callable[[Ledger], Ledger]]] = [
    ("lost", lambda it: replace(it, acks=[*it.acks, Ack("v0a-2", "c", 5)])),
    ("lost", lambda it: replace(it, texted=[*it.texted, "SM2"])),
    ("moved", lambda it: replace(it, acks=[*it.acks, Ack("v0a-0", "c", 2)])),
    ("moved", lambda it: replace(it, acks=[*it.acks, Ack("v0a-0", "d", 1)])),
    ("doubled", lambda it: _changed(it, "c", 2, text="v0a 0")),
    ("doubled", lambda it: _changed(it, "c", 2, client_id="v0a-0")),
    ("doubled", lambda it: _changed(it, "t", 3, external_id="SM0")),
    ("hole", lambda it: _without(it, "c", 3)),
    ("chain", lambda it: _changed(it, "c", 4, prev=2)),
    ("chain", lambda it: _changed(it, "c", 3, public=False)),
    ("reordered", lambda it: _changed(_changed(it, "c", 1, text="v0a 1"), "c", 2, text="v0a 0")),
    ("reordered", lambda it: _changed(it, "c", 4, created_at=2)),
    ("unanswered", lambda it: _without(it, "c", 4)),
    ("turns", lambda it: _changed(_changed(it, "c", 3, in_reply_to=2), "c", 4, in_reply_to=1)),
    ("turns", lambda it: _changed(it, "c", 4, in_reply_to=1)),
    ("turns", lambda it: _changed(it, "c", 4, text="answer 1")),
    ("foreign", lambda it: _changed(it, "t", 6, sender="bot", in_reply_to=3, part=0)),
    ("foreign", lambda it: _changed(it, "t", 6, author_id="mika")),
    ("foreign", _called(("what nobody wrote", "taken"))),
    ("fence", _wrote("reply", 1, 3)),
    ("fence", _wrote("claim", 3, 3)),
    ("fence", _wrote("claim", 2, 3)),
    ("heard", _heard_as(lambda got: got[:-1])),
    ("heard", _heard_as(lambda got: [*got, got[-1]])),
    ("heard", _heard_as(lambda got: got[::-1])),
    ("heard", lambda it: replace(it, heard={("v0a", "c"): it.heard["v0a", "c"]})),
    ("shown", lambda it: _changed(it, "t", 5, state="queued")),
    ("stray", lambda it: replace(it, strays=["c: 4 was pushed after 2"])),
    ("leased", lambda it: replace(it, outbox=[{"conversation_id": "c", "kind": "turn", "state": "leased"}])),
    ("refused", lambda it: replace(it, refusals=["key_reused"])),
    ("fell", lambda it: replace(it, fell=["process 0"])),
    ("unsent", lambda it: replace(it, calls=it.calls[:-1])),
    ("unsent", lambda it: _changed(it, "t", 2, state="queued")),
    ("unsent", lambda it: _changed(it, "t", 2, state="failed")),
    ("sent twice", _called(("answer 1", "taken"))),
    ("sent twice", _called(("agent0 0", "taken"))),
    ("sent blindly", _called(("agent0 0", "busy"))),
    ("sent blindly", lambda it: _changed(it, "t", 5, state="sent")),
    ("sent reordered", lambda it: replace(it, calls=[it.calls[-1], *it.calls[:-1]])),
]


def test_sound_ledger() -> None:
    """Repeated acks are no fault, nor an unanswered message once people own the chat, nor what was put off."""
    assert audit(_sound()) == []
    late = _changed(_changed(_sound(), "c", 1, text="v0a 1"), "c", 2, text="v0a 0")
    late = replace(late, acks=(), heard={}, agents=frozenset(), put_off=frozenset({"v0a-0"}))
    assert audit(late) == []


@pytest.mark.parametrize(("fault", "change"), FAULTS)
def test_fault_is_found(fault: Fault, change: Callable[[Ledger], Ledger]) -> None:
    """# INV-1 to # INV-5, # INV-7 to # INV-9, # INV-11, # INV-13: what the kill harness would have to notice."""
    assert fault in {finding.fault for finding in audit(change(_sound()))}
