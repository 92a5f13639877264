"""Signing in: passwords, throttling, sessions that end everywhere, one-time links."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher, Type, extract_parameters
from sqlalchemy import text

from hub.refusals import Refusal
from hub.signin import TRIES, WINDOW, Session, SignedIn, SignIn, digest, link_url, new_link
from hub.vault import Vault
from models import logins, migrate, users
from models.db import Database
from models.http import SetPassword
from models.users import NewUser, User

PASSWORD = "correct horse battery"
QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/test.db", synchronous="NORMAL")
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def vault() -> Vault:
    return Vault(b"k" * 32)


@pytest.fixture
def ended() -> list[str]:
    return []


@pytest.fixture
def signin(db: Database, vault: Vault, ended: list[str]) -> SignIn:
    async def tell(user: str) -> None:
        ended.append(user)

    return SignIn(db, vault, on_revoked=[tell], hasher=QUICK)


@pytest.fixture
def real(db: Database, vault: Vault) -> SignIn:
    """With hashing as costly as in earnest."""
    return SignIn(db, vault)


@pytest.fixture
async def ann(db: Database, signin: SignIn) -> User:
    """Somebody who chose a password."""
    user = db.write_now(users.add, NewUser("ann@example.com", "Ann", "agent"))
    assert user is not None
    signed = await signin.set_password(SetPassword(token=_link(db, user), password=PASSWORD))
    await signin.sign_out(signed.session)
    return user


def _link(db: Database, user: User | None) -> str:
    token, link = new_link("reset" if user else "setup", user.id if user else None)
    db.write_now(logins.issue_link, link)
    return token


async def _refused(
    signin: SignIn, email: str = "ann@example.com", password: str = "wrong", place: str = HERE
) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await signin.sign_in(email, password, place)
    return caught.value


async def _in(signin: SignIn) -> SignedIn:
    return await signin.sign_in("Ann@Example.com ", PASSWORD, HERE)


async def test_the_right_password_opens_a_new_session_each_time(signin: SignIn, ann: User) -> None:
    # S-9
    first, second = await _in(signin), await _in(signin)
    assert first.token != second.token
    assert first.session.id != second.session.id
    assert first.session.csrf != second.session.csrf
    assert first.session.user.id == ann.id
    assert await signin.who(first.token) == first.session
    assert await signin.who_by_socket_token(second.session.socket) == second.session


async def test_tokens_are_stored_as_hashes_only(signin: SignIn, db: Database, ann: User) -> None:
    # S-1, S-10: whoever reads the database cannot sign in with what is in it.
    signed, link = await _in(signin), _link(db, ann)
    with db.reading.begin() as conn:
        stored = str([conn.execute(text(f"SELECT * FROM {table}")).all() for table in ("sessions", "links", "users")])
    assert digest(signed.token) in stored
    for secret in (signed.token, signed.session.socket, link, PASSWORD):
        assert secret not in stored
    assert await signin.who(signed.session.id) is None
    assert await signin.who_by_socket_token(signed.session.id) is None


async def test_passwords_are_argon2id_of_todays_strength(real: SignIn, db: Database, ann: User) -> None:
    # S-8
    await real.set_password(SetPassword(token=_link(db, ann), password=PASSWORD))
    kept = db.read_now(users.by_id, ann.id)
    assert kept is not None
    assert kept.password is not None
    used, wanted = extract_parameters(kept.password), PasswordHasher()
    assert used.type is Type.ID
    assert (used.memory_cost, used.time_cost, used.parallelism) == (
        wanted.memory_cost,
        wanted.time_cost,
        wanted.parallelism,
    )


async def test_an_old_hash_is_renewed_at_the_next_sign_in(real: SignIn, db: Database, ann: User) -> None:
    # S-8
    weak = db.read_now(users.by_id, ann.id)
    await _in(real)
    renewed = db.read_now(users.by_id, ann.id)
    assert weak is not None
    assert renewed is not None
    assert renewed.password is not None
    assert renewed.password != weak.password
    assert extract_parameters(renewed.password).memory_cost == PasswordHasher().memory_cost
    await _in(real)


async def test_a_password_may_be_typed_composed_or_not(signin: SignIn, db: Database, ann: User) -> None:
    await signin.set_password(SetPassword(token=_link(db, ann), password="caf\u00e9 cafe\u0301 12"))
    await signin.sign_in("ann@example.com", "cafe\u0301 caf\u00e9 12", HERE)


async def test_unknown_disabled_and_wrong_get_one_answer(signin: SignIn, db: Database, ann: User) -> None:
    # S-8
    db.write_now(users.add, NewUser("new@example.com", "No password yet", "agent"))
    answers = {
        (await _refused(signin, email)).body()["message"]
        for email in ("ann@example.com", "no@example.com", "new@example.com")
    }
    with db.writing.begin() as conn:
        conn.execute(text("UPDATE users SET disabled = true"))
    answers.add((await _refused(signin, password=PASSWORD)).body()["message"])
    assert len(answers) == 1


async def test_an_unknown_user_costs_the_same_work(real: SignIn, db: Database, ann: User) -> None:
    # S-8: without the work the quickest answer for an unknown user would be many times quicker.
    await real.set_password(SetPassword(token=_link(db, ann), password=PASSWORD))

    async def quickest(email: str) -> float:
        took = []
        for number in range(3):
            started = time.perf_counter()
            await _refused(real, email, place=f"198.51.100.{number}")
            took.append(time.perf_counter() - started)
        return min(took)

    assert await quickest("nobody@example.com") > 0.4 * await quickest("ann@example.com")


async def test_five_failures_close_the_door_even_to_the_right_password(signin: SignIn, ann: User) -> None:
    # S-8
    for _ in range(TRIES):
        assert (await _refused(signin)).code == "unauthorized"
    refusal = await _refused(signin, password=PASSWORD)
    assert refusal.code == "rate_limited"
    assert refusal.retry_after is not None
    assert WINDOW - 60 < refusal.retry_after <= WINDOW
    assert (await signin.sign_in("ann@example.com", PASSWORD, THERE)).session.user.id == ann.id


async def test_failures_at_once_do_not_pass_the_limit_together(signin: SignIn, ann: User) -> None:
    # S-8
    codes = [refusal.code for refusal in await asyncio.gather(*(_refused(signin) for _ in range(12)))]
    assert codes.count("unauthorized") == TRIES
    assert codes.count("rate_limited") == 12 - TRIES


async def test_unknown_accounts_are_throttled_alike(signin: SignIn, ann: User) -> None:
    # S-8: else the limit would tell who exists.
    codes = [(await _refused(signin, "nobody@example.com")).code for _ in range(TRIES + 1)]
    assert codes == ["unauthorized"] * TRIES + ["rate_limited"]


async def test_success_forgets_the_failures(signin: SignIn, ann: User) -> None:
    for _ in range(2):
        for _ in range(TRIES - 1):
            await _refused(signin)
        await _in(signin)


async def test_neighbours_in_one_ipv6_network_count_as_one(signin: SignIn, ann: User) -> None:
    # S-8
    for number in range(TRIES):
        await _refused(signin, place=f"2001:db8::{number + 1}")
    assert (await _refused(signin, place="2001:db8::ffff")).code == "rate_limited"
    assert (await _refused(signin, place="2001:db8:0:1::1")).code == "unauthorized"


async def test_what_is_stored_of_attempts_names_nobody(signin: SignIn, db: Database, ann: User) -> None:
    # S-28
    await _refused(signin)
    with db.reading.begin() as conn:
        stored = str(conn.execute(text("SELECT * FROM attempts")).all())
    assert "ann" not in stored
    assert HERE not in stored


class Held(PasswordHasher):
    """Hashes once it is let go."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.go = threading.Event()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.go.wait(30)
        return super().hash(password, salt=salt)


