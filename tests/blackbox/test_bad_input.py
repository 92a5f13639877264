"""Whatever a visitor's browser sends: a typed error that names the field, one log line at most, nothing changed."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.support.hub import HubProcess
from tests.support.raw import Raw, ready_of
from tests.support.stage import dump
from tests.support.visitor import visitor

NOBODY = "0" * 32


@pytest.fixture
async def raw(hub: HubProcess) -> AsyncIterator[Raw]:
    """A visitor's socket, connected, that has not said anything."""
    async with Raw(hub.url) as socket:
        assert "sid" in await socket.connect({"v": 1, "key": "demo"})
        await socket.packet('42/visitor,["ready"')
        yield socket


class Unchanged:
    """Compares the database and the log before and after."""

    def __init__(self, hub: HubProcess) -> None:
        self.hub = hub
        self.rows = dump(hub.database_url)
        self.lines = len(hub.log().splitlines())

    def check(self, lines: int = 0) -> None:
        """Nothing was stored, and at most *lines* log lines were written."""
        now = dump(self.hub.database_url)
        assert {name for name in now if now[name] != self.rows[name]} == set()
        new = self.hub.log().splitlines()[self.lines :]
        assert len(new) <= lines, new


def _send(**more: Any) -> str:
    return json.dumps(["send", {"client_id": "bad-1", "text": "hello", **more}])


WRONG: list[tuple[str, str, str | None]] = [
    ('["shout",{"text":"hello"}]', "unknown_event", None),
    ('["__class__",{}]', "unknown_event", None),
    ('["ready",{}]', "unknown_event", None),
    ('["send"]', "bad_request", None),
    ('["send",{},{}]', "bad_request", None),
    ('["send",null]', "bad_request", ""),
    ('["send","hello"]', "bad_request", ""),
    ('["send",[]]', "bad_request", ""),
    (_send(extra=1), "bad_request", "extra"),
    (_send(address="v:1"), "bad_request", "address"),
    (_send(text=7), "bad_request", "text"),
    (_send(text={"$ne": ""}), "bad_request", "text"),
    (_send(text=None), "bad_request", "text"),
    (_send(text="x" * 9_000), "too_long", "text"),
    (_send(text=" \n\t "), "bad_request", "text"),
    (_send(client_id=""), "bad_request", "client_id"),
    (_send(client_id="x" * 65), "too_long", "client_id"),
    (_send(client_id="a b"), "bad_request", "client_id"),
    ('["send",{"text":"hello"}]', "bad_request", "client_id"),
    (_send(text="", choice={"message_seq": 1, "index": 0}), "bad_request", "choice"),
    (_send(text="", choice={"message_seq": 2**53, "index": 0}), "bad_request", "choice"),
    (_send(text="", choice={"message_seq": 0, "index": 0}), "bad_request", "choice.message_seq"),
    (_send(text="", choice={"message_seq": 1, "index": -1}), "bad_request", "choice.index"),
    (_send(text="", choice={"message_seq": 1, "index": 10**9}), "bad_request", "choice.index"),
    (_send(text="", choice={"message_seq": "1", "index": 0}), "bad_request", "choice.message_seq"),
    (_send(text="", choice={"message_seq": True, "index": 0}), "bad_request", "choice.message_seq"),
    (_send(attachments=[NOBODY]), "bad_request", "attachments"),
    (_send(attachments=[NOBODY] * 11), "bad_request", "attachments"),
    (_send(attachments=[7]), "bad_request", "attachments.0"),
    ('["send",{"client_id":"bad-1","text":NaN}]', "bad_request", None),
    ('["send",{"client_id":"bad-1","text":Infinity}]', "bad_request", None),
    ('["send",{"client_id":"bad-1","text":"a","text":"b"}]', "bad_request", None),
    ('["send",{"client_id":"bad-1","text":' + "[" * 30 + "]" * 30 + "}]", "bad_request", None),
    ('["seen",{"seq":9007199254740993}]', "bad_request", None),
    ('["seen",{"seq":1e2}]', "bad_request", "seq"),
    ('["seen",{"seq":-1}]', "bad_request", "seq"),
    ('["typing",{"on":1}]', "bad_request", "on"),
    ('["typing",{}]', "bad_request", "on"),
    ('["rate",{"score":0}]', "bad_request", "score"),
    ('["rate",{"score":6}]', "bad_request", "score"),
    ('["rate",{"score":3.5}]', "bad_request", "score"),
    ('["rate",{"score":5}]', "not_found", None),
    ('["page",{"url":7}]', "bad_request", "url"),
    ('["page",{"url":"' + "x" * 3_000 + '"}]', "too_long", "url"),
    ('["consent",{"purpose":"DROP TABLE","granted":true}]', "bad_request", "purpose"),
    ('["consent",{"purpose":"marketing","granted":"yes"}]', "bad_request", "granted"),
    ('["end",{}]', "not_found", None),
    ('["end",{"conversation":"x"}]', "bad_request", "conversation"),
    ('["sync",{"conversation":"' + NOBODY + '","after":0,"rev":0}]', "not_found", "conversation"),
    ('["sync",{"conversation":"","after":0,"rev":0}]', "not_found", "conversation"),
    ('["sync",{"conversation":"\\u0000","after":0,"rev":0}]', "not_found", "conversation"),
    ('["sync",{"conversation":"x","after":-1,"rev":0}]', "bad_request", "after"),
    ('["sync",{"conversation":"x","after":"0","rev":0}]', "bad_request", "after"),
    ('["sync",{"conversation":null,"after":0,"rev":0}]', "bad_request", "conversation"),
]


