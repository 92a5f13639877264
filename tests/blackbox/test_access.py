"""Who gets at what: every route and event with another's ids, without a sign-in, and with every role.

The cases are checked against the running app's own routes and events: a new one without a case fails here.
"""

import asyncio
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, get_args

import httpx
import pytest
from argon2 import PasswordHasher
from sqlalchemy import delete

from hub.app import Parts, build
from hub.roles import Action, may
from hub.settings import load_settings
from hub.visitors import VisitorDesk
from models import users
from models.db import Database
from models.tables import sessions
from models.users import NewUser
from models.wire import Role
from tests.support.hub import ADMIN, AGENT, HubProcess, Person
from tests.support.raw import Raw
from tests.support.stage import dump
from tests.support.texting import until
from tests.support.visitor import agent, visitor

NOBODY = "0" * 32
PUBLIC = "public"
ANYBODY = "anybody"


@dataclass(frozen=True)
class Route:
    """What a route needs. ``foreign``: the answer to an id that does not exist, None if it names none."""

    needs: Action | str
    body: dict[str, Any] | None = None
    query: dict[str, str] = field(default_factory=dict)
    foreign: int | None = None


_V: dict[str, Any] = {"version": 0}
_IDENTITY = {"identity": NOBODY}
_C, _P = "/api/conversations/{conversation}", "/api/contacts/{contact}"
ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/api/session"): Route(ANYBODY),
    ("POST", "/api/session"): Route(PUBLIC, {"email": "nobody@shop.example", "password": "x"}),
    ("DELETE", "/api/session"): Route(ANYBODY),
    ("POST", "/api/setup"): Route(PUBLIC, {"token": "made up", "password": "long enough to be one"}),
    ("GET", "/api/agents"): Route("read"),
    ("GET", "/api/inboxes"): Route("read"),
    ("GET", "/api/conversations"): Route("read"),
    ("GET", _C): Route("read", foreign=404),
    ("GET", f"{_C}/messages"): Route("read", query={"before": "9"}, foreign=404),
    ("POST", f"{_C}/messages"): Route("note", {**_V, "client_id": "x", "kind": "note", "text": "x"}, foreign=404),
    ("POST", f"{_C}/claim"): Route("own", _V, foreign=404),
    ("POST", f"{_C}/assign"): Route("own", _V, foreign=404),
    ("POST", f"{_C}/hand-back"): Route("own", _V, foreign=404),
    ("POST", f"{_C}/resolve"): Route("own", _V, foreign=404),
    ("POST", f"{_C}/reopen"): Route("own", _V, foreign=404),
    ("POST", f"{_C}/snooze"): Route("own", _V, foreign=404),
    ("POST", f"{_C}/read"): Route("read", {"seq": 1}, foreign=404),
    ("GET", _P): Route("read", foreign=404),
    ("PATCH", _P): Route("edit_contact", {"name": "x", "attributes": {"a": "b"}}, foreign=404),
    ("GET", f"{_P}/timeline"): Route("read", foreign=404),
    ("POST", f"{_P}/link"): Route("link", _IDENTITY, foreign=409),
    ("POST", f"{_P}/unlink"): Route("link", _IDENTITY, foreign=409),
    ("POST", "/api/simulator/{inbox}"): Route("simulate", {"sender": "+15005550009", "text": "x"}, foreign=404),
    ("GET", "/api/simulator/{inbox}"): Route("simulate", query={"sender": "+15005550009"}, foreign=404),
    ("POST", "/uploads"): Route("upload"),
    ("GET", "/files/{file}"): Route(PUBLIC, foreign=404),
}
OPEN = {
    "/", "/widget.js", "/frame", "/demo", "/inbox", "/w/{path:path}", "/inbox-assets/{path:path}",
    "/demo-assets/{path:path}", "/frame-assets/{path:path}", "/health/live", "/health/ready", "/metrics", "/api/docs",
    "/api/openapi.json", "/webhooks/{kind}/{inbox}", "/webhooks/{kind}/{inbox}/{tail}",
}  # fmt: skip
"""Routes outside the API that need no sign-in by design."""


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    """The app, put together but not running: to ask it for its routes."""
    made = build(load_settings(var=tmp_path_factory.mktemp("parts"), dev=True))
    yield made
    made.db.close()


