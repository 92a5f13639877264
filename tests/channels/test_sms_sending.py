"""What leaves for Twilio: golden calls, and every way a provider's answer can go wrong, over real sockets."""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from channels import Call, Channel, SendError
from channels.sms import Sms, SmsConfig
from models.inbound import Outbound, OutboundFile

PAYLOADS = Path(__file__).parents[1] / "payloads" / "sms"
RAW = json.loads((PAYLOADS / "config.json").read_text())
SMS: Channel = Sms()
PHONE = "+15005550100"
STATUS = "https://hub.example.test/webhooks/sms/ch_1/status"
CALL = Call({"to": PHONE, "body": "canary text", "media_url": [], "status_callback": STATUS, "segments": 1})
CREATED = {"sid": "SM" + "b" * 32, "status": "queued", "date_created": "Thu, 24 Aug 2023 05:01:45 +0000"}

Act = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Stub:
    """A provider on loopback that does as told and remembers what it was asked."""

    def __init__(self, act: Act) -> None:
        self.act = act
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.port = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = next(
                (line.split(":")[1] for line in head.splitlines() if line.lower().startswith("content-le")), "0"
            )
            self.bodies.append(await reader.readexactly(int(length)))
            self.heads.append(head)
            await self.act(writer)
        finally:
            writer.close()


def answer(status: int, body: Any = None, **headers: str) -> Act:
    text = body if isinstance(body, str) else json.dumps(body)
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(text.encode())}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]

    async def act(writer: asyncio.StreamWriter) -> None:
        writer.write(("\r\n".join(lines) + "\r\n\r\n" + text).encode())
        await writer.drain()

    return act


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def half_an_answer(writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 201 Created\r\ncontent-length: 500\r\n\r\n{"sid":')
    await writer.drain()


async def no_answer(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0.6)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Act], Awaitable[Stub]]]:
    servers: list[asyncio.Server] = []

    async def start(act: Act) -> Stub:
        stub = Stub(act)
        server = await asyncio.start_server(stub.handle, "127.0.0.1", 0)
        stub.port = server.sockets[0].getsockname()[1]
        servers.append(server)
        return stub

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


async def send(port: int, call: Call = CALL, **change: Any) -> Any:
    config = SmsConfig.model_validate(RAW | {"api_base": f"http://127.0.0.1:{port}"} | change)
    async with httpx.AsyncClient(trust_env=False) as http:
        return await SMS.send(call, config, http)


async def refusal(port: int) -> SendError:
    with pytest.raises(SendError) as error:
        await send(port)
    assert PHONE not in str(error.value)
    assert "canary" not in str(error.value)
    return error.value


def outbound(**fields: Any) -> Outbound:
    return Outbound(id="p1", conversation="c1", seq=4, address=PHONE, callback_url=STATUS, **fields)


def files(count: int) -> list[OutboundFile]:
    return [
        OutboundFile(url=f"https://hub.example.test/f/{at}", name="a", media_type="image/png") for at in range(count)
    ]


def rendered(**fields: Any) -> list[tuple[str, int, int]]:
    calls = SMS.render(outbound(**fields), SmsConfig.model_validate(RAW))
    assert all((call.payload["to"], call.payload["status_callback"]) == (PHONE, STATUS) for call in calls)
    return [(call.payload["body"], len(call.payload["media_url"]), call.payload["segments"]) for call in calls]


def test_render_golden() -> None:
    (call,) = SMS.render(outbound(text="Which one?", buttons=["Yes", "No"]), SmsConfig.model_validate(RAW))
    assert call.payload == {
        "to": PHONE,
        "body": "Which one?\n1. Yes\n2. No",
        "media_url": [],
        "status_callback": STATUS,
        "segments": 1,
    }


def test_render_texts_buttons_and_files() -> None:
    assert rendered(text="ご注文は発送されました。") == [("ご注文は発送されました。", 0, 1)]
    assert rendered(text="a\r\nb") == [("a\nb", 0, 1)]
    assert rendered(text="", buttons=["One", "Two"]) == [("1. One\n2. Two", 0, 1)]
    assert rendered(text="See", files=files(2)) == [("See", 2, 1)]
    assert rendered(text="", files=files(1)) == [("", 1, 0)]
    assert rendered(text="See", files=files(12)) == [("See", 10, 1), ("", 2, 0)]
    assert rendered(text=" \n ") == []


