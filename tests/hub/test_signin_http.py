"""Signing in over HTTP: cookie, CSRF, roles, and problems that name the field."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from argon2 import PasswordHasher
from fastapi import APIRouter, Depends, FastAPI

from hub import problems
from hub.api.people import people_routes
from hub.api.session import Guard, session_routes
from hub.problems import MAX_BODY, StrictRoute
from hub.refusals import Refusal
from hub.settings import Settings
from hub.signin import Session, SignIn, new_link
from hub.vault import Vault
from models import logins, migrate, users
from models.db import Database, DatabaseUnavailableError
from models.http import EditContact, SetPassword
from models.users import NewUser
from models.wire import Role

PASSWORD = "correct horse battery"
QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
BASE = "https://chat.example"


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/test.db", synchronous="NORMAL")
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def app(db: Database) -> FastAPI:
    """The session's routes, and one of each kind of route that stands behind the guard."""
    settings = Settings(public_url=BASE)
    signin = SignIn(db, Vault(b"k" * 32), hasher=QUICK)
    guard = Guard(signin, settings)
    routes = APIRouter(route_class=StrictRoute)

    @routes.get("/own")
    @routes.post("/own")
    async def own(session: Annotated[Session, Depends(guard.may("own", reading="read"))]) -> str:
        return session.user.name

    @routes.patch("/contact", dependencies=[Depends(guard.may("edit_contact"))])
    async def contact(given: EditContact) -> dict[str, Any]:
        return given.model_dump()

    @routes.get("/fault")
    async def fault(kind: str) -> None:
        raise {
            "down": DatabaseUnavailableError("OperationalError"),
            "refusal": Refusal("stale", "Somebody was first.", field="version"),
            "bug": RuntimeError("canary of a customer"),
        }[kind]

    made = FastAPI()
    problems.install(made)
    made.include_router(session_routes(signin, settings))
    made.include_router(people_routes(db, guard))
    made.include_router(routes)
    return made


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as made:
        yield made


def _add(db: Database, role: Role = "agent") -> None:
    db.write_now(users.add, NewUser("ann@example.com", "Ann", role, QUICK.hash(PASSWORD)))