@pytest.fixture(scope="module")
def people(hub: HubProcess) -> dict[Role, Person]:
    """One person of each role."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    found: dict[Role, Person] = {"admin": ADMIN, "agent": AGENT}
    db = Database(hub.database_url)
    for role in get_args(Role):
        if role not in found:
            found[role] = Person(f"{role}@shop.example", "battery staple horse", role.title(), role)
            new = NewUser(found[role].email, found[role].name, role, hasher.hash(found[role].password))
            assert db.write_now(users.add, new)
    db.close()
    return found


@pytest.fixture(scope="module")
def guest_token(hub: HubProcess) -> str:
    """A visitor's real token."""

    async def ask() -> str:
        async with visitor(hub) as guest:
            return str(guest.ready["token"])

    return asyncio.run(ask())


def _call(http: httpx.Client, method: str, path: str, route: Route, **more: Any) -> httpx.Response:
    where = path
    for name in ("conversation", "contact", "inbox", "file"):
        where = where.replace(f"{{{name}}}", NOBODY)
    return http.request(method, where, json=route.body, params=route.query, **more)


# --- routes ------------------------------------------------------------------------------------------------------


def test_every_route_has_a_case(parts: Parts) -> None:
    # S-1
    found: set[tuple[str, str]] = set()
    for included in parts.app.routes:
        inner = getattr(included, "original_router", None)
        routes: list[Any] = inner.routes if inner is not None else [included]
        for route in routes:
            found |= {(method, route.path) for method in route.methods - {"HEAD"}}
    assert {path for _, path in found} >= {"/api/session", "/uploads", "/inbox"}
    assert {pair for pair in found if pair[1] not in OPEN} == set(ROUTES)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_without_a_sign_in_nothing_opens(hub: HubProcess, guest_token: str, method: str, path: str) -> None:
    """# S-1: nor with a visitor's token, a made-up cookie, or a socket token where a cookie belongs."""
    route = ROUTES[method, path]
    with hub.client() as signed, httpx.Client(base_url=hub.url) as http:
        socket_token = signed.get("/api/session").json()["socket"]
        for headers in (
            {},
            {"authorization": f"Bearer {guest_token}"},
            {"authorization": f"Bearer {socket_token}"},
            {"cookie": f"frontdesk={socket_token}"},
            {"cookie": "frontdesk=made-up", "x-csrf-token": "made-up"},
        ):
            answer = _call(http, method, path, route, headers=headers)
            if route.needs == PUBLIC:
                assert answer.status_code in (401, 404), answer.text
            else:
                assert answer.status_code == 401, answer.text
                assert answer.json()["code"] == "unauthorized"
            assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("role", get_args(Role))
def test_roles_open_what_they_may(hub: HubProcess, people: dict[Role, Person], role: Role) -> None:
    """# S-7 S-1: every route with every role; an id that does not exist is not found, whatever the body says."""
    with hub.client(people[role]) as http:
        for (method, path), route in ROUTES.items():
            if route.needs in (PUBLIC, ANYBODY):
                continue
            answer = _call(http, method, path, route)
            if not may(role, route.needs):  # type: ignore[arg-type]  # an Action, as the two others are gone
                assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (role, method, path)
            elif route.foreign:
                assert answer.status_code == route.foreign, (role, method, path, answer.text)
                assert answer.json()["code"] == {404: "not_found", 409: "conflict"}[route.foreign]
            else:
                assert answer.status_code in (200, 400), (role, method, path, answer.text)


@pytest.mark.parametrize("made_up", ["x", "%00", "..%2f..", "' OR 1=1 --", "%F0%9F%98%80", "0" * 4_000, "null"])
def test_whatever_is_put_for_an_id_is_not_found(hub: HubProcess, made_up: str) -> None:
    with hub.client() as http:
        for (method, path), route in ROUTES.items():
            if route.foreign and "{" in path and route.needs != PUBLIC:
                where = path[: path.index("{")] + made_up + path[path.index("}") + 1 :]
                answer = http.request(method, where, json=route.body, params=route.query)
                assert answer.status_code in (404, 405, 409), (method, where[:80], answer.text)
                assert answer.headers["content-type"] == "application/problem+json"


