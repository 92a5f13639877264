"""The load against a real server, and what makes a measurement void."""

from itertools import pairwise
from typing import Any

import pytest

from tests.bench.cases import check
from tests.bench.load import Plan, Traffic
from tests.bench.rounds import VoidError
from tests.bench.servers import WORK, echo
from tests.bench.talk import token


@pytest.mark.parametrize("rate", [0.0, 200.0])
async def test_every_message_is_counted_once(rate: float) -> None:
    """Closed and open loop against the reference."""
    WORK.mkdir(parents=True, exist_ok=True)
    with echo() as server:
        plan = Plan(server.port, "echo", 5, pid=server.pid, rate=rate, warm=0.1, record=0.4)
        traffic = Traffic(plan)
        measured = await traffic.run()
    counts = measured.counts
    assert counts["sent"] == counts["acked"] == counts["done"] == counts["visitor_frames"]
    assert counts["sent"] > 0
    assert counts["lost"] == counts["refused"] == measured.undone == 0
    assert 0 < measured.latency["ack"]["p50"] <= measured.latency["ack"]["p99"]
    assert measured.latency["ack"]["n"] <= counts["acked"]
    if rate:  # the plan is kept, however late a message left
        due = sorted(moment for visitor in traffic.visitors for moment in visitor.due)
        gaps = [later - earlier for earlier, later in pairwise(due)]
        assert gaps == pytest.approx([1 / rate] * len(gaps))


def test_tokens_are_found_in_packets() -> None:
    packet = b'xx42/agent,["message",{"seq":3,"sender":"contact","text":"hello ~17.4711~"}]yy'
    assert token(packet, 2, len(packet) - 2) == (17, 4711)
    with pytest.raises(ValueError, match="not found"):
        token(packet.replace(b"~", b"-"), 2, len(packet) - 2)


def fine(**other: int) -> dict[str, Any]:
    counts = dict.fromkeys(("sent", "acked", "done", "answered", "own"), 10)
    counts |= {"refused": 0, "lost": 0, "delivered": 50, "delivered_answers": 50}
    return {"counts": counts | other, "undone": 0, "first_refusal": ""}


def test_a_complete_run_counts() -> None:
    check(fine(), "chat", 5)


@pytest.mark.parametrize(
    "wrong",
    [{"acked": 9}, {"refused": 1}, {"lost": 1}, {"delivered": 49}, {"delivered_answers": 51}, {"own": 11}, {"sent": 0}],
)
def test_a_run_with_anything_missing_or_doubled_is_void(wrong: dict[str, int]) -> None:
    with pytest.raises(VoidError):
        check(fine(**wrong), "chat", 5)
