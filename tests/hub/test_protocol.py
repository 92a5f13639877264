"""Socket.IO v5 over Engine.IO v4, as clients expect it: the same whichever code handles the socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import socketio

from hub import hardened
from hub.fastpath import FastSocket
from tests.support.gateway import Gateway
from tests.support.raw import Raw

MODES = pytest.mark.parametrize("fast", [True, False], ids=["fast", "stock"])


@pytest.fixture(params=[True, False], ids=["fast", "stock"])
async def running(request: pytest.FixtureRequest) -> AsyncIterator[Gateway]:
    async with Gateway(fast=request.param) as made:
        yield made


async def until(true: Callable[[], Any], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.005)


@MODES
async def test_each_mode_is_the_one_asked_for(fast: bool) -> None:
    async with Gateway(fast=fast) as gateway, Raw(gateway.url):
        assert [isinstance(socket, FastSocket) for socket in gateway.sockets()] == [fast]


async def test_opening_says_what_the_client_must_know(running: Gateway) -> None:
    async with Raw(running.url) as raw:
        opened = json.loads(raw.opened[1:])
        assert opened.pop("sid") == running.sockets()[0].sid
        assert opened == {"upgrades": [], "pingInterval": 15_000, "pingTimeout": 10_000, "maxPayload": 65_536}


@pytest.mark.parametrize("number", ["0", "1", "007", "999999999999999", "9999999999999999"])
async def test_acks_carry_the_number_they_were_asked_with(running: Gateway, number: str) -> None:
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        await raw.send(f'42/visitor,{number}["send",{{"a":1}}]')
        assert await raw.packet("43") == f'43/visitor,{int(number)}[{{"ok":true}}]'
    assert ("send", {"a": 1}) in running.ran


async def test_an_event_without_a_number_gets_no_ack(running: Gateway) -> None:
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        await raw.send('42/visitor,["send",{"a":1}]')
        assert await raw.event('["last"]') == {"ok": True}
        assert [frame for frame in raw.heard if frame.startswith("43")] == ['43/visitor,1[{"ok":true}]']
    assert running.ran[1:3] == [("send", {"a": 1}), ("last",)]


@pytest.mark.parametrize(("name", "args"), [("nothing", "[]"), ("two", '[1,"b"]'), ("other", '[{"ok":true}]')])
async def test_what_a_handler_returns_is_the_ack(running: Gateway, name: str, args: str) -> None:
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        await raw.send(f'42/visitor,5["{name}",1,[2],"three"]')
        assert await raw.packet("43") == f"43/visitor,5{args}"
    assert (name, 1, [2], "three") in running.ran


async def test_events_of_a_client_run_one_after_another(running: Gateway) -> None:
    # INV-5
    running.pause["first"] = 0.1
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        await raw.send('42/visitor,1["first"]')
        await raw.send('42/visitor,2["second"]')
        await raw.packet("43/visitor,2")
    assert running.names()[1:3] == ["first", "second"]
    assert [frame[:12] for frame in raw.heard if frame.startswith("43")] == ["43/visitor,1", "43/visitor,2"]


async def test_a_client_that_waits_holds_up_nobody_else(running: Gateway) -> None:
    running.pause["slow"] = 0.5
    async with Raw(running.url) as one, Raw(running.url) as other:
        await one.connect({"v": 1})
        await other.connect({"v": 1})
        await one.send('42/visitor,1["slow"]')
        await other.call("quick", {})
        assert "slow" not in running.names()


async def test_two_namespaces_on_one_socket(running: Gateway) -> None:
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        agent = Raw.beside(raw, "/agent")
        await agent.connect({"v": 1})
        assert await raw.call("send", {"n": 1}) == {"ok": True}
        assert await agent.call("send", {"n": 2}) == {"ok": True}
        await raw.call("join", {"namespace": "/visitor"})
        await agent.call("join", {"namespace": "/agent"})
        running.server.publish("/agent", "room", "news", {})
        assert await raw.packet("42") == '42/agent,["news",{}]'
        await raw.send("41/visitor,")
        await until(running.left.is_set)
        await raw.send('42/visitor,9["send",{"n":3}]')
        assert await agent.call("send", {"n": 4}) == {"ok": True}
    assert [call[1]["n"] for call in running.ran if call[0] == "send"] == [1, 2, 4]


async def test_an_unknown_namespace_is_refused_and_leaves_the_rest(running: Gateway) -> None:
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        await raw.send("40/nowhere,{}")
        assert await raw.packet("44") == '44/nowhere,"Unable to connect"'
        await raw.send('42/nowhere,1["send",{}]')
        assert await raw.call("send", {}) == {"ok": True}
    assert running.names().count("send") == 1


async def test_leaving_a_namespace_and_coming_back(running: Gateway) -> None:
    async with Raw(running.url) as raw:
        first = await raw.connect({"v": 1})
        await raw.send("41/visitor,")
        await until(running.left.is_set)
        second = await raw.connect({"v": 1})
        assert first["sid"] != second["sid"]
        assert await raw.call("send", {}) == {"ok": True}
    assert str(running.reason) == "transport close" or running.names().count("disconnect") >= 1


@pytest.mark.parametrize(("frame", "reason"), [("1", "client disconnect"), ("41/visitor,", "client disconnect")])
async def test_a_client_says_goodbye(running: Gateway, frame: str, reason: str) -> None:
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        await raw.send(frame)
        await until(running.left.is_set)
    assert running.reason == reason
    await until(lambda: not running.sockets())


async def test_a_client_that_is_gone_is_forgotten(running: Gateway) -> None:
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        raw.socket.transport.abort()
        await until(running.left.is_set)
        await until(lambda: not running.sockets())
    assert running.reason == "transport close"
    assert not running.server.environ


@pytest.mark.parametrize("frame", ["2", "2probe", "3", "3probe", "5", "6"])
async def test_engine_packets_out_of_place_do_nothing(running: Gateway, frame: str) -> None:
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        await raw.send(frame)
        assert await raw.call("send", {}) == {"ok": True}
        assert [one for one in raw.heard if one != "6" and one[:2] not in ("40", "43")] == []


async def test_pings_keep_a_client_that_answers(running: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardened, "SWEEP", 0.02)
    running.server.eio.ping_interval, running.server.eio.ping_timeout = 0.1, 0.2
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        async with asyncio.timeout(5):
            for _ in range(4):
                assert await raw.socket.recv() == "2"
                await raw.send("3")
        assert await raw.call("send", {}) == {"ok": True}


@pytest.mark.parametrize("size", [0, 100, 125, 126, 65_000, 65_535, 65_536, 200_000])
async def test_frames_of_every_length_arrive_whole(running: Gateway, size: int) -> None:
    text = "é" * (size // 2)
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        await raw.call("join", {})
        running.server.publish("/visitor", "room", "news", {"text": text})
        running.server.publish("/visitor", "room", "after", {})
        told = json.loads((await raw.packet("42"))[len("42/visitor,") :])
        assert told == ["news", {"text": text}]
        assert await raw.packet("42") == '42/visitor,["after",{}]'


@MODES
async def test_the_servers_own_bound_on_frames(fast: bool) -> None:
    """# S-23: whatever the web server in front lets in."""
    async with Gateway(fast=fast, ws_max_size=1 << 20) as gateway, Raw(gateway.url) as raw:
        await raw.connect({"v": 1})
        await raw.send('42/visitor,1["send",{"x":"' + "y" * 65_536 + '"}]')
        assert await raw.ended()
        assert "send" not in gateway.names()