def test_unsafe_requests_need_the_csrf_token(hub: HubProcess) -> None:
    # S-9
    before = dump(hub.database_url)
    with hub.client() as http:
        right = http.headers.pop("X-CSRF-Token")
        for (method, path), route in ROUTES.items():
            if method == "GET" or route.needs == PUBLIC:
                continue
            for headers in ({}, {"X-CSRF-Token": "made-up"}, {"X-CSRF-Token": right[:-1]}):
                answer = _call(http, method, path, route, headers=headers)
                assert (answer.status_code, answer.json()["field"]) == (403, "X-CSRF-Token"), (method, path)
        assert http.get("/api/session").status_code == 200
    assert dump(hub.database_url) == before


async def test_a_trainer_leaves_notes_but_does_not_reply(hub: HubProcess, people: dict[Role, Person]) -> None:
    # S-7
    async with visitor(hub) as guest:
        mine = (await guest.say("I want to talk to a person"))["conversation"]
        await guest.wait("conversation", status="open")
        with hub.client(people["trainer"]) as http:
            version = http.get(f"/api/conversations/{mine}").json()["conversation"]["version"]
            reply = {"client_id": "t-1", "text": "from a trainer", "version": version}
            refused = http.post(f"/api/conversations/{mine}/messages", json=reply)
            assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
            note = {**reply, "client_id": "t-2", "kind": "note"}
            assert http.post(f"/api/conversations/{mine}/messages", json=note).status_code == 201
            row = http.get(f"/api/conversations/{mine}").json()["conversation"]
            assert (row["assignee"], row["version"]) == (None, version)


async def test_an_old_conversation_stays_closed_beside_a_new_one(hub: HubProcess) -> None:
    """A customer has one open conversation: answering in an older one is refused in words, not by a fault."""
    async with visitor(hub) as guest:
        old = (await guest.say("hello"))["conversation"]
        await guest.call("end", {})
        db = Database(hub.database_url)
        with db.writing.begin() as conn:
            conn.exec_driver_sql(f"UPDATE conversations SET resolved_at = 1 WHERE id = '{old}'")
        db.close()
        assert (await guest.say("hello again"))["conversation"] != old
        with hub.client() as http:
            version = http.get(f"/api/conversations/{old}").json()["conversation"]["version"]
            before = dump(hub.database_url)["conversations"]
            reply = {"client_id": uuid.uuid4().hex, "text": "about last week", "version": version}
            refused = [http.post(f"/api/conversations/{old}/messages", json=reply)]
            refused += [
                http.post(f"/api/conversations/{old}/{do}", json={"version": version})
                for do in ("claim", "assign", "hand-back", "reopen", "snooze", "resolve")
            ]
            assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(409, "conflict")] * 7
            mine = [row for row in before if old in row]
            assert [row for row in dump(hub.database_url)["conversations"] if old in row] == mine


# --- events ------------------------------------------------------------------------------------------------------


def _events(foreign: str) -> dict[str, list[tuple[Any, str | None]]]:
    """For each event what names another's conversation, and the refusal; None: allowed, without effect on it."""
    return {
        "sync": [({"conversation": foreign, "after": 0, "rev": 0}, "not_found")],
        "typing": [({"on": True, "conversation": foreign}, None)],
        "send": [
            ({"client_id": "x1", "text": "x", "conversation": foreign}, "bad_request"),
            ({"client_id": "x2", "choice": {"message_seq": 1, "index": 0}}, "bad_request"),
        ],
        "seen": [({"seq": 1, "conversation": foreign}, "bad_request"), ({"seq": 2**40}, None)],
        "rate": [({"score": 1, "conversation": foreign}, "bad_request")],
        "page": [({"url": "https://x.example/", "conversation": foreign}, "bad_request")],
        "consent": [({"purpose": "marketing", "granted": True, "conversation": foreign}, "bad_request")],
        "end": [({"conversation": foreign}, "bad_request")],
    }


def test_every_event_has_a_case(parts: Parts) -> None:
    # S-1
    nobody: Any = None
    desk = VisitorDesk(parts.server, nobody, parts.db, parts.registry, parts.vault, parts.settings, nobody, nobody)
    assert set(desk._events) == set(_events(""))
    assert set(parts.desk._events) == {"sync", "typing", "viewing", "presence"}


