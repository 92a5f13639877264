"""What one process commits is told by the other, with Redis at its best and at its worst."""

import asyncio
import time
from statistics import median

import pytest

from tests.support.hub import HubProcess
from tests.support.redis import RedisServer
from tests.support.visitor import Socket, agent, visitor

SLOWEST = 5.0
"""Seconds a message may take to the other process on a busy machine; the sweep looks each second."""


async def _arrive(guest: Socket, desk: Socket, texts: list[str]) -> float:
    """Send *texts*; return the longest time one took from its ack to the other process's agent."""
    longest = 0.0
    for text in texts:
        assert (await guest.say(text))["ok"]
        acked = time.monotonic()
        await desk.wait_text(text, SLOWEST)
        longest = max(longest, time.monotonic() - acked)
    return longest


async def _acked(guest: Socket, texts: list[str]) -> float:
    """Send *texts* one after the other; return the seconds that half of their acks took at most."""
    took = []
    for text in texts:
        began = time.monotonic()
        assert (await guest.say(text))["ok"]
        took.append(time.monotonic() - began)
    return median(took)


def _order(desk: Socket, conversation: str) -> list[int]:
    return [message["seq"] for message in desk.heard("message", conversation=conversation)]


async def test_both_ways_and_in_order(pair: HubProcess) -> None:
    """# INV-4: an agent elsewhere and a visitor's other tab elsewhere get every message once, in the log's order."""
    here, there = pair.doors
    async with visitor(here) as guest, agent(there) as desk, agent(here) as near:
        ack = await guest.say("hello")
        async with visitor(there, guest.ready["token"]) as tab:
            acks = await asyncio.gather(*(guest.say(f"from here {number}") for number in range(10)))
            acks += await asyncio.gather(*(tab.say(f"from there {number}") for number in range(10)))
            assert all(one["ok"] for one in acks)
            for who in (desk, near, guest, tab):
                await who.wait_text("from there 9")
                await who.wait_text("from here 9")
            with pair.client() as http:
                rows = http.get(f"/api/conversations/{ack['conversation']}").json()["messages"]
            last = rows[-1]["seq"]
            for who in (desk, near):
                await who.wait("message", conversation=ack["conversation"], seq=last)
                assert _order(who, ack["conversation"])[:last] == list(range(1, last + 1))
            shown = [row["seq"] for row in rows if row["public"]]
            for who in (guest, tab):
                await who.wait("message", seq=shown[-1])
                mine = [seq for seq in _order(who, ack["conversation"]) if seq <= last]
                assert mine == [seq for seq in shown if seq >= mine[0]]


@pytest.mark.parametrize("fault", ["kill", "freeze"])
async def test_without_redis_the_sweep_tells(pair: HubProcess, doorbell: RedisServer, fault: str) -> None:
    """# INV-14: a dead or frozen Redis loses nothing, and acks do not wait for it."""
    here, there = pair.doors
    undo = doorbell.start if fault == "kill" else doorbell.thaw
    async with visitor(here) as guest, agent(there) as desk:
        await _arrive(guest, desk, [f"{fault}: before"])
        usual = await _acked(guest, [f"{fault}: with it {number}" for number in range(5)])
        getattr(doorbell, fault)()
        try:
            waited = await _acked(guest, [f"{fault}: meanwhile {number}" for number in range(5)])
            await _arrive(guest, desk, [f"{fault}: meanwhile {number}" for number in range(5, 8)])
        finally:
            undo()
        assert waited < usual + 0.5, "acks waited for Redis, whose time-out is a second"
        await _arrive(guest, desk, [f"{fault}: after {number}" for number in range(3)])
        seqs = _order(desk, desk.heard("message", text=f"{fault}: before")[0]["conversation"])
        assert seqs == list(range(1, len(seqs) + 1))


async def test_an_emptied_redis_has_nothing_to_lose(pair: HubProcess, doorbell: RedisServer) -> None:
    # INV-14
    here, there = pair.doors
    async with visitor(here) as guest, agent(there) as desk:
        for number in range(5):
            doorbell.flush()
            await _arrive(guest, desk, [f"flushed {number}"])


async def test_the_bell_is_heard_again(pair: HubProcess, doorbell: RedisServer) -> None:
    """# INV-14: after Redis is back messages come by the bell again: faster than the sweep, which looks each second."""
    here, there = pair.doors
    async with visitor(here) as guest, agent(there) as desk:
        doorbell.kill()
        await _arrive(guest, desk, ["gone"])
        doorbell.start()
        deadline = time.monotonic() + 10.0
        while await _arrive(guest, desk, [f"back {number}" for number in range(8)]) > 0.5:
            assert time.monotonic() < deadline, "only the sweep tells"
            desk.events.clear()