async def test_events_arrive_in_the_order_they_were_published(running: Gateway) -> None:
    # INV-4
    async with Raw(running.url) as raw:
        sid = (await raw.connect({"v": 1}))["sid"]
        await raw.call("join", {})
        for number in range(100):
            running.server.publish("/visitor", "room", "news", number)
            running.server.tell("/visitor", sid, "told", number)
        async with asyncio.timeout(5):
            frames = [str(await raw.socket.recv()) for _ in range(200)]
    assert [json.loads(frame[11:]) for frame in frames] == [
        [name, number] for number in range(100) for name in ("news", "told")
    ]


@pytest.mark.parametrize("name", ["send", "raise"])
async def test_a_binary_event_ends_the_socket(running: Gateway, name: str) -> None:
    async with Raw(running.url) as raw:
        await raw.connect({"v": 1})
        await raw.send(f'451-/visitor,["{name}",{{"_placeholder":true,"num":0}}]')
        await raw.send(b"bytes")
        assert await raw.ended()
    assert name not in running.names()


async def test_a_handlers_fault_ends_its_socket_alone(running: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    async with Raw(running.url) as bad, Raw(running.url) as good:
        await bad.connect({"v": 1})
        await good.connect({"v": 1})
        await bad.send('42/visitor,1["raise",{}]')
        assert await bad.ended()
        assert await good.call("send", {}) == {"ok": True}
    assert "Traceback" not in caplog.text


async def test_handlers_may_be_plain_functions_and_classes(running: Gateway) -> None:
    class Desk(socketio.AsyncNamespace):  # type: ignore[misc]  # the library ships no types
        async def on_ask(self, _sid: str, data: Any) -> Any:
            return {"asked": data}

    running.server.on("plain", lambda _sid, data: {"plain": data}, namespace="/visitor")
    running.server.register_namespace(Desk("/desk"))
    async with Raw(running.url) as raw, Raw(running.url, "/desk") as desk:
        await raw.connect({"v": 1})
        await desk.connect({})
        assert await raw.call("plain", 7) == {"plain": 7}
        assert await desk.call("ask", 8) == {"asked": 8}


async def _client(gateway: Gateway, **how: Any) -> tuple[socketio.AsyncClient, list[tuple[Any, ...]]]:
    client, heard = socketio.AsyncClient(reconnection=False), []

    async def hear(*event: Any) -> None:
        heard.append(event)

    for namespace in ("/visitor", "/agent"):
        client.on("*", hear, namespace=namespace)
    await client.connect(gateway.url, namespaces=["/visitor", "/agent"], auth={"v": 1}, wait_timeout=5, **how)
    return client, heard


async def test_the_librarys_own_client(running: Gateway) -> None:
    client, heard = await _client(running, transports=["websocket"])
    assert await client.call("join", {}, namespace="/visitor", timeout=5) == {"ok": True}
    assert await client.call("two", namespace="/agent", timeout=5) == (1, "b")
    for number in range(20):
        await client.emit("send", {"n": number, "text": "日本語 🎈"}, namespace="/visitor")
    running.server.publish("/visitor", "room", "news", {"text": "日本語 🎈"})
    await until(lambda: heard and running.names().count("send") == 20)
    assert heard == [("news", {"text": "日本語 🎈"})]
    assert [call[1]["n"] for call in running.ran if call[0] == "send"] == list(range(20))
    await client.disconnect()
    await until(lambda: not running.sockets())
    assert running.names().count("disconnect") == 2


@MODES
@pytest.mark.parametrize("transports", [["polling"], ["polling", "websocket"]], ids=["polling", "upgrade"])
async def test_long_polling_and_the_upgrade_from_it(fast: bool, transports: list[str]) -> None:
    async with Gateway(fast=fast, polling=True) as gateway:
        gateway.server.eio.ping_interval = gateway.server.eio.ping_timeout = 0.5  # the client's last poll ends by it
        client, heard = await _client(gateway, transports=transports)
        assert client.transport() == transports[-1]
        assert await client.call("join", {}, namespace="/visitor", timeout=5) == {"ok": True}
        async with Raw(gateway.url) as raw:
            await raw.connect({"v": 1})
            await raw.call("join", {})
            for number in range(5):
                gateway.server.publish("/visitor", "room", "news", number)
                await raw.packet("42")
        await until(lambda: len(heard) == 5)
        assert heard == [("news", number) for number in range(5)]
        await client.disconnect()
        await until(lambda: not gateway.sockets())