async def test_a_flood_of_tries_is_told_to_come_back(db: Database, vault: Vault, ann: User) -> None:
    held = Held()
    signin = SignIn(db, vault, hasher=held)
    tries = [
        asyncio.create_task(_refused(signin, f"u{number}@example.com", place=f"198.51.100.{number}"))
        for number in range(40)
    ]
    turned_away, under_way = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
    while len(turned_away) < 8:
        more, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        turned_away |= more
    held.go.set()
    assert {task.result().code for task in turned_away} == {"unavailable"}
    assert {refusal.code for refusal in await asyncio.gather(*under_way)} == {"unauthorized"}
    assert (await _in(signin)).session.user.id == ann.id


async def test_signing_out_ends_one_session_and_tells_the_sockets(signin: SignIn, ann: User, ended: list[str]) -> None:
    # S-8
    one, other = await _in(signin), await _in(signin)
    ended.clear()
    assert await signin.who(one.token) is not None
    await signin.sign_out(one.session)
    assert ended == [ann.id]
    assert await signin.who(one.token) is None
    assert await signin.who_by_socket_token(one.session.socket) is None
    assert await signin.who(other.token) == other.session
    await signin.sign_out_everywhere(ann.id)
    assert await signin.who(other.token) is None


async def test_a_role_change_ends_every_session(signin: SignIn, ann: User, ended: list[str]) -> None:
    # S-8
    signed = await _in(signin)
    ended.clear()
    await signin.set_role(ann.id, "trainer")
    assert await signin.who(signed.token) is None
    assert ended == [ann.id]