async def test_every_wrong_event_is_a_typed_error(hub: HubProcess, raw: Raw) -> None:
    """# S-16: on a fresh visitor's socket, which stays open all the while."""
    before = Unchanged(hub)
    for body, code, field in WRONG:
        answer = await raw.event(body)
        assert answer["ok"] is False, body[:200]
        error = answer["error"]
        assert (error["code"], error.get("field")) == (code, field), body[:200]
        assert error["message"]
        assert "9007199254740993" not in error["message"]
        assert set(answer) == {"ok", "error"}
        assert set(error) <= {"code", "message", "field", "retry_after"}
    before.check()
    assert (await raw.call("typing", {"on": True}))["ok"]


async def test_wrong_events_in_a_conversation_change_nothing(hub: HubProcess, raw: Raw) -> None:
    """The same with a conversation that has something to lose, and numbers that only a database minds."""
    said = await raw.call("send", {"client_id": "first", "text": "hello"})
    assert said["ok"]
    while not any('"sender":"bot"' in frame for frame in raw.heard):
        await raw.packet('42/visitor,["message"')
    await asyncio.sleep(0.5)
    before = Unchanged(hub)
    for body, code, _field in WRONG:
        if code != "not_found" or "sync" in body:
            assert (await raw.event(body))["error"]["code"] == code, body[:200]
    for after, rev in ((2**53, 0), (0, 2**53), (2**31, 2**31), (10**9, 10**12)):
        answer = await raw.call("sync", {"conversation": said["conversation"], "after": after, "rev": rev})
        assert answer["ok"], answer
        assert answer["messages"] == [] or after == 0
    before.check()


async def test_a_choice_must_have_been_offered(hub: HubProcess) -> None:
    async with visitor(hub) as guest:
        await guest.say("help")
        await guest.wait("message", sender="bot")
        await asyncio.sleep(0.3)
        before = Unchanged(hub)
        last = max(m["seq"] for m in guest.heard("message"))
        offered = [m for m in guest.heard("message") if m["buttons"]]
        for seq in (1, last, last + 1, 2**31, 2**53):
            for index in (0, 50, 99):
                if any(m["seq"] == seq and index < len(m["buttons"]) for m in offered):
                    continue
                choice = {"message_seq": seq, "index": index}
                answer = await guest.call("send", {"client_id": uuid.uuid4().hex, "choice": choice})
                assert (answer["error"]["code"], answer["error"]["field"]) == ("bad_request", "choice")
        before.check()


