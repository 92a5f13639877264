"""What an operator watches moves with what happens."""

import re
import time

import httpx

from hub.figures import BOUNDS, Figures, Spread
from tests.support.hub import Door, HubProcess
from tests.support.visitor import visitor


def test_a_spread_counts_upwards() -> None:
    spread = Spread()
    for seconds in (0.001, BOUNDS[0], 0.3, 99.0, -5.0):
        spread.note(seconds)
    counts = dict(spread.buckets())
    assert (counts["0.005"], counts["0.25"], counts["0.5"], counts["10.0"], counts["+Inf"]) == (3, 3, 4, 4, 5)
    assert round(spread.total, 3) == 99.306


def test_a_lag_is_measured_by_the_database_clock() -> None:
    # INV-23
    figures, now = Figures(), int(time.time() * 1_000)
    an_hour_ahead = 3_600_000
    figures.clock(now + an_hour_ahead)
    figures.told(now + an_hour_ahead - 200, late=True)
    assert 0.1 < figures.bell.total < 5.0
    assert figures.delivery.total == 0.0


async def test_metrics_tell_of_a_conversation(hub: HubProcess) -> None:
    door = hub.doors[0]
    before = _metrics(door)
    async with visitor(door) as guest:
        said = await guest.say("hello")
        await guest.wait("message", sender="bot")
        await guest.call("sync", {"conversation": said["conversation"], "after": 0, "rev": 0})
        await guest.call("sync", {"conversation": said["conversation"], "after": 1_000, "rev": 1_000_000})
    after = _metrics(door)
    assert {name for name in WATCHED if after.get(name, 0.0) > before.get(name, 0.0)} == WATCHED


WATCHED = {
    "frontdesk_delivery_seconds_count",
    'frontdesk_syncs_total{found="missed"}',
    'frontdesk_syncs_total{found="whole"}',
    "frontdesk_writer_jobs_total",
    "frontdesk_writer_batches_total",
}


def test_a_forged_webhook_is_counted(hub: HubProcess) -> None:
    door = hub.doors[0]
    inbox = hub.add_inbox("memory", "watched", {"secret": "a secret of some length"})
    name = 'frontdesk_channel_errors_total{error="bad_signature",kind="memory"}'
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline and _metrics(door).get(name, 0.0) == 0.0:
        assert httpx.post(f"{door.url}/webhooks/memory/{inbox}", content=b"{}").status_code in (403, 404)
        time.sleep(0.2)
    assert _metrics(door)[name] >= 1.0


def _metrics(door: Door) -> dict[str, float]:
    text = httpx.get(f"{door.url}/metrics").text
    return {name: float(value) for name, value in re.findall(r"^(frontdesk\S+) (\S+)$", text, re.MULTILINE)}
