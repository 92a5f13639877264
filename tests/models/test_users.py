"""People, sessions, links, failed attempts and presence, on both databases."""

import threading
from collections.abc import Iterator, Mapping

import pytest
from sqlalchemy import Connection, text, update

from models import inboxes, logins, migrate, ownership, users
from models.db import Database
from models.inbound import Inbound
from models.inboxes import NewInbox
from models.logins import Attempt, NewLink, NewPassword, NewSession
from models.ownership import Act
from models.receive import Receive, receive
from models.tables import presence
from models.users import NewUser, User
from models.wire import Author, Availability

HOUR = 3_600_000


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    migrate.upgrade(database)
    yield database
    database.close()


def _add(db: Database, email: str = "ann@example.com", **more: object) -> User:
    user = db.write_now(users.add, NewUser(email, "Ann", "agent", **more))  # type: ignore[arg-type]  # fields of NewUser
    assert user is not None
    return user


def _session(db: Database, user: User, token_hash: str, lasts: int = HOUR) -> None:
    db.write_now(logins.start_session, NewSession(user.id, token_hash, "csrf", lasts))


def _link(db: Database, token_hash: str, user: User | None, lasts: int = HOUR) -> None:
    db.write_now(logins.issue_link, NewLink(token_hash, "reset" if user else "setup", user.id if user else None, lasts))


def _password(db: Database, token_hash: str, **who: str) -> logins.PasswordSet:
    return db.write_now(logins.set_password, NewPassword(token_hash, "hash", **who))


def test_an_address_belongs_to_one_user_however_it_is_written(db: Database) -> None:
    user = _add(db, " Ann@Example.COM ")
    assert db.write_now(users.add, NewUser("ann@example.com", "Other", "admin")) is None
    assert db.read_now(users.by_email, "ANN@example.com") == user
    assert db.read_now(users.by_id, user.id) == user
    assert db.read_now(users.all_users) == [user]


def test_password_hashes_are_in_no_listing(db: Database) -> None:
    # S-28
    assert "canary" not in repr(_add(db, password="canary"))
    assert "canary" not in repr(NewUser("a@b.c", "A", "agent", "canary"))
    assert "canary" not in repr(NewPassword("t", "canary"))


@pytest.mark.parametrize(
    ("role", "password", "counts"), [("admin", "h", True), ("admin", None, False), ("agent", "h", False)]
)
def test_only_somebody_who_can_sign_in_is_an_administrator(
    db: Database, role: str, password: str | None, counts: bool
) -> None:
    db.write_now(users.add, NewUser("a@b.c", "A", role, password))  # type: ignore[arg-type]  # given as words
    assert db.read_now(users.has_admin) is counts


def test_a_session_is_valid_until_it_runs_out_or_its_user_is_disabled(db: Database) -> None:
    user = _add(db)
    _session(db, user, "long")
    _session(db, user, "over", lasts=0)
    found = db.read_now(logins.session, "long")
    assert found is not None
    assert (found.user, found.csrf) == (user, "csrf")
    assert db.read_now(logins.session, "over") is None
    assert db.read_now(logins.session, "none") is None
    assert db.read_now(logins.living, ["long", "over", "none"]) == {"long"}
    with db.writing.begin() as conn:
        conn.execute(text("UPDATE users SET disabled = true"))
    assert db.read_now(logins.session, "long") is None
    assert db.read_now(logins.living, ["long"]) == set()


def test_sessions_end_one_by_one_or_all_of_a_user(db: Database) -> None:
    # S-8
    ann, bob = _add(db), _add(db, "bob@example.com")
    for token_hash, user in (("a1", ann), ("a2", ann), ("a3", ann), ("b1", bob)):
        _session(db, user, token_hash)
    assert db.write_now(logins.end_session, "a1") is True
    assert db.write_now(logins.end_session, "a1") is False
    assert sorted(db.write_now(logins.set_role, (ann.id, "supervisor"))) == ["a2", "a3"]
    assert db.read_now(logins.living, ["a1", "a2", "a3", "b1"]) == {"b1"}
    changed = db.read_now(users.by_id, ann.id)
    assert changed is not None
    assert changed.role == "supervisor"