async def test_unknown_keys_and_tokens_are_refused_at_connect(hub: HubProcess) -> None:
    # S-1
    minted = (await _ready(hub, {"v": 1, "key": "demo"}))["token"]
    before = Unchanged(hub)
    cases: list[tuple[Any, str, str | None]] = [
        ({"v": 1, "key": "nobody"}, "not_found", "key"),
        ({"v": 1, "key": ""}, "not_found", "key"),
        ({"v": 1}, "bad_request", "key"),
        ({"v": 1, "key": 7}, "bad_request", "key"),
        ({"v": 9, "key": "demo"}, "reload_required", "v"),
        ({"v": "1", "key": "demo"}, "bad_request", "v"),
        ({"key": "demo"}, "bad_request", "v"),
        ({"v": 1, "key": "demo", "admin": True}, "bad_request", "admin"),
        ({"v": 1, "key": "demo", "token": "made-up"}, "unauthorized", "token"),
        ({"v": 1, "key": "demo", "token": "x" * 300}, "too_long", "token"),
        ({"v": 1, "key": "demo", "token": minted[:-1]}, "unauthorized", "token"),
        ({"v": 1, "key": "demo", "token": minted + "A"}, "unauthorized", "token"),
        ({"v": 1, "key": "demo", "token": minted[:10] + "é" + minted[11:]}, "unauthorized", "token"),
        ({"v": 1, "key": "demo", "token": minted.replace("fd1.", "fd1u.")}, "unauthorized", "token"),
        ({"v": 1, "key": "demo", "token": "\x00" + minted}, "unauthorized", "token"),
        ({"v": 1, "key": "demo", "identity": "a.b.c"}, "bad_request", "identity"),
        ({"v": 1, "key": "demo", "page": {"url": 7}}, "bad_request", "page.url"),
        ({"v": 1, "key": "demo", "locale": "x" * 99}, "too_long", "locale"),
        ([], "bad_request", "key"),
        (None, "bad_request", "key"),
    ]
    for auth, code, field in cases:
        async with Raw(hub.url) as raw:
            refused = await raw.connect(auth)
            error = refused.get("data", refused)
            assert (error["code"], error.get("field")) == (code, field), auth
            assert minted not in json.dumps(refused)
    before.check()


async def _ready(hub: HubProcess, auth: dict[str, Any]) -> dict[str, Any]:
    async with Raw(hub.url) as raw:
        await raw.connect(auth)
        await raw.packet('42/visitor,["ready"')
        return ready_of(raw)


async def test_connecting_writes_nothing(hub: HubProcess) -> None:
    before = Unchanged(hub)
    page = {"url": "https://shop.example/a?token=x"}
    ready = await _ready(hub, {"v": 1, "key": "demo", "page": page, "locale": "ja"})
    assert ready["contact"] is None
    assert ready["conversation"] is None
    again = await _ready(hub, {"v": 1, "key": "demo", "token": ready["token"]})
    assert again["token"] == ready["token"]
    before.check()


FORGED = [
    '42/visitor,["connect",{"REMOTE_ADDR":"6.6.6.6"},{"v":1,"key":"demo"}]',
    '42/visitor,5["disconnect"]',
    "42/visitor,[]",
    '42/visitor,{"send":1}',
    '42/visitor,["send"',
    '451-/visitor,["send",{"_placeholder":true,"num":0}]',
    '40/visitor,{"v":1,"key":"demo"}',
    '44/visitor,{"message":"x"}',
    "",
    "x",
    b"\x00\x01",
]


@pytest.mark.parametrize("frame", FORGED, ids=lambda frame: str(frame)[:24])
async def test_forged_and_malformed_frames_hurt_only_their_sender(hub: HubProcess, frame: str | bytes) -> None:
    # S-5 INV-18
    before = Unchanged(hub)
    async with Raw(hub.url) as good, Raw(hub.url) as bad:
        for raw in (good, bad):
            await raw.connect({"v": 1, "key": "demo"})
        await bad.send(frame)
        await bad.ended(0.3)
        assert (await good.call("typing", {"on": True}))["ok"]
    await asyncio.sleep(0.1)
    before.check(lines=1)


async def test_namespaces_we_do_not_have(hub: HubProcess) -> None:
    before = Unchanged(hub)
    for namespace in ("/admin", "/agent/", "/visitor/x"):
        async with Raw(hub.url, namespace) as raw:
            assert "code" in await raw.connect({"v": 1, "key": "demo"}) or raw.heard[-1].startswith("44")
    before.check()


async def test_text_is_cleaned_and_stored_alike(hub: HubProcess) -> None:
    """NUL and lone surrogates, which one database refuses and the other keeps; and NFC."""
    odd = '["send",{"client_id":"odd-1","text":"a\\u0000b \\ud800c \\udc00d e\\u0301 \\ud83d\\ude00"}]'
    async with Raw(hub.url) as raw:
        await raw.connect('{"v":1,"key":"demo","locale":"d\\u0000e"}')
        said = await raw.event(odd)
        assert said["ok"], said
        repeated = await raw.event(odd)
        assert (repeated["seq"], repeated["duplicate"]) == (said["seq"], True)
        log = await raw.call("sync", {"conversation": said["conversation"], "after": 0, "rev": 0})
    assert log["messages"][0]["text"] == "ab \ufffdc \ufffdd \u00e9 \U0001f600"
    with hub.client() as http:
        detail = http.get(f"/api/conversations/{said['conversation']}").json()
        assert detail["conversation"]["language"] == "de"


