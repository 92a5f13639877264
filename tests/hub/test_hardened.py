"""What python-socketio lets a hostile client do, and ours does not: over real sockets, with a server of two lines."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import pytest

from hub import hardened
from hub.fastpath import MAX_BYTES, MAX_FRAMES
from hub.transports import BoundedQueue
from tests.support.gateway import Gateway
from tests.support.raw import Raw


@pytest.fixture(params=[True, False], ids=["fast", "stock"])
async def running(request: pytest.FixtureRequest) -> AsyncIterator[Gateway]:
    """Every guard holds whichever code handles the socket."""
    async with Gateway(fast=request.param) as made:
        yield made


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("frontdesk")]


# --- forged and malformed ----------------------------------------------------------------------------------------

FORGED = [
    '42/visitor,["connect",{"REMOTE_ADDR":"6.6.6.6"},{"token":"x"}]',
    '42/visitor,1["connect",{"REMOTE_ADDR":"6.6.6.6"},{"token":"x"}]',
    '42/visitor,["disconnect"]',
    '42/visitor,["disconnect","server namespace disconnect"]',
    '42/visitor,["connect_error"]',
]
MALFORMED = [
    "42/visitor,[]",
    "42/visitor,{}",
    '42/visitor,"send"',
    "42/visitor,1",
    "42/visitor,[1]",
    "42/visitor,[null,{}]",
    '42/visitor,[["connect"]]',
    '42/visitor,["send"',
    "42/visitor," + "9" * 5_000 + '["send",{}]',
    "42/visitor,[" + "[" * 5_000,
    '44/visitor,{"message":"x"}',
    "49/visitor,[]",
    '451-/visitor,["send",{"_placeholder":true,"num":0}]',
    '45999999999999-/visitor,["send"]',
    "4",
    "4{}",
    "4x",
    "",
    "x",
    "9",
    "bAAAA",
]


@pytest.mark.parametrize("frame", FORGED + MALFORMED)
async def test_forged_and_malformed_frames_have_no_effect(
    running: Gateway, caplog: pytest.LogCaptureFixture, frame: str
) -> None:
    # S-5 INV-18
    caplog.set_level(logging.INFO)
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        await raw.send(frame)
        await raw.send(b"\x00binary") if frame.startswith("451") else None
        await raw.ended(0.3)
    async with asyncio.timeout(3):
        await running.left.wait()
    assert running.names() == ["connect", "disconnect"]
    assert len(lines(caplog)) <= 1


@pytest.mark.parametrize("frame", [b"\x04binary", b"", b"42/visitor,[]"])
async def test_binary_frames_end_the_socket(running: Gateway, frame: bytes) -> None:
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        await raw.send(frame)
        assert await raw.ended()
    assert "connect" in running.names()
    assert set(running.names()) <= {"connect", "disconnect"}


async def test_a_second_connect_ends_the_socket(running: Gateway) -> None:
    # S-5
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        await raw.send('40/visitor,{"again":true}')
        assert await raw.ended()
    assert running.names().count("connect") == 1


async def test_events_without_connect_reach_nobody(running: Gateway) -> None:
    async with Raw(running.url) as raw:
        await raw.send('42/visitor,1["send",{}]')
        await raw.send("41/visitor,")
        await raw.send('43/visitor,1[{"ok":true}]')
        assert not await raw.ended(0.2)
        await raw.connect({"v": 1})
    assert running.names()[0] == "connect"


async def test_other_namespaces_are_refused(running: Gateway) -> None:
    for namespace in ("/", "/admin", "/__class__"):
        async with Raw(running.url, namespace) as raw:
            await raw.send(f"40{namespace}," if namespace != "/" else "40")
            assert (await raw.packet("44")).startswith("44")
    assert running.ran == []


AMBIGUOUS = {
    "NaN": '{"x":NaN}',
    "Infinity": '{"x":-Infinity}',
    "a key twice": '{"x":1,"x":2}',
    "too deep": '{"x":' + "[" * 25 + "]" * 25 + "}",
    "beyond 2^53": '{"x":9007199254740993}',
    "1e400": '{"x":1e400}',
    "no JSON": "{'x':1}",
}


@pytest.mark.parametrize("body", AMBIGUOUS.values(), ids=AMBIGUOUS)
async def test_json_that_may_mean_two_things_is_a_typed_error(
    running: Gateway, caplog: pytest.LogCaptureFixture, body: str
) -> None:
    # S-16
    caplog.set_level(logging.INFO)
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        answer = await raw.event(f'["send",{body}]')
        assert answer["ok"] is False
        assert answer["error"]["code"] == "bad_request"
        assert await raw.call("send", {"fine": True}) == {"ok": True}
        await raw.send(f'42/visitor,["send",{body}]')
        assert await raw.ended()
    assert [call for call in running.ran if call[0] == "send"] == [("send", {"fine": True})]
    assert len(lines(caplog)) <= 1


async def test_frames_beyond_64_kib_end_the_socket(running: Gateway) -> None:
    # S-23
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        with_room = json.dumps(["send", {"x": "a" * 60_000}])
        assert await raw.event(with_room) == {"ok": True}
        await raw.send("42/visitor,9" + json.dumps(["send", {"x": "a" * 70_000}]))
        assert await raw.ended()


# --- connecting --------------------------------------------------------------------------------------------------


async def test_an_exception_in_connect_is_a_refusal(running: Gateway) -> None:
    """# S-6: the client is told, and the handler never runs again without its arguments."""
    async with Raw(running.url) as raw:
        await raw.send('40/visitor,{"fail":true}')
        await raw.ended(1.0)
        assert not [frame for frame in raw.heard if frame.startswith("40")]
    assert [call[:2] for call in running.ran] == [("connect", {"fail": True})]