def test_the_first_administrator_comes_over_a_link_that_works_once(db: Database) -> None:
    # S-10
    _link(db, "one", None)
    assert _password(db, "one", name=" ").refused == "name"
    assert _password(db, "one", name="Ann").refused == "email"
    done = _password(db, "one", name=" Ann ", email="Ann@example.com")
    assert done.user is not None
    assert (done.user.role, done.user.name, done.user.email) == ("admin", "Ann", "ann@example.com")
    assert db.read_now(users.has_admin)
    assert _password(db, "one", name="Eve", email="eve@example.com").refused == "token"
    _link(db, "two", None)
    assert _password(db, "two", name="Eve", email="eve@example.com").refused == "token"
    assert len(db.read_now(users.all_users)) == 1


def test_a_taken_address_leaves_the_link_good(db: Database) -> None:
    _add(db)
    _link(db, "one", None)
    assert _password(db, "one", name="A", email="ann@example.com").refused == "taken"
    assert _password(db, "one", name="A", email="admin@example.com").user is not None


def test_links_run_out_and_a_newer_one_voids_the_older(db: Database) -> None:
    # S-10
    ann, bob = _add(db), _add(db, "bob@example.com")
    _link(db, "over", ann, lasts=0)
    assert db.read_now(logins.has_link, "over") is False
    assert _password(db, "over").refused == "token"
    for token_hash, user in (("a1", ann), ("b1", bob), ("s1", None), ("a2", ann), ("s2", None)):
        _link(db, token_hash, user)
    found = [name for name in ("a1", "a2", "b1", "s1", "s2") if db.read_now(logins.has_link, name)]
    assert found == ["a2", "b1", "s2"]


def test_a_new_password_ends_the_sessions_of_its_user_only(db: Database) -> None:
    # S-8
    ann, bob = _add(db), _add(db, "bob@example.com")
    for token_hash, user in (("a1", ann), ("a2", ann), ("b1", bob)):
        _session(db, user, token_hash)
    _link(db, "one", ann)
    done = _password(db, "one", name="Not used", email="not@used.example")
    assert done.user is not None
    assert sorted(done.ended) == ["a1", "a2"]
    assert db.read_now(logins.living, ["a1", "a2", "b1"]) == {"b1"}
    kept = db.read_now(users.by_id, ann.id)
    assert kept is not None
    assert (kept.password, kept.name, kept.email) == ("hash", "Ann", "ann@example.com")


