"""What a reader who never reads costs, and what the others notice of it."""

import asyncio
import contextlib
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import quantiles

import httpx
import psutil
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.faults.engines.counter import PERSON
from tests.faults.nursery import Nursery
from tests.faults.rawsocket import dialled, visiting
from tests.support.hub import HubProcess
from tests.support.scale import scaled
from tests.support.visitor import Socket, visitor

VISITORS = scaled(2, 30)
AGENTS = scaled(1, 10)
"""Those who never read."""
MIB = 1 << 20
NOISE = 4 * MIB
"""What the hub's memory may grow by of itself: caches, the allocator's pieces."""
LONG = "長い文" * 2_600
"""A text of nearly 8,000 characters, three bytes each."""
WARM = 1_500
"""Messages that fill the database's cache, which may hold 16 MB."""
MOST = 600
HICCUP = 0.3
"""Seconds that may be the machine's."""


@asynccontextmanager
async def agent_silent(hub: HubProcess, token: str) -> AsyncIterator[ClientConnection]:
    """An agent's socket that reads nothing after its CONNECT."""
    async with dialled(hub, tiny=True) as raw:
        await raw.send(f"40/agent,{json.dumps({'v': 1, 'token': token})}")
        assert str(await raw.recv()).startswith("40/agent,")
        yield raw


def _sockets(hub: HubProcess) -> int:
    found = re.search(r"^frontdesk_sockets (\S+)", httpx.get(f"{hub.url}/metrics").text, re.MULTILINE)
    assert found
    return int(float(found[1]))


class Memory:
    """The most a process held while this watched."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.first = self.most = self._process.memory_info().rss

    async def run(self) -> None:
        """Look often."""
        while True:
            self.most = max(self.most, self._process.memory_info().rss)
            await asyncio.sleep(0.02)

    @property
    def grown(self) -> int:
        """Bytes more than at first."""
        return self.most - self.first


async def _flood(writers: list[Socket], done: asyncio.Event) -> None:
    """Everybody writes long messages until told that it is enough."""
    for number in range(MOST):
        if done.is_set():
            return
        acks = await asyncio.gather(*(writer.say(f"{number} {LONG}") for writer in writers))
        assert all(ack["ok"] for ack in acks)
    raise AssertionError(f"nobody was dropped after {MOST} messages each")


@pytest.mark.timeout(scaled(120, 600))
async def test_cost_of_silence(nursery: Nursery, counter_model: Path, tmp_path: Path) -> None:
    """# INV-17: at most 1 MiB for each who never reads, and others get what is theirs, in order, meanwhile."""
    url = f"sqlite:///{tmp_path}/test.db"
    async with AsyncExitStack() as stack:
        hub = stack.enter_context(HubProcess(tmp_path / "var", url, counter_model, nursery.launch))
        with hub.client() as http:
            token = http.get("/api/session").json()["socket"]
        writers = [await stack.enter_async_context(visitor(hub)) for _ in range(VISITORS)]
        other = await stack.enter_async_context(visitor(hub))
        for one in (*writers, other):
            await one.say(PERSON)
        usual = await _warm_up(writers, other)
        for writer in writers:
            await stack.enter_async_context(visiting(hub, token=writer.ready["token"], tiny=True))
        for _ in range(AGENTS):
            await stack.enter_async_context(agent_silent(hub, token))
        slowest = await _measured(hub, writers, other, VISITORS + AGENTS)
    assert slowest < 2 * usual + HICCUP, f"others waited {slowest:.2f} s instead of {usual:.2f} s"


async def _warm_up(writers: list[Socket], other: Socket) -> float:
    """Let the hub reach the size it has under this load when everybody reads; return what most rounds take then."""
    took = []
    for number in range(WARM // len(writers)):
        flooding = asyncio.gather(*(writer.say(f"warm {number} {LONG}") for writer in writers))
        took.append(await _round(other, f"warm {number}"))
        await flooding
    return _most(took)


async def _round(other: Socket, text: str) -> float:
    """Seconds until somebody who is no part of it has their own message back."""
    before = time.monotonic()
    assert (await other.say(text))["ok"]
    await other.wait("message", text=text)
    return time.monotonic() - before


def _most(took: list[float]) -> float:
    """What nine of ten take at most."""
    return quantiles(took, n=10, method="inclusive")[-1]


async def _measured(hub: HubProcess, writers: list[Socket], other: Socket, silent: int) -> float:
    """Return what most rounds of the *other* took while there were silent ones."""
    memory, enough = Memory(hub.pid), asyncio.Event()
    watching = asyncio.create_task(memory.run())
    flooding = asyncio.create_task(_flood(writers, enough))
    took: list[float] = []
    began = time.monotonic()
    try:
        while len(took) % 10 or (left := await asyncio.to_thread(_sockets, hub) - len(writers) - 1) > 0:
            assert time.monotonic() - began < 60, f"{left} of {silent} are still there"
            took.append(await _round(other, f"still here {len(took)}"))
            if flooding.done():
                await flooding
    finally:
        enough.set()
        await asyncio.gather(flooding, return_exceptions=True)
        watching.cancel()
    assert memory.grown < silent * MIB + NOISE, f"{memory.grown / MIB:.1f} MiB for {silent}"
    assert max(took) < 5.0, "others waited"
    for reader in (*writers, other):
        with contextlib.suppress(ConnectionClosed):
            last = (await reader.say("after"))["seq"]
            await reader.wait("message", seq=last)
        heard = reader.heard("message")
        assert [0, *(message["seq"] for message in heard[:-1])] == [message["prev"] for message in heard]
    sys.stdout.write(
        f"\n{silent} silent: {memory.grown / MIB:.1f} MiB, {len(took)} rounds, slowest {max(took):.2f} s\n"
    )
    return _most(took)
