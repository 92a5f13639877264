"""Signing in: login sessions, one-time links and failed attempts.

Tokens are never stored: whoever reads the database cannot sign in with what is in it. Expected refusals are returned.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from sqlalchemy import Connection, delete, insert, select, update

from models.clock import now
from models.tables import attempts, links, sessions, users
from models.users import NewUser, User, add, by_id, has_admin, user_of
from models.wire import Role

LinkPurpose = Literal["setup", "reset"]
"""``setup`` makes the first administrator; ``reset`` lets a user choose a password, the first one too."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A sign-in. Times in milliseconds; the token's hash is its name."""

    user: str
    token_hash: str
    csrf: str
    lasts: int


@dataclass(frozen=True, slots=True)
class Session:
    """A login that is valid now."""

    token_hash: str
    csrf: str
    user: User


@dataclass(frozen=True, slots=True)
class NewLink:
    """A one-time link. ``user`` is None for the first administrator, who does not exist yet."""

    token_hash: str
    purpose: LinkPurpose
    user: str | None
    lasts: int


@dataclass(frozen=True, slots=True)
class NewPassword:
    """What comes back over a one-time link. ``name`` and ``email`` count for the first administrator only."""

    token_hash: str
    password: str = field(repr=False)
    name: str = ""
    email: str | None = None


@dataclass(frozen=True, slots=True)
class PasswordSet:
    """The user whose password it is now, and the sessions this ended; or which field was refused."""

    user: User | None = None
    ended: Sequence[str] = ()
    refused: Literal["token", "name", "email", "taken"] | None = None


# --- sessions ----------------------------------------------------------------------------------------------------


def start_session(conn: Connection, new: NewSession) -> None:
    """Store a login; those that ran out are swept away."""
    moment = now(conn)
    conn.execute(delete(sessions).where(sessions.c.expires_at <= moment))
    conn.execute(
        insert(sessions),
        {"token_hash": new.token_hash, "user_id": new.user, "csrf": new.csrf, "created_at": moment,
         "expires_at": moment + new.lasts},
    )  # fmt: skip


def session(conn: Connection, token_hash: str) -> Session | None:
    """The login with this token's hash, if it is valid and its user may still sign in."""
    query = select(sessions.c.csrf, sessions.c.expires_at, users).join(users, users.c.id == sessions.c.user_id)
    valid = (sessions.c.token_hash == token_hash) & users.c.disabled.is_(False)
    row = conn.execute(query.where(valid)).mappings().one_or_none()
    if row is None or row["expires_at"] <= now(conn):
        return None
    return Session(token_hash, row["csrf"], user_of(row))


def end_session(conn: Connection, token_hash: str) -> bool:
    """Sign out; False if there was nothing to end."""
    return conn.execute(delete(sessions).where(sessions.c.token_hash == token_hash)).rowcount > 0


def end_sessions(conn: Connection, user_id: str) -> list[str]:
    """Sign a user out everywhere; return the hashes of the sessions that ended."""
    mine = sessions.c.user_id == user_id
    ended = list(conn.execute(select(sessions.c.token_hash).where(mine)).scalars())
    conn.execute(delete(sessions).where(mine))
    return ended


def living(conn: Connection, token_hashes: Sequence[str]) -> set[str]:
    """Which of these sessions are still valid: asked for all open sockets of a process at once."""
    query = select(sessions.c.token_hash).join(users, users.c.id == sessions.c.user_id)
    valid = (sessions.c.expires_at > now(conn)) & users.c.disabled.is_(False)
    return set(conn.execute(query.where(valid, sessions.c.token_hash.in_(token_hashes))).scalars())


def set_role(conn: Connection, arg: tuple[str, Role]) -> list[str]:
    """Give a user another role and end their sessions (S-8); return the hashes of those."""
    user_id, role = arg
    conn.execute(update(users).where(users.c.id == user_id).values(role=role))
    return end_sessions(conn, user_id)


