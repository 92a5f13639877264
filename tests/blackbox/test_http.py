"""HTTP as a whole: problems that name the field, static files, health, metrics, and no fault whatever is asked."""

import gzip
import json
import socket
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok

from hub.app import build
from hub.settings import load_settings
from models import migrate
from tests.support.hub import HubProcess
from tests.support.visitor import visitor

NOBODY = "0" * 32


def _problem(answer: httpx.Response, status: int, code: str, named: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert (said["status"], said["code"], said.get("field")) == (status, code, named), said
    assert set(said) <= {"type", "title", "status", "detail", "code", "field", "retry_after"}
    assert said["title"]
    assert said["detail"]


async def _conversation(hub: HubProcess) -> str:
    async with visitor(hub) as guest:
        mine = (await guest.say("I want to talk to a person"))["conversation"]
        await guest.wait("conversation", status="open")
        return str(mine)


async def test_refusals_are_problems_that_name_the_field(hub: HubProcess) -> None:
    # S-16
    mine = await _conversation(hub)
    path = f"/api/conversations/{mine}/messages"
    good = {"client_id": "c1", "text": "hello", "version": 1}
    with hub.client() as http:
        _problem(http.get("/api/nothing"), 404, "not_found")
        _problem(http.delete("/api/agents"), 405, "bad_request")
        _problem(http.get(f"/api/conversations/{NOBODY}"), 404, "not_found", "conversation")
        _problem(http.get("/api/conversations", params={"view": "theirs"}), 400, "bad_request", "view")
        _problem(http.get("/api/conversations", params={"cursor": "x"}), 400, "bad_request", "cursor")
        _problem(http.get("/api/conversations", params={"q": "x" * 101}), 400, "too_long", "q")
        _problem(http.get("/api/conversations?q=a%00b"), 400, "bad_request", "query")
        _problem(http.get(path), 400, "bad_request", "before")
        _problem(http.get(path, params={"before": "0"}), 400, "bad_request", "before")
        bodies: list[tuple[dict[str, Any], str, str]] = [
            ({**good, "extra": 1}, "bad_request", "extra"),
            ({**good, "version": "1"}, "bad_request", "version"),
            ({**good, "version": True}, "bad_request", "version"),
            ({**good, "text": "x" * 9_000}, "too_long", "text"),
            ({**good, "text": " "}, "bad_request", "text"),
            ({**good, "text": {"$gt": ""}}, "bad_request", "text"),
            ({**good, "kind": "activity"}, "bad_request", "kind"),
            ({**good, "client_id": "a b"}, "bad_request", "client_id"),
            ({**good, "attachments": [1]}, "bad_request", "attachments.0"),
            ({"client_id": "c1"}, "bad_request", "version"),
        ]
        for body, code, named in bodies:
            _problem(http.post(path, json=body), 400, code, named)
        for raw in (
            b"", b"{", b"[]", b'{"version":NaN}', b'{"version":1,"version":1}', b'{"version":9007199254740993}',
            b'{"version":' + b"[" * 50 + b"]" * 50 + b"}", b"\xff\xfe",
        ):  # fmt: skip
            answer = http.post(path, content=raw, headers={"content-type": "application/json"})
            assert answer.status_code == 400
            assert answer.json()["field"]
        too_long = http.post(path, content=b" " * 70_000, headers={"content-type": "application/json"})
        _problem(too_long, 413, "too_long")
        _problem(http.post(path, content=json.dumps(good)), 400, "bad_request", "body")
        assert [m for m in http.get(f"/api/conversations/{mine}").json()["messages"] if m["sender"] == "agent"] == []


async def test_numbers_beyond_the_database_are_no_fault(hub: HubProcess) -> None:
    """What fits JSON but no column: one database would take it and the other fail."""
    mine = await _conversation(hub)
    with hub.client() as http:
        path = f"/api/conversations/{mine}"
        contact = http.get(path).json()["contact"]["id"]
        for big in (2**31, 2**53):
            assert http.get(f"{path}/messages", params={"before": big}).status_code == 200
            assert http.post(f"{path}/read", json={"seq": big}).status_code == 204
            assert http.post(f"{path}/claim", json={"version": big}).json()["code"] == "stale"
        for cursor in ("9" * 15, f"{'9' * 15}-{NOBODY}", "0", f"1-{NOBODY}"):
            for view in ("queue", "all", "mine", "bot", "resolved"):
                assert http.get("/api/conversations", params={"view": view, "cursor": cursor}).status_code == 200
        timeline = {"cursor": f"{'9' * 15}-{NOBODY}-{'9' * 10}"}
        assert http.get(f"/api/contacts/{contact}/timeline", params=timeline).status_code == 200
        version = http.get(path).json()["conversation"]["version"]
        odd = ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2020-01-01T00:00:00Z", "soon", "2040-01-01"]
        for until in odd:
            answer = http.post(f"{path}/snooze", json={"version": version, "until": until})
            _problem(answer, 400, "bad_request", "until")
        far = http.post(f"{path}/snooze", json={"version": version, "until": "9999-12-31T23:59:59Z"})
        assert far.status_code == 200
        assert http.get(path).json()["conversation"]["snoozed_until"] == "9999-12-31T23:59:59.000Z"


# --- health and metrics ------------------------------------------------------------------------------------------


def test_health(hub: HubProcess) -> None:
    assert httpx.get(f"{hub.url}/health/live").text == "ok\n"
    assert httpx.get(f"{hub.url}/health/ready").json() == {"ready": True}
    assert httpx.head(f"{hub.url}/health/ready").status_code == 200


def test_metrics_are_for_this_computer(hub: HubProcess) -> None:
    # S-37
    direct = httpx.get(f"{hub.url}/metrics")
    assert direct.status_code == 200
    assert "frontdesk_sockets " in direct.text
    for headers in ({"x-forwarded-for": "6.6.6.6"}, {"x-forwarded-for": "127.0.0.1"}):
        assert httpx.get(f"{hub.url}/metrics", headers=headers).status_code == 404
    proxied = {"x-forwarded-for": "6.6.6.6", "authorization": "Bearer None"}
    assert httpx.get(f"{hub.url}/metrics", headers=proxied).status_code == 404


async def test_metrics_open_to_their_token(tmp_path: Path) -> None:
    # S-37
    parts = build(load_settings(var=tmp_path, metrics_token="a token of some length"))
    migrate.upgrade(parts.db)
    elsewhere = httpx.ASGITransport(parts.app, client=("192.0.2.7", 7))
    async with httpx.AsyncClient(transport=elsewhere, base_url="http://hub") as http:
        for given, status in (("a token of some length", 200), ("a token of some lengtH", 404), ("", 404), ("é", 404)):
            answer = await http.get("/metrics", headers={b"authorization": f"Bearer {given}".encode()})
            assert answer.status_code == status
    parts.db.close()


# --- static ------------------------------------------------------------------------------------------------------


def test_pages_carry_their_policy(hub: HubProcess) -> None:
    # S-12
    with httpx.Client(base_url=hub.url) as http:
        for path, framed in (("/inbox", "'none'"), ("/demo", "'none'"), ("/frame", "*")):
            page = http.get(path)
            assert page.status_code == 200, page.text
            assert page.headers["content-type"].startswith("text/html")
            assert page.headers["cache-control"] == "no-cache"
            policy = page.headers["content-security-policy"]
            assert f"frame-ancestors {framed}" in policy
            assert "unsafe" not in policy
            assert page.headers["x-content-type-options"] == "nosniff"
        assert http.get("/", follow_redirects=False).headers["location"] == "/inbox"
        loader = http.get("/widget.js")
        assert loader.headers["cache-control"] == "public, max-age=300"
        assert loader.headers["access-control-allow-origin"] == "*"
        asset = next(part for part in http.get("/inbox").text.split('"') if part.startswith("/inbox-assets/"))
        lasting = http.get(asset)
        assert lasting.status_code == 200
        assert "immutable" in lasting.headers["cache-control"]
        assert "access-control-allow-origin" not in lasting.headers


CLIMBING = [
    "/w/../../models/db.py", "/w/..%2f..%2f..%2fpyproject.toml", "/w/%2e%2e/%2e%2e/%2e%2e/pyproject.toml",
    "/w/%2e%2e/inbox/index.html", "/inbox-assets/%2e%2e/index.html", "/inbox-assets/..%2findex.html", "/w/%00",
    "/w/a%00.js", "/w//etc/passwd", "/w/%2fetc/passwd", "/w/" + "a" * 5_000, "/w/" + "a/" * 500, "/w/..", "/w/.", "/w/",
    "/w/%F0%9F%98%80", "/w/..\\..\\pyproject.toml", "/frame-assets/%2e%2e/%2e%2e/manifest.json",
]  # fmt: skip


@pytest.mark.parametrize("path", CLIMBING, ids=lambda path: path[:40])
def test_nothing_climbs_out_of_the_build(hub: HubProcess, path: str) -> None:
    assert _raw_get(hub, path).startswith(b"HTTP/1.1 404 ")


def _raw_get(hub: HubProcess, path: str) -> bytes:
    """GET a path as it is written: clients tidy it up."""
    with socket.create_connection(("127.0.0.1", hub.port), timeout=5) as wire:
        wire.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        got = b""
        while more := wire.recv(65_536):
            got += more
        return got


def test_long_answers_are_compressed(hub: HubProcess) -> None:
    with httpx.Client(base_url=hub.url) as http:
        with http.stream("GET", "/api/openapi.json", headers={"accept-encoding": "gzip"}) as answer:
            assert answer.headers["content-encoding"] == "gzip"
            assert b'"openapi"' in gzip.decompress(b"".join(answer.iter_raw()))
        plain = http.get("/api/openapi.json", headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert "accept-encoding" in plain.headers["vary"].lower()


def test_a_hostile_host_header_moves_nothing(hub: HubProcess) -> None:
    # S-26
    answer = httpx.get(f"{hub.url}/", headers={"host": "evil.example"}, follow_redirects=False)
    assert "evil" not in answer.headers["location"]


# --- whatever is asked -------------------------------------------------------------------------------------------


async def test_no_request_the_description_allows_is_a_fault(hub: HubProcess) -> None:
    """# S-38: generated requests, good and bad, by somebody who is signed in; never a 5xx, never a traceback."""
    await _conversation(hub)
    lines = len(hub.log().splitlines())
    with hub.client() as http:
        http.timeout = httpx.Timeout(10.0)
        headers = {"X-CSRF-Token": http.headers["X-CSRF-Token"]}
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
        document = http.get("/api/openapi.json").json()
        known = http.get("/api/conversations", params={"view": "all"}).json()["items"]
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=hub.url)
    few = settings(
        max_examples=6,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    asked = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        if (operation.method.upper(), operation.path) == ("DELETE", "/api/session"):
            continue
        cases: list[Any] = []
        for mode in (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE):
            try:
                strategy = operation.as_strategy(generation_mode=mode)
                few(_collector(strategy, cases))()
            except Exception as error:  # nothing can be wrong about a request without parameters
                if "Unsatisfiable" not in type(error).__name__ and "Skip" not in type(error).__name__:
                    raise
        for number, case in enumerate(cases):
            if number % 2 and known:
                for name, value in (("conversation", known[0]["id"]), ("contact", known[0]["contact"])):
                    if name in (case.path_parameters or {}):
                        case.path_parameters[name] = value
            answer = case.call(headers=headers, timeout=10)
            case.validate_response(answer, checks=[not_a_server_error])
            asked += 1
    assert asked > 100
    new = [json.loads(line) for line in hub.log().splitlines()[lines:]]
    assert [line for line in new if line["level"] == "error"] == []


def _collector(strategy: Any, cases: list[Any]) -> Any:
    @given(case=strategy)
    def collect(case: Any) -> None:
        cases.append(case)

    return collect


def test_the_session_survived(hub: HubProcess) -> None:
    with hub.client() as http:
        assert http.get("/api/session").json()["role"] == "admin"
        assert http.get(f"/api/conversations?q={uuid.uuid4().hex}").json()["items"] == []
