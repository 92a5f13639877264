"""The load against a real hub: what it takes for an ack, an answer or a delivery is what the hub has stored."""

from dataclasses import asdict
from pathlib import Path

import pytest

from tests.bench.cases import check, rows
from tests.bench.crowd import Crowd
from tests.bench.crowd import Plan as CrowdPlan
from tests.bench.load import Plan, Traffic
from tests.bench.processes import cpu_seconds, rss_kib, sockets, thread_seconds
from tests.bench.servers import chat, product


async def test_the_load_and_the_hub_count_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Open loop, then a storm of visitors who come back to what they had said."""
    hub = product(tmp_path)
    with chat(hub, 2) as server:
        plan = Plan(server.port, "chat", 4, server.tokens, server.pid, rate=100.0, warm=0.2, record=0.5)
        measured = await Traffic(plan).run()
        await Crowd(CrowdPlan(server.port, server.pid, 5, talk=True, storm=True)).run()
        assert 0 < sum(thread_seconds(server.pid).values()) <= cpu_seconds([server.pid])
        assert rss_kib(server.pid) > 10_000
        assert sockets(server.pid) > 0
    check(asdict(measured), "chat", 2)
    counts = measured.counts
    assert rows(hub.database_url) == 2 * (counts["acked"] + 5)
    assert counts["visitor_frames"] >= 3 * counts["sent"]
    assert {"p50", "p99"} <= measured.latency["delivery"].keys() & measured.latency["answer"].keys()
    stages = [line for line in capsys.readouterr().out.splitlines() if '"missing": 0' in line]
    assert len(stages) == 1