def test_render_a_long_text_as_several_messages_with_the_files_first() -> None:
    calls = rendered(text="word " * 700, files=files(1), buttons=["Yes"])
    assert [(len(body) <= 1_600, media) for body, media, _ in calls] == [(True, 1), (True, 0), (True, 0)]
    assert calls[-1][0].endswith("\n1. Yes")
    assert sum(body.count("word") for body, _, _ in calls) == 700


async def test_a_message_goes_out_once_and_whole(serve: Any) -> None:
    stub = await serve(answer(201, CREATED))
    media = ["https://hub.example.test/f/1", "https://hub.example.test/f/2"]
    sent = await send(stub.port, Call({**CALL.payload, "media_url": media}))
    assert (sent.external_id, sent.state) == (CREATED["sid"], "sent")
    assert stub.heads[0].startswith(f"POST /2010-04-01/Accounts/{RAW['account_sid']}/Messages.json HTTP/1.1\r\n")
    credentials = httpx.BasicAuth(RAW["account_sid"], "test_auth_token")._auth_header
    assert f"authorization: {credentials}".lower() in stub.heads[0].lower()
    assert sorted(parse_qsl(stub.bodies[0].decode())) == [
        ("Body", "canary text"), ("From", "+15005550006"), ("MediaUrl", media[0]), ("MediaUrl", media[1]),
        ("StatusCallback", STATUS), ("To", PHONE),
    ]  # fmt: skip


async def test_a_messaging_service_and_an_api_key(serve: Any) -> None:
    stub = await serve(answer(201, CREATED))
    service, key = "MG" + "6" * 32, "SK" + "7" * 32
    only_file = Call({**CALL.payload, "body": "", "status_callback": "", "media_url": ["https://a.example.test/1"]})
    change = {"sender": None, "messaging_service_sid": service, "api_key_sid": key, "api_key_secret": "key_secret"}
    await send(stub.port, only_file, **change)
    fields = dict(parse_qsl(stub.bodies[0].decode(), keep_blank_values=True))
    assert fields == {"To": PHONE, "MessagingServiceSid": service, "MediaUrl": "https://a.example.test/1"}
    assert httpx.BasicAuth(key, "key_secret")._auth_header.lower() in stub.heads[0].lower()


def error_answer(name: str, **headers: str) -> Act:
    saved = json.loads((PAYLOADS / f"twilio_error_{name}.json").read_text())
    return answer(saved["status"], saved["body"], **headers)


def problem(code: int) -> dict[str, Any]:
    """The newer error format."""
    return {"type": "about:blank", "title": f"to {PHONE}", "status": 400, "code": code, "detail": "canary"}


@pytest.mark.parametrize(
    ("act", "kind", "code", "retry_after"),
    [
        (error_answer("20429", retry_after="7"), "rate_limited", "20429", 7.0),
        (error_answer("20429"), "rate_limited", "20429", None),
        (error_answer("20429", retry_after="9" * 400), "rate_limited", "20429", 3_600.0),
        (answer(429, "slow down", retry_after="Wed, 21 Oct 2026 07:28:00 GMT"), "rate_limited", "429", None),
        (answer(400, {"code": 21611}), "rate_limited", "21611", None),
        (error_answer("21610"), "opted_out", "21610", None),
        (answer(400, problem(21610)), "opted_out", "21610", None),
        (answer(400, {"code": 63016}), "window_closed", "63016", None),
        (answer(401, {"code": 20003, "message": "Authenticate"}), "auth_broken", "20003", None),
        (answer(403, "forbidden"), "auth_broken", "403", None),
        (answer(400, {"code": 21211, "message": f"Invalid 'To' {PHONE} canary"}), "invalid", "21211", None),
        (answer(400, "<html>"), "invalid", "400", None),
        (answer(400, ["canary"]), "invalid", "400", None),
        (answer(404, {"code": 20404}), "invalid", "20404", None),
        (answer(307, "", location="http://127.0.0.1:1/"), "invalid", "307", None),
        (answer(503, {"code": 20503}, retry_after="2"), "transient", "20503", 2.0),
        (answer(503, "gateway"), "ambiguous", "503", None),
        (answer(500, {"code": 20500}), "ambiguous", "20500", None),
        (answer(502, ""), "ambiguous", "502", None),
        (answer(504, ""), "ambiguous", "504", None),
        (answer(201, "not json"), "ambiguous", "unreadable_answer", None),
        (answer(201, ""), "ambiguous", "unreadable_answer", None),
        (answer(201, {}), "ambiguous", "unreadable_answer", None),
        (answer(201, []), "ambiguous", "unreadable_answer", None),
        (answer(201, {"sid": 7}), "ambiguous", "unreadable_answer", None),
        (answer(201, {"sid": "SM1", "date_created": 5}), "ambiguous", "unreadable_answer", None),
        (hang_up, "ambiguous", None, None),
        (half_an_answer, "ambiguous", "RemoteProtocolError", None),
    ],
)
async def test_every_refusal_has_one_kind_and_is_tried_once(
    serve: Any, act: Act, kind: str, code: str | None, retry_after: float | None
) -> None:  # INV-13
    stub = await serve(act)
    error = await refusal(stub.port)
    assert (error.kind, error.retry_after) == (kind, retry_after)
    assert code is None or error.code == code
    assert len(stub.bodies) == 1


