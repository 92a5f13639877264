"""Clients that read slowly, never, or are not there any more: they cost a bounded amount, and nobody waits for them."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hub import fastpath, hardened
from hub.fastpath import MAX_BYTES, MAX_FRAMES, PIECE, FastSocket
from tests.support.gateway import Gateway
from tests.support.raw import Raw

SMALL = 4_096
"""Bytes of a receive buffer that is full at once."""


@pytest.fixture(params=[True, False], ids=["fast", "stock"])
async def running(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    monkeypatch.setattr(hardened, "SWEEP", 0.02)
    async with Gateway(fast=request.param) as made:
        yield made


@asynccontextmanager
async def silent(gateway: Gateway, room: int = SMALL) -> AsyncIterator[Raw]:
    """A client in the room that stops reading, once its receive buffer is full."""
    narrow = socket.create_connection(("127.0.0.1", gateway.port))
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    async with Raw(gateway.url, sock=narrow, max_queue=1) as raw:
        await raw.connect({"v": 1})
        await raw.call("join", {})
        raw.socket.transport.pause_reading()
        yield raw
        raw.socket.transport.abort()


def held(gateway: Gateway) -> Any:
    """Bytes that wait in the server for its readers."""
    waiting = sum(one._size if isinstance(one, FastSocket) else one.queue.bytes for one in gateway.sockets())
    return waiting + sum(end.transport.get_write_buffer_size() for end in _ends(gateway))


def _ends(gateway: Gateway) -> list[Any]:
    return [environ["asgi.send"].__self__ for environ in gateway.server.environ.values()]


async def _fill(gateway: Gateway, start: int = 0) -> int:
    """Publish, as events numbered from *start*, until a transport says that it holds enough."""
    number = start
    while all(end.writable.is_set() for end in _ends(gateway)):
        gateway.server.publish("/visitor", "room", "news", {"n": number, "x": "y" * 30_000})
        number += 1
        await asyncio.sleep(0)
    return number


async def _publish_until_dropped(gateway: Gateway, good: Raw, size: int, most: int) -> int:
    """Publish to the room until somebody is dropped; return how often. The good reader hears each at once."""
    for number in range(most):
        gateway.server.publish("/visitor", "room", "news", {"n": number, "x": "y" * size})
        await good.packet('42/visitor,["news"')
        assert held(gateway) <= MAX_BYTES + PIECE + size + 100
        if gateway.server.dropped:
            return number + 1
    raise AssertionError(f"nobody was dropped after {most} events")


@pytest.mark.parametrize(("size", "most"), [(20_000, 2_000), (2_000, 20_000), (200, 20_000)])
async def test_a_silent_reader_is_dropped_and_hurts_nobody(running: Gateway, size: int, most: int) -> None:
    # INV-17 INV-4
    async with Raw(running.url) as good:
        await good.connect({"v": 1})
        await good.call("join", {})
        async with silent(running):
            said = await _publish_until_dropped(running, good, size, most)
            async with asyncio.timeout(5):
                await running.left.wait()
        running.server.publish("/visitor", "room", "news", {"n": said})
        assert f'"n":{said}' in await good.packet('42/visitor,["news"')
        assert await good.call("send", {}) == {"ok": True}
    heard = [json.loads(frame[11:])[1]["n"] for frame in good.heard if '"news"' in frame]
    assert heard == list(range(said + 1))
    assert running.server.dropped == 1


async def test_small_frames_are_counted_too() -> None:
    """# INV-17: what waits for a reader who stalls is bounded in frames, however few bytes they are."""
    async with Gateway(fast=True) as gateway, silent(gateway):
        await _fill(gateway)
        said = 0
        while not gateway.server.dropped and said < 2 * MAX_FRAMES:
            gateway.server.publish("/visitor", "room", "news", {})
            said += 1
            await asyncio.sleep(0)
        assert 0.9 * MAX_FRAMES < said <= MAX_FRAMES


async def test_publishing_never_waits_for_a_reader(running: Gateway) -> None:
    """Nothing suspends between two events: a burst is published in one turn of the event loop."""
    async with silent(running), silent(running):
        for number in range(MAX_FRAMES * 20):
            running.server.publish("/visitor", "room", "news", {"n": number, "x": "y" * 5_000})
            assert held(running) <= 2 * (MAX_BYTES + PIECE + 6_000)
        async with asyncio.timeout(5):
            while running.server.dropped < 2:  # noqa: ASYNC110 - a counter tells nobody
                await asyncio.sleep(0.01)


