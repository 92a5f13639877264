"""Who writes: finding or making the identity and contact behind an address.

An address that is proven (a signature, or the site's word in a JWT) joins the contact that proved the same phone number
before; what a visitor only types never links anything.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, insert, select

from models.ids import new_id
from models.inbound import Profile
from models.statements import Query
from models.tables import ID, contacts, identities, merges

Row = dict[str, Any]

_KNOWN = Query(
    lambda given: (
        select(
            identities.c.id, identities.c.inbox_id, identities.c.address, identities.c.contact_id,
            identities.c.opted_out, contacts.c.name.label("contact_name"), contacts.c.language,
        )
        .join(given, and_(identities.c.inbox_id == given.c.inbox_id, identities.c.address == given.c.address))
        .join(contacts, contacts.c.id == identities.c.contact_id)
    ),
    {"inbox_id": ID, "address": identities.c.address.type},
    locks=identities,
)  # fmt: skip
_BY_PHONE = (
    select(contacts.c.id, contacts.c.phone, contacts.c.name)
    .where(contacts.c.phone.in_(bindparam("phones", expanding=True)))
    .order_by(contacts.c.created_at.desc(), contacts.c.id)
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who writes to an inbox from an address, and what is said about them. ``proven`` covers the profile."""

    inbox_id: str
    address: str
    proven: bool
    profile: Profile


def owner_key(inbox_id: str, address: str) -> str:
    """Id of an identity, derived so that an upload can be bound to it before it has ever written."""
    return hashlib.blake2s(f"{inbox_id}\x00{address}".encode(), digest_size=16).hexdigest()


def meet(conn: Connection, now: int, caller: Caller) -> Row:
    """Lock a caller's identity, making it if it is new."""
    key = (caller.inbox_id, caller.address)
    person = known(conn, [key]).get(key)
    if person is None:
        person = strangers(conn, now, [caller])[key]
        introduce(conn, now, [person])
    return person


def known(conn: Connection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Row]:
    """Lock the identities that exist of these (inbox, address), with what views show of their contacts."""
    rows = _KNOWN.rows(conn, list(keys))
    return {(row["inbox_id"], row["address"]): row for row in rows}


def strangers(conn: Connection, now: int, callers: Iterable[Caller]) -> dict[tuple[str, str], Row]:
    """Rows for identities that do not exist yet. :func:`introduce` stores them: whoever is refused leaves no trace."""
    new = [_stranger(caller, now) for caller in callers]
    _join(conn, new)
    return {(person["inbox_id"], person["address"]): person for person in new}


def introduce(conn: Connection, now: int, people: Iterable[Row]) -> None:
    """Store the strangers among *people*: contacts, links and identities."""
    new = [person for person in people if "stranger" in person]
    if not new:
        return
    conn.execute(insert(contacts), [{**p["stranger"], "created_at": now, "changed_at": now} for p in new])
    conn.execute(insert(identities), [{c.name: p[c.name] for c in identities.c} for p in new])
    links = [_link(p, now) for p in new if p["contact_id"] != p["stranger"]["id"]]
    if links:
        conn.execute(insert(merges), links)


def _stranger(caller: Caller, now: int) -> Row:
    said = caller.profile
    contact = {
        "id": new_id(), "name": said.name or "", "language": said.language,
        "phone": said.phone if caller.proven else None, "email": said.email if caller.proven else None,
    }  # fmt: skip
    return {
        "id": owner_key(caller.inbox_id, caller.address), "inbox_id": caller.inbox_id, "address": caller.address,
        "contact_id": contact["id"], "proven": caller.proven, "opted_out": False, "created_at": now,
        "contact_name": contact["name"], "language": said.language, "stranger": contact,
    }  # fmt: skip


def _join(conn: Connection, new: list[Row]) -> None:
    """Point strangers with a proven number at the contact who proved it first; an agent can undo that."""
    phones = {person["stranger"]["phone"] for person in new} - {None}
    if not phones:
        return
    found = conn.execute(_BY_PHONE, {"phones": list(phones)}).mappings()
    before = {row["phone"]: row for row in found}
    for person in new:
        if (same := before.get(person["stranger"]["phone"])) is not None:
            person.update(contact_id=same["id"], contact_name=same["name"])


def _link(person: Row, now: int) -> Row:
    return {
        "id": new_id(), "identity_id": person["id"], "from_contact": person["stranger"]["id"],
        "to_contact": person["contact_id"], "user_id": None, "reason": "verified_number", "at": now, "undone_at": None,
    }  # fmt: skip