async def test_no_event_reaches_anothers_conversation(hub: HubProcess) -> None:
    # S-1 INV-20
    async with visitor(hub) as ann, agent(hub) as desk:
        hers = (await ann.say("help"))["conversation"]
        await ann.wait("message", sender="bot")
        await asyncio.sleep(0.4)
        for own in (False, True):
            async with visitor(hub) as bob:
                if own:
                    await bob.say("mine")
                    await bob.wait("message", sender="bot")
                await asyncio.sleep(0.4)
                theirs = [row for row in dump(hub.database_url)["conversations"] if hers in row]
                told, seen = len(ann.events), len(desk.events)
                for name, cases in _events(hers).items():
                    for data, code in cases:
                        answer = await bob.call(name, data)
                        assert (None if answer["ok"] else answer["error"]["code"]) == code, (name, data)
                await asyncio.sleep(0.2)
                assert [row for row in dump(hub.database_url)["conversations"] if hers in row] == theirs
                assert ann.events[told:] == []
                assert hers not in repr(desk.events[seen:])
                assert "help" not in repr(bob.events)


async def test_nothing_but_its_token_opens_a_socket(hub: HubProcess, guest_token: str) -> None:
    """# S-3: no cookie, no token of the other namespace, no token in the address."""
    with hub.client() as http:
        token = http.get("/api/session").json()["socket"]
        cookie = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
        for namespace, auth in (
            ("/agent", {"v": 1}),
            ("/agent", {"v": 1, "token": ""}),
            ("/agent", {"v": 1, "token": guest_token}),
            ("/agent", {"v": 1, "token": cookie.partition("=")[2]}),
            ("/agent", {"v": 1, "token": token[:-1]}),
            ("/agent", {"v": 1, "token": token.partition(".")[0] + "."}),
            ("/visitor", {"v": 1, "key": "demo", "token": token}),
        ):
            async with Raw(hub.url, namespace, additional_headers={"Cookie": cookie}) as raw:
                refused = await raw.connect(auth)
                assert refused["data"]["code"] in ("unauthorized", "bad_request"), (namespace, refused)
                answer_frames = [frame for frame in raw.heard if frame.startswith("42")]
                assert answer_frames == []


async def test_signing_out_ends_open_sockets(hub: HubProcess) -> None:
    """# S-8: the same process by the sign-out itself, another's or the command line's by looking."""
    for how in ("sign-out", "elsewhere"):
        with hub.client() as http, hub.client(AGENT) as other:
            mine = http.get("/api/session").json()
            theirs = other.get("/api/session").json()["socket"]
            async with Raw(hub.url, "/agent") as raw, Raw(hub.url, "/agent") as stays:
                assert "sid" in await raw.connect({"v": 1, "token": mine["socket"]})
                assert "sid" in await stays.connect({"v": 1, "token": theirs})
                if how == "sign-out":
                    assert http.delete("/api/session").status_code == 204
                else:
                    db = Database(hub.database_url)
                    with db.writing.begin() as conn:
                        conn.execute(delete(sessions).where(sessions.c.user_id == mine["id"]))
                    db.close()
                began = time.monotonic()
                assert await raw.ended(5.0)
                assert time.monotonic() - began < 5.0
                assert (await stays.call("viewing", {"conversation": None}))["ok"]
            until(lambda: http.get("/api/session").status_code == 401, 5.0)
            async with Raw(hub.url, "/agent") as again:
                assert (await again.connect({"v": 1, "token": mine["socket"]}))["data"]["code"] == "unauthorized"


def test_the_cookie_is_out_of_reach_of_scripts_and_new_each_time(hub: HubProcess) -> None:
    # S-9
    given = {"email": ADMIN.email, "password": ADMIN.password}
    with httpx.Client(base_url=hub.url) as http:
        first = http.post("/api/session", json=given)
        flags = {part.strip().lower() for part in first.headers["set-cookie"].split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/"} <= flags
        assert not any(flag.startswith("domain") for flag in flags)
        assert first.headers["cache-control"] == "no-store"
        before = http.cookies["frontdesk"]
        http.post("/api/session", json=given)
        assert http.cookies["frontdesk"] != before
        stolen = httpx.get(f"{hub.url}/api/session", headers={"cookie": f"frontdesk={before}"})
        assert stolen.status_code == 401


def test_guessing_is_slowed_down(hub: HubProcess) -> None:
    # S-8
    with httpx.Client(base_url=hub.url) as http:
        given = {"email": f"{uuid.uuid4().hex}@shop.example", "password": "guess"}
        answers = [http.post("/api/session", json=given) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429]
        assert answers[-1].json()["retry_after"] > 60
        assert int(answers[-1].headers["retry-after"]) > 60
