"""Files of visitors and agents: taken from their owner, once, shown to both sides, harmless to open (S-13)."""

import io
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.support.hub import HubProcess
from tests.support.stage import dump
from tests.support.visitor import Socket, agent, visitor

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"


def _png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 6), "red").save(out, "PNG")
    return out.getvalue()


@pytest.fixture
async def guest(hub: HubProcess) -> AsyncIterator[Socket]:
    async with visitor(hub) as connected:
        yield connected


@pytest.fixture
async def http(hub: HubProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=hub.url) as client:
        yield client


def _as(guest: Socket, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {guest.ready['token']}", "x-site-key": "demo", **more}


async def _upload(http: httpx.AsyncClient, guest: Socket, data: bytes, name: str = "a.txt", kind: str = "") -> Any:
    answer = await http.post("/uploads", files={"file": (name, data, kind)}, headers=_as(guest))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def _send(guest: Socket, *files: str) -> dict[str, Any]:
    return await guest.call("send", {"client_id": uuid.uuid4().hex, "text": "see", "attachments": list(files)})


async def test_a_visitors_file_reaches_the_agents(hub: HubProcess, guest: Socket, http: httpx.AsyncClient) -> None:
    async with agent(hub) as desk:
        file = await _upload(http, guest, _png(), "photo.png", "image/png")
        assert (file["name"], file["media_type"]) == ("photo.png", "image/png")
        said = await _send(guest, file["id"])
        assert said["ok"]
        for side in (guest, desk):
            heard = await side.wait("message", conversation=said["conversation"], seq=said["seq"])
            (shown,) = heard["attachments"]
            assert (shown["id"], shown["state"], shown["width"], shown["height"]) == (file["id"], "ready", 8, 6)
            got = await http.get(shown["url"])
            assert got.status_code == 200
            assert got.headers["content-type"] == "image/png"
            assert got.headers["content-disposition"].startswith("inline")
            assert "sandbox" in got.headers["content-security-policy"]
            assert got.headers["x-content-type-options"] == "nosniff"
            assert Image.open(io.BytesIO(got.content)).size == (8, 6)


async def test_an_agents_file_reaches_the_visitor(hub: HubProcess, guest: Socket) -> None:
    mine = (await guest.say("I want to talk to a person"))["conversation"]
    await guest.wait("conversation", status="open")
    with hub.client() as desk:
        form = {"file": ("réservé.pdf", b"%PDF-1.7 x", "application/pdf")}
        right = desk.headers.pop("X-CSRF-Token")
        assert desk.post("/uploads", files=form).json()["field"] == "X-CSRF-Token"
        desk.headers["X-CSRF-Token"] = right
        file = desk.post("/uploads", files=form).json()
        version = desk.get(f"/api/conversations/{mine}").json()["conversation"]["version"]
        path = f"/api/conversations/{mine}/messages"
        bad = {"client_id": uuid.uuid4().hex, "text": "see", "attachments": ["0" * 32], "version": version}
        assert desk.post(path, json=bad).json()["field"] == "attachments"
        assert desk.get(f"/api/conversations/{mine}").json()["conversation"]["version"] == version
        reply = {**bad, "client_id": uuid.uuid4().hex, "attachments": [file["id"]]}
        assert desk.post(path, json=reply).status_code == 201
        heard = await guest.wait("message", sender="agent")
        got = desk.get(heard["attachments"][0]["url"])
        assert got.content == b"%PDF-1.7 x"
        assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''r%C3%A9serv%C3%A9.pdf"


async def test_a_file_is_used_once_by_its_owner(hub: HubProcess, guest: Socket, http: httpx.AsyncClient) -> None:
    # S-1
    file = (await _upload(http, guest, b"mine"))["id"]
    async with visitor(hub) as thief:
        await thief.say("hello")
        rows = dump(hub.database_url)["attachments"]
        stolen = await _send(thief, file)
        assert (stolen["error"]["code"], stolen["error"]["field"]) == ("bad_request", "attachments")
        assert dump(hub.database_url)["attachments"] == rows
    with hub.client() as desk:
        note = {"client_id": uuid.uuid4().hex, "kind": "note", "text": "x", "attachments": [file], "version": 0}
        first = (await guest.say("hello"))["conversation"]
        assert desk.post(f"/api/conversations/{first}/messages", json=note).json()["field"] == "attachments"
    assert (await _send(guest, file, file))["error"]["field"] == "attachments"
    assert (await _send(guest, file))["ok"]
    assert (await _send(guest, file))["error"]["field"] == "attachments"


@pytest.mark.parametrize(
    ("data", "name"), [(SVG, "logo.svg"), (HTML, "page.html"), (HTML, "notes.txt"), (SVG, "x.png")]
)
async def test_markup_is_a_download(guest: Socket, http: httpx.AsyncClient, data: bytes, name: str) -> None:
    # S-13
    for kind in ("image/svg+xml", "text/html", "image/png"):
        file = await _upload(http, guest, data, name, kind)
        said = await _send(guest, file["id"])
        heard = await guest.wait("message", seq=said["seq"])
        got = await http.get(heard["attachments"][0]["url"])
        assert got.headers["content-type"] == "application/octet-stream"
        assert got.headers["content-disposition"].startswith("attachment")
        assert got.headers["content-security-policy"] == "default-src 'none'; sandbox"


async def test_addresses_are_signed(hub: HubProcess, guest: Socket, http: httpx.AsyncClient) -> None:
    one, two = [(await _upload(http, guest, data))["id"] for data in (b"one", b"two")]
    said = await _send(guest, one, two)
    first, second = (await guest.wait("message", seq=said["seq"]))["attachments"]
    signature = first["url"].partition("?s=")[2]
    assert (await http.get(first["url"])).content == b"one"
    wrong = [
        f"/files/{first['id']}",
        f"/files/{first['id']}?s=",
        f"/files/{first['id']}?s=0.",
        f"/files/{first['id']}?s={signature[:-1]}",
        f"/files/{first['id']}?s={signature}A",
        f"/files/{first['id']}?s=9{signature}",
        f"/files/{first['id']}?s=%C3%A9",
        f"/files/{second['id']}?s={signature}",
        f"/files/{'0' * 32}?s={signature}",
        f"/files/..%2fsecret.key?s={signature}",
    ]
    for url in wrong:
        answer = await http.get(url)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), url