def test_a_link_used_twice_at_once_works_once(db: Database) -> None:
    # S-10
    user = _add(db)
    _link(db, "one", user)
    done: list[logins.PasswordSet] = []
    threads = [threading.Thread(target=lambda: done.append(_password(db, "one"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(str(one.refused) for one in done) == ["None", "token", "token", "token"]


def test_a_rehash_never_undoes_a_new_password(db: Database) -> None:
    user = _add(db, password="old")
    db.write_now(users.rehash, (user.id, "old", "stronger"))
    db.write_now(users.rehash, (user.id, "old", "from a slow sign-in"))
    kept = db.read_now(users.by_id, user.id)
    assert kept is not None
    assert kept.password == "stronger"


def test_the_sixth_try_waits_and_a_success_forgets(db: Database) -> None:
    # S-8
    attempt = Attempt((("own", 5), ("place", 50)), window=900_000)
    assert [db.write_now(logins.try_once, attempt) for _ in range(5)] == [0] * 5
    wait = db.write_now(logins.try_once, attempt)
    assert 890_000 < wait <= 900_000
    assert db.write_now(logins.try_once, Attempt((("other", 5), ("place", 50)), 900_000)) == 0
    db.write_now(logins.succeeded, ("own", ("place",)))
    assert db.write_now(logins.try_once, attempt) == 0


def test_a_place_has_a_limit_of_its_own_that_one_success_does_not_lift(db: Database) -> None:
    # S-8: many accounts, one guesser, who has an account too
    for number in range(9):
        assert db.write_now(logins.try_once, Attempt(((f"own{number}", 5), ("place", 10)), 900_000)) == 0
    assert db.write_now(logins.try_once, Attempt((("mine", 5), ("place", 10)), 900_000)) == 0
    assert db.write_now(logins.try_once, Attempt((("more", 5), ("place", 10)), 900_000)) > 0
    db.write_now(logins.succeeded, ("mine", ("place",)))
    assert db.write_now(logins.try_once, Attempt((("more", 5), ("place", 10)), 900_000)) == 0
    assert db.write_now(logins.try_once, Attempt((("next", 5), ("place", 10)), 900_000)) > 0


def test_failures_are_forgotten_after_the_window(db: Database) -> None:
    attempt = Attempt((("own", 1),), window=900_000)
    assert db.write_now(logins.try_once, attempt) == 0
    assert db.write_now(logins.try_once, attempt) > 0
    with db.writing.begin() as conn:
        conn.execute(text("UPDATE attempts SET since = since - 900001"))
    assert db.write_now(logins.try_once, attempt) == 0


def test_tries_at_once_do_not_pass_the_limit_together(db: Database) -> None:
    # S-8
    attempt = Attempt((("own", 5),), window=900_000)
    waits: list[int] = []

    def guess() -> None:
        waits.extend([db.write_now(logins.try_once, attempt) for _ in range(5)])

    assert db.write_now(logins.try_once, attempt) == 0
    threads = [threading.Thread(target=guess) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(waits) == 20
    assert waits.count(0) == 4


def _availabilities(db: Database) -> dict[str, str]:
    return {agent["id"]: agent["availability"] for agent in db.read_now(users.agents)}


def _beat(db: Database, seen: Mapping[str, Availability]) -> None:
    db.write_now(users.beat, seen)


def _age(conn: Connection, user: str) -> None:
    old = presence.c.seen_at - ownership.AWAY_AFTER
    conn.execute(update(presence).where(presence.c.user_id == user).values(seen_at=old))


def test_presence_is_written_for_all_at_once_and_runs_out(db: Database) -> None:
    # INV-12
    ann, bob, cy = _add(db), _add(db, "bob@example.com"), _add(db, "cy@example.com")
    _beat(db, {ann.id: "online"})
    _beat(db, {ann.id: "away", bob.id: "online", "0" * 32: "online"})
    assert _availabilities(db) == {ann.id: "away", bob.id: "online", cy.id: "offline"}
    with db.writing.begin() as conn:
        _age(conn, ann.id)
    assert _availabilities(db) == {ann.id: "offline", bob.id: "online", cy.id: "offline"}
    assert db.read_now(users.availability, ann.id) == "away"
    assert db.read_now(users.availability, cy.id) is None
    _beat(db, {})


def _chat(db: Database, number: int, agent: User | None) -> None:
    """A conversation, owned by *agent* or waiting in the queue."""
    kept = db.read_now(inboxes.all_inboxes)
    inbox = kept[0].id if kept else db.write_now(inboxes.add, NewInbox("test", "Test", "key", {}))
    said = Inbound(address=f"v:{number}", client_id=f"m{number}", text="hello")
    stored = db.write_now(receive, Receive(inbox, said, "o" * 32, False, 72, False))
    if agent is not None and stored.change is not None:
        version = stored.change.summary["version"]
        who: Author = {"id": agent.id, "name": agent.name}
        assert db.write_now(ownership.act, Act("claim", stored.conversation, version, who)).refused is None


def test_agents_are_listed_with_their_load_without_the_disabled(db: Database) -> None:
    ann, bob = _add(db), _add(db, "bob@example.com", capacity=2)
    for number, owner in enumerate((ann, ann, None)):
        _chat(db, number, owner)
    assert {one["id"]: (one["load"], one["capacity"]) for one in db.read_now(users.agents)} == {
        ann.id: (2, users.CAPACITY),
        bob.id: (0, 2),
    }
    with db.writing.begin() as conn:
        conn.execute(text("UPDATE users SET disabled = true WHERE id = :id"), {"id": bob.id})
    assert [one["id"] for one in db.read_now(users.agents)] == [ann.id]
