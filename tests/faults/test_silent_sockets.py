"""Sockets that do nothing: they cost a bounded amount, for a bounded time, and nobody else notices."""

import asyncio
import contextlib
import re
import time

import httpx
import psutil
from websockets.exceptions import ConnectionClosed

from tests.faults.rawsocket import CONNECT, dialled, visiting
from tests.support.hub import HubProcess
from tests.support.visitor import visitor

LONG = "長い文" * 2_600
"""A text of nearly 8,000 characters, three bytes each."""
MOST = 400
"""Such messages until the silent reader must be gone: 10 MB."""
GROWTH = 64 << 20
"""Bytes the hub may have grown meanwhile."""


def _dropped(hub: HubProcess) -> float:
    found = re.search(r"^frontdesk_sockets_dropped (\S+)", httpx.get(f"{hub.url}/metrics").text, re.MULTILINE)
    assert found
    return float(found[1])


async def test_silent_reader_is_dropped(sqlite_hub: HubProcess) -> None:
    """# INV-17: a full queue drops that socket; its visitor's other tab, and everybody else, go on."""
    process = psutil.Process(sqlite_hub.pid)
    before, dropped = process.memory_info().rss, _dropped(sqlite_hub)
    slowest = 0.0
    async with visitor(sqlite_hub) as writer, visitor(sqlite_hub) as other:
        await writer.say("first")
        async with visiting(sqlite_hub, token=writer.ready["token"], tiny=True) as silent:
            for number in range(MOST):
                await writer.say(f"{number} {LONG}")
                if number % 10:
                    continue
                began = time.monotonic()
                await other.say(f"still here {number}")
                slowest = max(slowest, time.monotonic() - began)
                if _dropped(sqlite_hub) > dropped:
                    break
            else:
                raise AssertionError(f"not dropped after {MOST} messages")
            async with asyncio.timeout(10):
                with contextlib.suppress(ConnectionClosed):
                    while True:
                        await silent.recv()
        await writer.say("after")
        told = await writer.wait("message", text="after")
        assert [m["seq"] for m in writer.heard("message")] == list(range(1, told["seq"] + 1))
        assert (await other.say("after"))["ok"]
    assert slowest < 5.0, "others waited"
    assert process.memory_info().rss - before < GROWTH


async def test_connect_deadline(sqlite_hub: HubProcess) -> None:
    """# S-6: who says nothing, or was refused and stays, is gone after 10 s; who connected stays."""
    async with dialled(sqlite_hub) as mute, dialled(sqlite_hub) as refused, dialled(sqlite_hub) as good:
        began = time.monotonic()
        await refused.send(CONNECT.replace("demo", "no such key"))
        assert "not_found" in str(await refused.recv())
        await good.send(CONNECT)
        async with asyncio.timeout(20):
            await asyncio.gather(mute.wait_closed(), refused.wait_closed())
        assert 9.0 < time.monotonic() - began < 16.0
        await good.send('42/visitor,7["typing",{"on":true}]')
        async with asyncio.timeout(5):
            while not str(await good.recv()).startswith("43/visitor,7"):
                pass
