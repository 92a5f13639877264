"""Where the fast path may be used, and what it makes of frames; how sockets behave is held for both ways at once."""

import asyncio
import gc
import logging
import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from hub import fastpath
from hub.fastpath import FastSocket, frame
from tests.support.gateway import Gateway
from tests.support.raw import Raw


@given(st.binary(max_size=300) | st.sampled_from([125, 126, 127, 65_535, 65_536, 70_000]).map(bytes))
def test_frames_are_what_a_websocket_library_makes(payload: bytes) -> None:
    assert frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)
    assert frame(payload, 0x82) == Frame(Opcode.BINARY, payload).serialize(mask=False)


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def _works(gateway: Gateway, *, fast: bool) -> None:
    for _ in range(2):
        async with Raw(gateway.url) as raw:
            await raw.connect({"v": 1})
            await raw.call("join", {})
            gateway.server.publish("/visitor", "room", "news", {"n": 1})
            assert await raw.packet("42") == '42/visitor,["news",{"n":1}]'
            assert [isinstance(socket, FastSocket) for socket in gateway.sockets()] == [fast]


@pytest.mark.parametrize("name", sorted(fastpath.KNOWN))
async def test_another_version_of_a_library_is_left_to_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    monkeypatch.setitem(fastpath.KNOWN, name, "0.0.1")
    async with Gateway(fast=True) as gateway:
        await _works(gateway, fast=False)
    (said,) = _warnings(caplog)
    assert f"{name} is not 0.0.1" in said


async def test_other_names_in_uvicorn_are_left_to_the_library(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fastpath, "NAMES", (*fastpath.NAMES, "no_such_name"))
    async with Gateway(fast=True) as gateway:
        await _works(gateway, fast=False)
    assert len(_warnings(caplog)) == 1


async def test_what_stands_between_uvicorn_and_us_is_not_passed_by(caplog: pytest.LogCaptureFixture) -> None:
    sent = []

    def wrap(app: Any) -> Any:
        async def between(scope: Any, receive: Any, send: Any) -> None:
            async def see(message: Any) -> None:
                sent.append(message)
                await send(message)

            await app(scope, receive, see)

        return between

    async with Gateway(fast=True, wrap=wrap) as gateway:
        await _works(gateway, fast=False)
    assert any("news" in (message.get("text") or "") for message in sent)
    assert len(_warnings(caplog)) == 1


async def test_nothing_is_said_where_all_is_familiar(caplog: pytest.LogCaptureFixture) -> None:
    async with Gateway(fast=True) as gateway:
        await _works(gateway, fast=True)
    assert _warnings(caplog) == []


@pytest.mark.parametrize("how", ["closed", "aborted", "cut", "half a frame"])
async def test_what_ended_is_forgotten_at_once(how: str) -> None:
    """Circles would stay until they are sought, which in a hub with many sockets is hardly ever."""
    gone: list[weakref.ref[Any]] = []
    gc.collect()
    gc.disable()
    try:
        async with Gateway(fast=True) as gateway:
            for _ in range(3):
                async with Raw(gateway.url) as raw:
                    await raw.connect({"v": 1})
                    await raw.call("join", {})
                    (socket,) = gateway.sockets()
                    gone += map(weakref.ref, (socket, socket._protocol, socket._protocol.conn))
                    if how == "aborted":
                        raw.socket.transport.abort()
                    elif how == "cut":
                        await gateway.server.cut(socket.sid)
                    elif how == "half a frame":
                        raw.socket.transport.write(b"\x81\xfe")
                        raw.socket.transport.abort()
                    del socket
            async with asyncio.timeout(5):
                while any(ref() for ref in gone):  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.01)
    finally:
        gc.enable()


async def test_one_sockets_fault_is_not_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """Sockets that are written to in one turn of the event loop do not share each other's trouble."""
    async with Gateway(fast=True) as gateway, Raw(gateway.url) as broken, Raw(gateway.url) as good:
        for raw in (broken, good):
            await raw.connect({"v": 1})
            await raw.call("join", {})
        first = gateway.sockets()[0]
        first._transport.write_eof()
        gateway.server.publish("/visitor", "room", "news", 1)
        assert await good.packet("42") == '42/visitor,["news",1]'
        gateway.server.publish("/visitor", "room", "news", 2)
        assert await good.packet("42") == '42/visitor,["news",2]'
    assert "could not be written to" in caplog.text
