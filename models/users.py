"""People who answer: users, and their presence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from sqlalchemy import Connection, RowMapping, bindparam, func, insert, select, update

from models.clock import now
from models.http import Agent
from models.ownership import AWAY_AFTER
from models.tables import conversations, presence, users
from models.wire import Availability, Role

CAPACITY = 5
"""Chats a new agent is given at once."""


@dataclass(frozen=True, slots=True)
class User:
    """A person of the business. ``password`` is an argon2id hash; None until they chose one."""

    id: str
    email: str
    name: str
    role: Role
    capacity: int
    disabled: bool
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewUser:
    """A person to add; ``email`` is stored in lower case."""

    email: str
    name: str
    role: Role
    password: str | None = field(default=None, repr=False)
    capacity: int = CAPACITY


def normal(email: str) -> str:
    """The one spelling under which an address is stored and looked for."""
    return email.strip().lower()


_ALL = select(users).order_by(users.c.created_at, users.c.id)


def all_users(conn: Connection) -> list[User]:
    """Everybody, oldest first."""
    return [user_of(row) for row in conn.execute(_ALL).mappings()]


def by_id(conn: Connection, user_id: str) -> User | None:
    """One user."""
    row = conn.execute(select(users).where(users.c.id == user_id)).mappings().one_or_none()
    return user_of(row) if row else None


def by_email(conn: Connection, email: str) -> User | None:
    """The user with this address."""
    row = conn.execute(select(users).where(users.c.email == normal(email))).mappings().one_or_none()
    return user_of(row) if row else None


def has_admin(conn: Connection) -> bool:
    """Whether anybody can sign in and administer."""
    able = (users.c.role == "admin") & users.c.disabled.is_(False) & users.c.password.is_not(None)
    return conn.execute(select(users.c.id).where(able).limit(1)).first() is not None


def add(conn: Connection, new: NewUser) -> User | None:
    """Add a user; None if the address is taken."""
    if by_email(conn, new.email):
        return None
    user = User(uuid4().hex, normal(new.email), new.name, new.role, new.capacity, False, new.password)
    conn.execute(
        insert(users),
        {"id": user.id, "email": user.email, "name": user.name, "password": user.password, "role": user.role,
         "capacity": user.capacity, "disabled": False, "created_at": now(conn)},
    )  # fmt: skip
    return user


def rehash(conn: Connection, arg: tuple[str, str, str]) -> None:
    """Replace a user's password hash by one of today's strength, unless the password was changed meanwhile."""
    user_id, old, new = arg
    conn.execute(update(users).where(users.c.id == user_id, users.c.password == old).values(password=new))


def user_of(row: RowMapping) -> User:
    """The user in a row that has all their columns."""
    return User(
        id=row["id"],
        email=row["email"],
        name=row["name"],
        role=row["role"],
        capacity=row["capacity"],
        disabled=row["disabled"],
        password=row["password"],
    )


# --- presence ----------------------------------------------------------------------------------------------------


_RENEW = (
    update(presence)
    .where(presence.c.user_id == bindparam("b_user"))
    .values(availability=bindparam("b_availability"), seen_at=bindparam("b_seen_at"))
)


def beat(conn: Connection, seen: Mapping[str, Availability]) -> None:
    """Write the signs of life (user id to availability) of all agents of a process at once (INV-12)."""
    moment = now(conn)
    locked = select(presence.c.user_id).where(presence.c.user_id.in_(seen)).order_by(presence.c.user_id)
    known = list(conn.execute(locked.with_for_update()).scalars())
    if known:
        conn.execute(_RENEW, [{"b_user": user, "b_availability": seen[user], "b_seen_at": moment} for user in known])
    missing = select(users.c.id).where(users.c.id.in_(set(seen) - set(known))).order_by(users.c.id)
    if new := list(conn.execute(missing).scalars()):
        conn.execute(
            insert(presence), [{"user_id": user, "availability": seen[user], "seen_at": moment} for user in new]
        )


def availability(conn: Connection, user_id: str) -> Availability | None:
    """What a user last chose, however long ago."""
    chosen: Availability | None = conn.execute(
        select(presence.c.availability).where(presence.c.user_id == user_id)
    ).scalar_one_or_none()
    return chosen


def agents(conn: Connection) -> list[Agent]:
    """Everybody who can answer, with who is there and how many open chats they own."""
    load = (
        select(conversations.c.assignee_id, func.count().label("load"))
        .where(conversations.c.status == "open", conversations.c.assignee_id.is_not(None))
        .group_by(conversations.c.assignee_id)
        .subquery()
    )
    query = (
        select(users, presence.c.availability, presence.c.seen_at, func.coalesce(load.c.load, 0).label("load"))
        .outerjoin(presence, presence.c.user_id == users.c.id)
        .outerjoin(load, load.c.assignee_id == users.c.id)
        .where(users.c.disabled.is_(False))
        .order_by(users.c.name, users.c.id)
    )
    horizon = now(conn) - AWAY_AFTER
    return [_agent(row, horizon) for row in conn.execute(query).mappings()]


def _agent(row: RowMapping, horizon: int) -> Agent:
    there = row["seen_at"] is not None and row["seen_at"] > horizon
    return {
        "id": row["id"],
        "name": row["name"],
        "role": row["role"],
        "availability": row["availability"] if there else "offline",
        "capacity": row["capacity"],
        "load": row["load"],
    }