# --- one-time links ----------------------------------------------------------------------------------------------


def issue_link(conn: Connection, new: NewLink) -> None:
    """Store a link; an older one for the same person is void from now on (S-10)."""
    moment = now(conn)
    same = (links.c.purpose == new.purpose) & links.c.user_id.is_not_distinct_from(new.user)
    conn.execute(delete(links).where(same | (links.c.expires_at <= moment)))
    conn.execute(
        insert(links),
        {"token_hash": new.token_hash, "purpose": new.purpose, "user_id": new.user, "expires_at": moment + new.lasts},
    )


def has_link(conn: Connection, token_hash: str) -> bool:
    """Whether a link can be used: looked up before the costly work on a password."""
    valid = (links.c.token_hash == token_hash) & (links.c.expires_at > now(conn))
    return conn.execute(select(links.c.purpose).where(valid)).first() is not None


def set_password(conn: Connection, arg: NewPassword) -> PasswordSet:
    """Use a link up: make the first administrator, or give a user a password and end their sessions."""
    wanted = links.c.token_hash == arg.token_hash
    link = conn.execute(select(links).where(wanted).with_for_update()).mappings().one_or_none()
    if link is None or link["expires_at"] <= now(conn):
        return PasswordSet(refused="token")
    done = _first_admin(conn, arg) if link["purpose"] == "setup" else _new_password(conn, link["user_id"], arg)
    if done.user is not None:
        conn.execute(delete(links).where(wanted))
    return done


def _first_admin(conn: Connection, arg: NewPassword) -> PasswordSet:
    if has_admin(conn):
        return PasswordSet(refused="token")
    if not arg.name.strip():
        return PasswordSet(refused="name")
    if not arg.email:
        return PasswordSet(refused="email")
    user = add(conn, NewUser(arg.email, arg.name.strip(), "admin", arg.password))
    return PasswordSet(user) if user else PasswordSet(refused="taken")


def _new_password(conn: Connection, user_id: str, arg: NewPassword) -> PasswordSet:
    user = by_id(conn, user_id)
    if user is None or user.disabled:
        return PasswordSet(refused="token")
    conn.execute(update(users).where(users.c.id == user_id).values(password=arg.password))
    return PasswordSet(replace(user, password=arg.password), end_sessions(conn, user_id))


# --- failed attempts ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try against several limits (hashed key, most failures) within a window of milliseconds."""

    limits: Sequence[tuple[str, int]]
    window: int


def try_once(conn: Connection, arg: Attempt) -> int:
    """Count a try as failed before it is judged, so that parallel tries cannot pass the limit together.

    Return 0, or the milliseconds to wait if a limit is reached; such a try is not counted.
    """
    moment = now(conn)
    keys = sorted(key for key, _ in arg.limits)
    conn.execute(delete(attempts).where(attempts.c.since <= moment - arg.window))
    query = select(attempts).where(attempts.c.key.in_(keys)).order_by(attempts.c.key).with_for_update()
    known = {row["key"]: row for row in conn.execute(query).mappings()}
    full = [known[key]["since"] for key, most in arg.limits if key in known and known[key]["failures"] >= most]
    if full:
        return max(1, int(max(full)) + arg.window - moment)
    if fresh := [{"key": key, "failures": 1, "since": moment} for key in keys if key not in known]:
        conn.execute(insert(attempts), fresh)
    conn.execute(update(attempts).where(attempts.c.key.in_(list(known))).values(failures=attempts.c.failures + 1))
    return 0


def succeeded(conn: Connection, keys: tuple[str, Sequence[str]]) -> None:
    """Forget the failures under the first key; take this try back from the others."""
    own, shared = keys
    conn.execute(delete(attempts).where(attempts.c.key == own))
    less = update(attempts).where(attempts.c.key.in_(shared), attempts.c.failures > 0)
    conn.execute(less.values(failures=attempts.c.failures - 1))