async def test_a_new_password_ends_every_other_session(
    signin: SignIn, db: Database, ann: User, ended: list[str]
) -> None:
    # S-8, S-10
    before = await _in(signin)
    ended.clear()
    token = _link(db, ann)
    after = await signin.set_password(SetPassword(token=token, password="another password"))
    assert ended == [ann.id]
    assert await signin.who(before.token) is None
    assert await signin.who(after.token) == after.session
    assert (await _refused(signin, password=PASSWORD)).code == "unauthorized"
    with pytest.raises(Refusal) as caught:
        await signin.set_password(SetPassword(token=token, password="a third password"))
    assert (caught.value.code, caught.value.field) == ("unauthorized", "token")


async def test_another_process_ends_a_session_within_five_seconds(db: Database, vault: Vault, ann: User) -> None:
    # S-8: two hubs on one database; the second remembers the session when the first ends it.
    moment = 0.0
    here, there = SignIn(db, vault, hasher=QUICK), SignIn(db, vault, clock=lambda: moment)
    signed = await here.sign_in("ann@example.com", PASSWORD, HERE)
    assert await there.who(signed.token) == signed.session
    await here.sign_out(signed.session)
    assert await there.living([signed.session.id]) == set()
    moment = 4.9
    assert await there.who(signed.token) is None
    assert await there.who_by_socket_token(signed.session.socket) is None


async def test_a_session_is_not_read_again_for_every_request(db: Database, vault: Vault, ann: User) -> None:
    here, there = SignIn(db, vault, hasher=QUICK), SignIn(db, vault, clock=lambda: 0.0)
    signed = await here.sign_in("ann@example.com", PASSWORD, HERE)
    await there.who(signed.token)
    await here.sign_out(signed.session)
    assert await there.who(signed.token) == signed.session


@pytest.mark.parametrize("token", ["", ".", "x", "é.é", "\ud800", "a" * 64 + "." + "b" * 64])
async def test_made_up_tokens_are_nobody(signin: SignIn, token: str) -> None:
    assert await signin.who(token) is None
    assert await signin.who_by_socket_token(token) is None


async def test_a_socket_token_of_another_key_is_nobody(db: Database, signin: SignIn, ann: User) -> None:
    # S-3
    signed = await _in(signin)
    assert await SignIn(db, Vault(b"o" * 32)).who_by_socket_token(signed.session.socket) is None


async def test_first_set_up_makes_the_administrator(signin: SignIn, db: Database) -> None:
    # S-10
    token = _link(db, None)
    for given, field in (({}, "name"), ({"name": "Ada"}, "email")):
        with pytest.raises(Refusal) as caught:
            await signin.set_password(SetPassword(token=token, password=PASSWORD, **given))
        assert (caught.value.code, caught.value.field) == ("bad_request", field)
    signed = await signin.set_password(SetPassword(token=token, password=PASSWORD, name="Ada", email="ada@example.com"))
    assert signed.session.user.role == "admin"
    assert await signin.who(signed.token) == signed.session
    assert (await signin.sign_in("ada@example.com", PASSWORD, HERE)).session.user == signed.session.user


async def test_an_address_that_is_taken_is_named(signin: SignIn, db: Database, ann: User) -> None:
    with pytest.raises(Refusal) as caught:
        await signin.set_password(SetPassword(token=_link(db, None), password=PASSWORD, name="A", email=ann.email))
    assert (caught.value.code, caught.value.field) == ("conflict", "email")


def test_the_link_keeps_its_token_out_of_every_log() -> None:
    # S-28: a fragment is never sent to a server.
    assert link_url("https://chat.example", "setup", "t0k") == "https://chat.example/inbox#setup=t0k"


def test_a_session_does_not_show_its_users_password() -> None:
    # S-28
    user = User("1", "a@b.c", "A", "agent", 5, False, "canary")
    assert "canary" not in repr(Session("id", "csrf", "socket", user))
