"""Consents: what a person agreed to or withdrew, with evidence."""

from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection, insert, select

from models.clock import now
from models.receive import owner_key
from models.tables import consents, contacts, identities
from models.wire import Json


@dataclass(frozen=True, slots=True)
class Given:
    """One purpose, granted or withdrawn by a visitor who may never have written."""

    inbox_id: str
    address: str
    language: str | None
    purpose: str
    granted: bool
    evidence: Json


def record(conn: Connection, arg: Given) -> None:
    """Keep a consent; the identity is stored with it if this is the first thing we must remember of it."""
    identity = owner_key(arg.inbox_id, arg.address)
    moment = now(conn)
    if conn.execute(select(identities.c.id).where(identities.c.id == identity)).first() is None:
        contact = uuid4().hex
        conn.execute(
            insert(contacts),
            {"id": contact, "name": "", "language": arg.language, "created_at": moment, "changed_at": moment},
        )
        conn.execute(
            insert(identities),
            {"id": identity, "inbox_id": arg.inbox_id, "address": arg.address, "contact_id": contact,
             "proven": False, "opted_out": False, "created_at": moment},
        )  # fmt: skip
    conn.execute(
        insert(consents),
        {"id": uuid4().hex, "identity_id": identity, "purpose": arg.purpose, "granted": arg.granted,
         "evidence": arg.evidence, "at": moment},
    )  # fmt: skip
