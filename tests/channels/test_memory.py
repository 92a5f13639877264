"""The reference channel: its recorded requests, its signature, and what it posts."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr, ValidationError

from channels import Channel, Request, SendError, Sent
from channels.memory import SIGNATURE, Memory, MemoryConfig, sign
from models.inbound import Inbound, Media, Outbound, Profile, StatusUpdate

PAYLOADS = Path(__file__).parents[1] / "payloads" / "memory"
CONFIG = MemoryConfig.model_validate_json((PAYLOADS / "config.json").read_text())
MEMORY: Channel = Memory()
MESSAGE = Outbound(id="p1", conversation="c1", seq=2, address="user-7", text="Here", buttons=["Yes"])


def recorded(name: str) -> Request:
    saved = json.loads((PAYLOADS / f"{name}.json").read_text())
    headers = {key.lower(): value for key, value in saved["headers"].items()}
    return Request("POST", saved["url"], "/webhooks/memory/ch_1", "", headers, saved["raw_body"].encode())


def request(body: Any) -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("POST", "https://h.test/", "/", "", {SIGNATURE: sign(raw, CONFIG.secret)}, raw)


def test_a_recorded_message() -> None:
    told = recorded("message")
    assert MEMORY.verify(told, CONFIG, 0.0)
    assert MEMORY.parse(told, CONFIG) == [
        Inbound(
            address="user-7",
            proven=True,
            external_id="m-1",
            text="注文はどこですか？ 👍 ",
            profile=Profile(name="Test Person"),
        )
    ]
    assert MEMORY.ack(told, []).body == b'{"ok": true, "events": 0}'


def test_a_recorded_batch() -> None:
    told = recorded("batch")
    assert MEMORY.verify(told, CONFIG, 0.0)
    picture = Media(url="https://files.example.test/a.png", media_type="image/png", name="a.png")
    assert MEMORY.parse(told, CONFIG) == [
        Inbound(address="user-7", proven=True, external_id="m-2", media=[picture]),
        Inbound(address="user-7", proven=True, external_id="m-3", text="STOP", consent="opt_out"),
        Inbound(address="user-7", proven=True, external_id="m-4", unsupported="sticker"),
        StatusUpdate(external_id="out-1", state="delivered"),
        StatusUpdate(external_id="out-2", state="failed", code="42"),
    ]


@pytest.mark.parametrize("given", [None, "", "sha256=", "sha256=é", "SHA256=00", "x" * 10_000])
def test_a_bad_signature_is_refused(given: str | None) -> None:
    good = recorded("message")
    headers = {} if given is None else {SIGNATURE: given}
    assert not MEMORY.verify(Request("POST", good.url, good.path, "", headers, good.body), CONFIG, 0.0)


def test_another_key_another_body_or_another_method_is_refused() -> None:
    good = recorded("message")
    assert not MEMORY.verify(good, MemoryConfig(secret=SecretStr("other")), 0.0)
    assert not MEMORY.verify(Request("POST", good.url, "", "", good.headers, good.body + b" "), CONFIG, 0.0)
    assert not MEMORY.verify(Request("GET", good.url, "", "", good.headers, good.body), CONFIG, 0.0)
    with pytest.raises(ValidationError, match="secret"):
        MemoryConfig(secret=SecretStr(" "))


def test_without_an_id_the_same_body_is_the_same_message() -> None:
    one, other = ({"from": "u", "text": text} for text in "ab")
    first, again, second = (MEMORY.parse(request(body), CONFIG)[0] for body in (one, one, other))
    assert isinstance(first, Inbound)
    assert first == again
    assert first.external_id != second.external_id


def test_an_empty_message_is_kept_by_name() -> None:
    assert MEMORY.parse(request({"from": "u", "id": "m", "text": " "}), CONFIG) == [
        Inbound(address="u", proven=True, external_id="m", text=" ", unsupported="empty")
    ]


@pytest.mark.parametrize("body", [b"\xff", b"null", b"[]", {"events": [1, None, {}]}, {"type": "status", "id": "x"}])
def test_what_says_nothing_is_left_out(body: Any) -> None:
    assert list(MEMORY.parse(request(body), CONFIG)) == []


async def test_without_an_address_a_message_counts_as_delivered() -> None:
    (call,) = MEMORY.render(MESSAGE, CONFIG)
    assert call.payload["to"] == "user-7"
    async with httpx.AsyncClient() as http:
        assert await MEMORY.send(call, CONFIG, http) == Sent("p1", "delivered")


async def post(status: int, body: bytes, *, headers: str = "", silent: bool = False) -> tuple[Sent | SendError, bytes]:
    """Send the message to a server on loopback that answers as told; return the outcome and what it was sent."""
    seen = bytearray()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        seen.extend(head + await reader.readexactly(length))
        if not silent:
            writer.write(f"HTTP/1.1 {status} X\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    config = CONFIG.model_copy(update={"url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/in"})
    async with server, httpx.AsyncClient(trust_env=False) as http:
        try:
            return await MEMORY.send(MEMORY.render(MESSAGE, CONFIG)[0], config, http), bytes(seen)
        except SendError as error:
            return error, bytes(seen)


async def test_a_message_is_posted_signed() -> None:
    sent, seen = await post(200, b'{"id": "theirs", "state": "delivered"}')
    head, _, body = seen.partition(b"\r\n\r\n")
    assert sent == Sent("theirs", "delivered")
    assert f"{SIGNATURE}: {sign(body, CONFIG.secret)}".encode() in head.lower()
    assert json.loads(body)["text"] == "Here"
    assert (await post(204, b""))[0] == Sent("p1", "sent")


@pytest.mark.parametrize(
    ("status", "headers", "kind", "wait"),
    [
        (429, "retry-after: 3\r\n", "rate_limited", 3.0),
        (429, "", "rate_limited", None),
        (401, "", "auth_broken", None),
        (400, "", "invalid", None),
        (500, "", "ambiguous", None),
    ],
)
async def test_refusals(status: int, headers: str, kind: str, wait: float | None) -> None:
    error, _ = await post(status, b"", headers=headers)
    assert isinstance(error, SendError)
    assert (error.kind, error.code, error.retry_after) == (kind, str(status), wait)


async def test_a_lost_answer_is_ambiguous_and_a_missing_server_is_not() -> None:
    lost, _ = await post(200, b"", silent=True)
    assert isinstance(lost, SendError)
    assert lost.kind == "ambiguous"
    nobody = CONFIG.model_copy(update={"url": "http://127.0.0.1:1/"})
    async with httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(SendError) as error:
            await MEMORY.send(MEMORY.render(MESSAGE, CONFIG)[0], nobody, http)
    assert error.value.kind == "transient"