async def test_a_provider_that_says_nothing_leaves_it_open(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = await serve(no_answer)
    monkeypatch.setattr("channels.sms._TIMEOUT", httpx.Timeout(0.2))
    assert (await refusal(stub.port)).kind == "ambiguous"
    monkeypatch.setattr("channels.sms._TIMEOUT", httpx.Timeout(10.0))
    monkeypatch.setattr("channels.sms._DEADLINE", 0.2)
    error = await refusal(stub.port)
    assert (error.kind, error.code) == ("ambiguous", "timeout")


async def test_a_provider_that_is_not_there_was_told_nothing(serve: Any) -> None:
    stub = await serve(hang_up)
    free = await asyncio.start_server(stub.handle, "127.0.0.1", 0)
    port = free.sockets[0].getsockname()[1]
    free.close()
    await free.wait_closed()
    assert (await refusal(port)).kind == "transient"
    assert stub.bodies == []


async def test_the_environment_changes_nothing(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EDGE", "REGION", "ACCOUNT_SID", "AUTH_TOKEN"):
        monkeypatch.setenv(f"TWILIO_{name}", "elsewhere")
    stub = await serve(answer(201, CREATED))
    await send(stub.port)
    assert "elsewhere" not in stub.heads[0]


async def test_nothing_personal_is_logged(serve: Any, caplog: pytest.LogCaptureFixture) -> None:  # S-28
    caplog.set_level(logging.DEBUG)
    await refusal((await serve(error_answer("21610"))).port)
    await send((await serve(answer(201, CREATED))).port)
    logged = "\n".join(record.getMessage() for record in caplog.records)
    for canary in (PHONE, PHONE[1:], "canary", "test_auth_token", "+15005550006"):
        assert canary not in logged


async def test_a_fault_of_our_own_is_no_answer_of_the_provider(serve: Any) -> None:
    stub = await serve(answer(201, CREATED))
    with pytest.raises(KeyError):
        await send(stub.port, Call({"to": PHONE}))
    assert stub.bodies == []


async def test_many_sends_at_once_are_as_many_messages(serve: Any) -> None:
    stub = await serve(answer(201, CREATED))
    await send(stub.port)
    done = await asyncio.gather(*(send(stub.port) for _ in range(20)))
    assert len(done) == len(stub.bodies) - 1 == 20


@pytest.mark.parametrize(
    ("url", "has_credentials"),
    [
        ("https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/MM1/Media/ME1", True),
        ("https://mcs.us1.twilio.com/v1/x", True),
        ("https://eviltwilio.com/x", False),
        ("https://api.twilio.com.evil.test/x", False),
        ("https://api.twilio.com@evil.test/x", False),
        ("https://evil.test/api.twilio.com", False),
        ("http://[", False),
        ("", False),
    ],
)
def test_credentials_for_files_go_to_the_provider_only(url: str, has_credentials: bool) -> None:  # S-20
    source = SMS.media(url, SmsConfig.model_validate(RAW))
    assert (source.auth is not None) is has_credentials
    assert "test_auth_token" not in repr(source)


def test_a_simulators_files_get_credentials_too() -> None:
    config = SmsConfig.model_validate(RAW | {"api_base": "http://127.0.0.1:4010"})
    assert SMS.media("http://127.0.0.1:4010/m", config).auth == (RAW["account_sid"], "test_auth_token")


async def test_the_sdk_is_imported_at_first_use_only() -> None:
    code = "import sys; from channels import load; load('sms'); sys.exit('twilio' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=Path(__file__).parents[2])
    assert await process.wait() == 0