async def test_a_burst_does_not_drop_who_reads(running: Gateway) -> None:
    # INV-17
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        await raw.call("join", {})
        for burst in range(10):
            for number in range(MAX_FRAMES - 10):
                running.server.publish("/visitor", "room", "news", burst * 1_000 + number)
            for _ in range(MAX_FRAMES - 10):
                await raw.packet('42/visitor,["news"')
    assert running.server.dropped == 0


async def test_who_floods_and_reads_nothing_is_dropped(running: Gateway) -> None:
    # INV-17 S-23
    async with Raw(running.url) as good, silent(running) as flood:
        await good.connect({"v": 1})
        async with asyncio.timeout(30):
            while not running.left.is_set():
                flood.socket.transport.write(_frames(100))
                await good.call("send", {})
                assert held(running) <= MAX_BYTES + 2 * PIECE
        assert await good.call("send", {}) == {"ok": True}


def _frames(count: int) -> bytes:
    """Masked websocket frames that each ask for an ack."""
    text = b'42/visitor,7["much"]'
    return (bytes((0x81, 0x80 | len(text), 0, 0, 0, 0)) + text) * count


async def test_a_client_that_is_not_there_any_more(running: Gateway) -> None:
    """Half-open: the peer neither answers nor closes; its socket ends when the pong is due."""
    running.server.eio.ping_interval, running.server.eio.ping_timeout = 0.2, 1.0
    async with Raw(running.url) as good, Raw(running.url) as gone:
        await good.connect({"v": 1})
        await gone.connect({"v": 1})
        gone.socket.transport.pause_reading()
        answering = asyncio.create_task(_answer_pings(good))
        async with asyncio.timeout(5):
            await running.left.wait()
            while len(running.sockets()) > 1:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
        assert await good.call("send", {}) == {"ok": True}
        assert running.names().count("disconnect") == 1
        assert running.reason in ("ping timeout", "transport close")
        gone.socket.transport.abort()


async def test_a_client_that_is_gone_keeps_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would answer the closing handshake, whose time-out is 10 s."""
    monkeypatch.setattr(hardened, "SWEEP", 0.02)
    async with Gateway(fast=True) as gateway:
        gateway.server.eio.ping_interval, gateway.server.eio.ping_timeout = 0.1, 0.2
        async with Raw(gateway.url) as gone:
            await gone.connect({"v": 1})
            gone.socket.transport.pause_reading()
            async with asyncio.timeout(5):
                while gateway.connections():  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.01)
            gone.socket.transport.abort()


async def _answer_pings(raw: Raw) -> Any:
    while True:
        if await raw.socket.recv() == "2":
            await raw.send("3")


async def test_a_reader_may_hesitate_for_so_long_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """# INV-17: a little that waits for a reader does not wait for ever."""
    monkeypatch.setattr(fastpath, "PATIENCE", 0.3)
    monkeypatch.setattr(hardened, "SWEEP", 0.02)
    async with Gateway(fast=True) as gateway, silent(gateway):
        await _fill(gateway)
        assert not gateway.server.dropped
        async with asyncio.timeout(5):
            await gateway.left.wait()
        assert gateway.server.dropped


async def test_a_reader_that_hesitates_and_goes_on_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    # INV-4
    monkeypatch.setattr(fastpath, "PATIENCE", 0.5)
    monkeypatch.setattr(hardened, "SWEEP", 0.02)
    async with Gateway(fast=True) as gateway, silent(gateway, 1 << 20) as slow:
        said = 0
        for _ in range(4):
            said = await _fill(gateway, said)
            await asyncio.sleep(0.2)
            slow.socket.transport.resume_reading()
            while f'"n":{said - 1},' not in slow.heard[-1]:
                await slow.packet('42/visitor,["news"')
            slow.socket.transport.pause_reading()
        assert gateway.server.dropped == 0
    assert [json.loads(frame[11:])[1]["n"] for frame in slow.heard if '"news"' in frame] == list(range(said))