async def test_a_refusal_says_why(running: Gateway) -> None:
    async with Raw(running.url) as raw:
        refused = await raw.connect({"refuse": True})
        assert refused["data"]["code"] == "unauthorized" if "data" in refused else refused["code"] == "unauthorized"


@pytest.mark.parametrize("auth", ["[]", '"text"', "7", "null", "true"])
async def test_auth_that_is_no_object_is_no_auth(running: Gateway, auth: str) -> None:
    async with Raw(running.url) as raw:
        await raw.connect(auth)
    assert running.ran[0][:2] == ("connect", {"v": 0})


async def test_who_never_connects_is_cut(running: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    # S-6
    monkeypatch.setattr(hardened, "CONNECT_SECONDS", 0.2)
    async with Raw(running.url) as idle, Raw(running.url) as refused, Raw(running.url) as left:
        await refused.connect({"refuse": True})
        await left.connect({"v": 1})
        await left.send("41/visitor,")
        assert await idle.ended(3.0)
        assert await refused.ended(3.0)
        assert await left.ended(3.0)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "https://shop.example.evil.example",
        "http://shop.example",
        "http://[::1",
        "x" * 5_000,
    ],
)
async def test_unknown_origins_fail_at_the_handshake(running: Gateway, origin: str) -> None:
    # S-4
    with pytest.raises(Exception, match=r"HTTP 40[03]"):
        async with Raw(running.url, origin=origin):
            pass
    assert running.ran == []


async def test_known_and_missing_origins_may_shake_hands(running: Gateway) -> None:
    for origin in ("https://shop.example", None):
        async with Raw(running.url, origin=origin) as raw:
            assert "sid" in await raw.connect({"v": 1})


async def test_polling_is_off(running: Gateway) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(running.url.rpartition(":")[2]))
    writer.write(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert b" 400 " in (await reader.read()).split(b"\r\n")[0]
    writer.close()


# --- readers that do not read ------------------------------------------------------------------------------------


async def test_a_queue_is_bounded_in_frames_and_bytes() -> None:
    # INV-17
    from engineio import packet
    from engineio.exceptions import SocketIsClosedError

    dropped: list[str] = []
    queue = BoundedQueue()
    queue.full_up = lambda: dropped.append("full")
    for _ in range(MAX_FRAMES):
        await queue.put(packet.Packet(packet.MESSAGE, "x"))
    with pytest.raises(SocketIsClosedError):
        queue.put_nowait(packet.Packet(packet.MESSAGE, "x"))
    queue.put_nowait(None)
    assert dropped == ["full"]
    heavy = BoundedQueue()
    heavy.full_up = lambda: dropped.append("heavy")
    half = packet.Packet(packet.MESSAGE, "x" * (MAX_BYTES // 2))
    heavy.put_nowait(half)
    heavy.put_nowait(half)
    with pytest.raises(SocketIsClosedError):
        heavy.put_nowait(packet.Packet(packet.MESSAGE, "x"))
    assert dropped == ["full", "heavy"]
    heavy.get_nowait()
    heavy.put_nowait(packet.Packet(packet.MESSAGE, "x"))