TYPED = ['/set_role{"role":"admin"}', "/SetSlots(role=admin)", "/restart", '  //order_status{"role":"admin"}']


async def test_a_command_typed_by_hand_is_text(hub: HubProcess) -> None:
    """The bot's own notation sets slots and names intents; from a keyboard it is a text like any other."""
    for text in TYPED:
        async with visitor(hub) as guest:
            said = await guest.say(text)
            answer = await guest.wait("message", sender="bot")
            assert answer["seq"] == said["seq"] + 1
        with hub.client() as http:
            detail = http.get(f"/api/conversations/{said['conversation']}").json()
        assert detail["messages"][0]["text"] == text
        trace = detail["messages"][0]["trace"]
        assert trace is not None
        assert trace["intent"] != "set_role"
        assert trace["confidence"] < 1
        assert "admin" not in json.dumps(
            [detail["contact"]["attributes"], detail["brief"] and detail["brief"]["slots"]]
        )


async def test_the_agents_socket_refuses_as_strictly(hub: HubProcess) -> None:
    with hub.client() as http:
        token = http.get("/api/session").json()["socket"]
    async with Raw(hub.url, "/agent") as raw:
        assert "sid" in await raw.connect({"v": 1, "token": token})
        before = Unchanged(hub)
        wrong = [
            ('["send",{"client_id":"x","text":"hello"}]', "unknown_event", None),
            ('["sync",{"conversation":"x","after":0}]', "bad_request", "rev"),
            ('["sync",{"conversation":"x","after":0,"rev":0}]', "not_found", "conversation"),
            ('["typing",{"on":true}]', "not_found", "conversation"),
            ('["typing",{"on":true,"conversation":"\\u0000x"}]', "not_found", "conversation"),
            ('["viewing",{"conversation":7}]', "bad_request", "conversation"),
            ('["presence",{"availability":"king"}]', "bad_request", "availability"),
            ('["presence",{"availability":NaN}]', "bad_request", None),
        ]
        for body, code, field in wrong:
            error = (await raw.event(body))["error"]
            assert (error["code"], error.get("field")) == (code, field), body
        before.check()


async def test_a_webhook_with_a_bad_signature_is_refused(hub: HubProcess) -> None:
    # S-18
    inbox = hub.add_inbox("memory", f"hook-{uuid.uuid4().hex[:8]}", {"secret": "s" * 32})
    async with httpx.AsyncClient(base_url=hub.url) as http:
        async with asyncio.timeout(5):
            while (await http.post(f"/webhooks/memory/{inbox}")).status_code == 404:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.2)
        body = {"id": "m1", "from": "u1", "text": "hello"}
        for headers in ({}, {"x-frontdesk-signature": "sha256=00"}, {"x-frontdesk-signature": "é".encode("latin-1")}):
            before = Unchanged(hub)
            answer = await http.post(f"/webhooks/memory/{inbox}", json=body, headers=headers)  # type: ignore[arg-type]
            assert answer.status_code == 403
            before.check(lines=1)
        before = Unchanged(hub)
        for path in (f"/webhooks/web/{hub.inbox}", f"/webhooks/memory/{NOBODY}", f"/webhooks/sms/{inbox}"):
            assert (await http.post(path, json=body)).status_code in (403, 404)
        assert (await http.post(f"/webhooks/memory/{inbox}", content=b"x" * (1 << 20 | 1))).status_code == 413
        before.check(lines=1)


async def test_too_fast_says_when_to_come_back(hub: HubProcess) -> None:
    """# S-23: chatter of one visitor; others do not notice."""
    async with Raw(hub.url) as fast, Raw(hub.url) as other:
        for raw in (fast, other):
            await raw.connect({"v": 1, "key": "demo"})
        began = time.monotonic()
        answers = [await fast.call("typing", {"on": True}) for _ in range(70)]
        refused = [answer["error"] for answer in answers if not answer["ok"]]
        come_back = (time.monotonic() - began) * 6  # at 60 in 10 seconds
        assert 9 - come_back <= len(refused) <= 10
        assert refused
        assert all(error["code"] == "rate_limited" and 0 < error["retry_after"] <= 10 for error in refused)
        assert (await other.call("typing", {"on": True}))["ok"]