async def _sign_in(client: httpx.AsyncClient) -> dict[str, str]:
    """Sign in and return the header that unsafe requests need."""
    answer = await client.post("/api/session", json={"email": "ann@example.com", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return {"x-csrf-token": answer.json()["csrf"]}


async def test_signing_in_gives_a_cookie_scripts_cannot_read(client: httpx.AsyncClient, db: Database) -> None:
    # S-9
    _add(db)
    answer = await client.post("/api/session", json={"email": "Ann@example.com", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("__host-frontdesk=")
    for part in ("; httponly", "; secure", "; samesite=lax", "; path=/", "; max-age="):
        assert part in cookie
    assert "domain" not in cookie
    assert answer.headers["cache-control"] == "no-store"
    me = answer.json()
    assert (me["name"], me["role"], me["email"], me["dev"]) == ("Ann", "agent", "ann@example.com", False)
    assert client.cookies["__Host-frontdesk"] not in answer.text
    assert (await client.get("/api/session")).json() == me


async def test_plain_http_gets_a_plain_cookie(db: Database) -> None:
    # S-9: http is for this computer only, where Secure cookies would be lost.
    _add(db)
    app = FastAPI()
    signin = SignIn(db, Vault(b"k" * 32), hasher=QUICK)
    app.include_router(session_routes(signin, Settings(public_url="http://127.0.0.1:8000")))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        answer = await client.post("/api/session", json={"email": "ann@example.com", "password": PASSWORD})
    assert answer.headers["set-cookie"].startswith("frontdesk=")
    assert "Secure" not in answer.headers["set-cookie"]


async def test_signing_in_again_ends_the_login_this_browser_had(client: httpx.AsyncClient, db: Database) -> None:
    # S-9: a new id each time, so that nobody can fix one beforehand.
    _add(db)
    await _sign_in(client)
    first = client.cookies["__Host-frontdesk"]
    await _sign_in(client)
    assert client.cookies["__Host-frontdesk"] != first
    client.cookies.clear()
    answer = await client.get("/api/session", headers={"cookie": f"__Host-frontdesk={first}"})
    assert answer.status_code == 401


async def test_signing_out_ends_it(client: httpx.AsyncClient, db: Database) -> None:
    _add(db)
    csrf = await _sign_in(client)
    kept = client.cookies["__Host-frontdesk"]
    assert (await client.delete("/api/session")).status_code == 403
    assert (await client.delete("/api/session", headers=csrf)).status_code == 204
    assert "__Host-frontdesk" not in client.cookies
    answer = await client.get("/api/session", headers={"cookie": f"__Host-frontdesk={kept}"})
    assert answer.status_code == 401


@pytest.mark.parametrize("header", [None, "", "wrong", "é"])
async def test_an_unsafe_request_needs_the_csrf_token(
    client: httpx.AsyncClient, db: Database, header: str | None
) -> None:
    # S-9
    _add(db)
    good = await _sign_in(client)
    given: dict[bytes, bytes] = {} if header is None else {b"x-csrf-token": header.encode()}
    refused = await client.post("/own", headers=given)
    assert (refused.status_code, refused.json()["field"]) == (403, "X-CSRF-Token")
    assert (await client.post("/own", headers=good)).json() == "Ann"
    assert (await client.get("/own")).json() == "Ann"


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_another_site_cannot_sign_somebody_in(client: httpx.AsyncClient, db: Database, media_type: str) -> None:
    # S-9: a form or a simple fetch of another site cannot send JSON without asking first.
    _add(db)
    body = b'{"email":"ann@example.com","password":"' + PASSWORD.encode() + b'"}'
    answer = await client.post("/api/session", content=body, headers={"content-type": media_type})
    assert answer.status_code == 400
    assert "set-cookie" not in answer.headers


async def test_one_answer_for_whatever_is_wrong(client: httpx.AsyncClient, db: Database) -> None:
    # S-8
    _add(db)
    answers = [
        await client.post("/api/session", json={"email": email, "password": "wrong"})
        for email in ("ann@example.com", "nobody@example.com")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()


async def test_too_many_failures_say_when_to_come_back(client: httpx.AsyncClient, db: Database) -> None:
    # S-8
    _add(db)
    for _ in range(5):
        await client.post("/api/session", json={"email": "ann@example.com", "password": "wrong"})
    answer = await client.post("/api/session", json={"email": "ann@example.com", "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert 0 < int(answer.headers["retry-after"]) <= 900


async def test_first_set_up_signs_in(client: httpx.AsyncClient, db: Database) -> None:
    # S-10
    token, link = new_link("setup", None)
    db.write_now(logins.issue_link, link)
    who = {"token": token, "password": PASSWORD, "name": "Ada", "email": "ada@example.com"}
    short = await client.post("/api/setup", json={**who, "password": "short"})
    assert (short.status_code, short.json()["field"]) == (400, "password")
    assert (await client.post("/api/setup", json=who)).json()["role"] == "admin"
    assert (await client.get("/api/session")).json()["name"] == "Ada"
    again = await client.post("/api/setup", json=who)
    assert (again.status_code, again.json()["field"]) == (401, "token")


@pytest.mark.parametrize(
    ("role", "reads", "owns", "edits"),
    [("agent", 200, 200, 200), ("supervisor", 200, 200, 200), ("trainer", 200, 403, 403), ("admin", 200, 200, 200)],
)
async def test_roles_are_asked_at_the_door(
    client: httpx.AsyncClient, db: Database, role: Role, reads: int, owns: int, edits: int
) -> None:
    # S-7
    _add(db, role)
    csrf = await _sign_in(client)
    assert (await client.get("/own")).status_code == reads
    assert (await client.post("/own", headers=csrf)).status_code == owns
    assert (await client.patch("/contact", headers=csrf, json={"name": "B"})).status_code == edits


async def test_nobody_gets_nothing(client: httpx.AsyncClient) -> None:
    for method, path in (("GET", "/api/session"), ("DELETE", "/api/session"), ("GET", "/api/agents"), ("POST", "/own")):
        answer = await client.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["content-type"] == "application/problem+json"


async def test_colleagues_are_listed(client: httpx.AsyncClient, db: Database) -> None:
    _add(db)
    await _sign_in(client)
    [agent] = (await client.get("/api/agents")).json()
    assert (agent["name"], agent["availability"], agent["load"]) == ("Ann", "offline", 0)
    assert "email" not in agent


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ('{"email":"a@b.c"}', 400, "password"),
        ('{"email":1,"password":"x"}', 400, "email"),
        ('{"email":{"$ne":""},"password":"x"}', 400, "email"),
        ('{"email":"a@b.c","password":"x","role":"admin"}', 400, "role"),
        ('{"email":"a@b.c","email":"b@c.d","password":"x"}', 400, "body"),
        ('{"email":NaN,"password":"x"}', 400, "body"),
        ("[" * 50_000, 400, "body"),
        ("{", 400, "body"),
        ("", 400, "body"),
        ("[]", 400, "body"),
        (f'{{"email":"a@b.c","password":"{"x" * 201}"}}', 400, "password"),
        (" " * (MAX_BODY + 1), 413, None),
    ],
)
async def test_bad_bodies_name_the_field(client: httpx.AsyncClient, body: str, status: int, field: str | None) -> None:
    # S-16
    answer = await client.post("/api/session", content=body, headers={"content-type": "application/json"})
    problem = answer.json()
    assert (answer.status_code, problem.get("field"), problem["status"]) == (status, field, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(problem) <= {"type", "title", "status", "detail", "code", "field", "retry_after"}
    assert "Traceback" not in answer.text
    assert "xxxx" not in answer.text


async def test_nul_and_lone_surrogates_are_cleaned_not_refused(client: httpx.AsyncClient, db: Database) -> None:
    _add(db)
    csrf = await _sign_in(client) | {"content-type": "application/json"}
    answer = await client.patch("/contact", content=r'{"name":"A\u0000b \ud800"}', headers=csrf)
    assert answer.json()["name"] == "Ab \ufffd"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("PUT", "/api/session", 405, "bad_request"),
        ("GET", "/fault?kind=down", 503, "unavailable"),
        ("GET", "/fault?kind=refusal", 409, "stale"),
        ("GET", "/fault?kind=bug", 500, "unavailable"),
        ("GET", "/fault", 400, "bad_request"),
    ],
)
async def test_everything_refused_is_a_problem(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, method: str, path: str, status: int, code: str
) -> None:
    with caplog.at_level(logging.INFO, "frontdesk"):
        answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert "canary" not in answer.text
    assert caplog.records == []


async def test_the_api_description_knows_the_bodies(app: FastAPI) -> None:
    described = app.openapi()
    schema = described["paths"]["/api/setup"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/SetPassword"}
    assert set(described["components"]["schemas"]["SetPassword"]["properties"]) == set(SetPassword.model_fields)