async def test_refused_uploads_leave_nothing(hub: HubProcess, guest: Socket, http: httpx.AsyncClient) -> None:
    rows = dump(hub.database_url)
    form = {"file": ("a.txt", b"x")}
    cases: list[tuple[int, str | None, dict[str, Any]]] = [
        (401, None, {"files": form}),
        (401, "token", {"files": form, "headers": _as(guest, authorization="Bearer made-up")}),
        (401, "token", {"files": form, "headers": _as(guest, authorization="Bearer x y")}),
        (401, "token", {"files": form, "headers": _as(guest, **{"x-site-key": "other"})}),
        (400, "file", {"files": {"other": form["file"]}, "headers": _as(guest)}),
        (400, "file", {"files": {"file": ("a.txt", b"")}, "headers": _as(guest)}),
        (400, "file", {"files": {"file": ("a.exe", b"MZ\x00\x01")}, "headers": _as(guest)}),
        (400, "file", {"files": {"file": ("a.png", _png()[:40])}, "headers": _as(guest)}),
        (400, None, {"content": b"no form", "headers": _as(guest, **{"content-type": "multipart/form-data"})}),
        (400, None, {"content": b"x", "headers": _as(guest, **{"content-type": "multipart/form-data; boundary=x"})}),
        (400, None, {"files": [("file", ("a", b"x")), ("file", ("b", b"x"))], "headers": _as(guest)}),
    ]
    for status, named, sent in cases:
        answer = await http.post("/uploads", **sent)
        assert answer.status_code == status, (sent, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json().get("field") == named or named is None, answer.text
    assert dump(hub.database_url) == rows


async def test_too_large_is_told_before_it_is_read(hub: HubProcess, guest: Socket, http: httpx.AsyncClient) -> None:
    # S-13
    rows = dump(hub.database_url)
    big = b"x" * (10 << 20 | 1)
    raw = {"x-file-name": "big.txt", "content-type": "text/plain"}
    form: dict[str, Any] = {"files": {"file": ("big.txt", big)}, "headers": _as(guest)}
    for sent in (form, {"content": big, "headers": _as(guest, **raw)}):
        answer = await http.post("/uploads", **sent)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_long")

    async def endless() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        yield b"x" * 1_000

    kind = {"content-type": "multipart/form-data; boundary=x"}
    answer = await http.post("/uploads", content=endless(), headers=_as(guest, **kind))
    assert (answer.status_code, answer.json()["field"]) == (411, "Content-Length")
    assert dump(hub.database_url) == rows


async def test_a_raw_body_is_a_file_too(guest: Socket, http: httpx.AsyncClient) -> None:
    headers = _as(guest, **{"x-file-name": "../../etc/passwd", "content-type": "text/plain"})
    answer = await http.post("/uploads", content=b"hello", headers=headers)
    assert answer.json()["name"] == "passwd.txt"


async def test_pages_of_allowed_websites_may_upload(hub: HubProcess, guest: Socket, http: httpx.AsyncClient) -> None:
    # S-4
    asks = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    for origin, known in (("http://localhost:3000", True), ("https://evil.example", False), ("null", False)):
        preflight = await http.options("/uploads", headers={"origin": origin, **asks})
        assert ("access-control-allow-origin" in preflight.headers) == known
        assert "access-control-allow-credentials" not in preflight.headers
        form = {"file": ("a.txt", b"x")}
        answer = await http.post("/uploads", files=form, headers=_as(guest, origin=origin))
        assert ("access-control-allow-origin" in answer.headers) == known
