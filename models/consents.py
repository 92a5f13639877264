"""Consents: what a person agreed to or withdrew, with evidence."""

from dataclasses import dataclass

from sqlalchemy import Connection, insert

from models.clock import now
from models.ids import new_id
from models.inbound import Profile
from models.people import Caller, meet
from models.tables import consents
from models.wire import Json


@dataclass(frozen=True, slots=True)
class Given:
    """One purpose, granted or withdrawn by a visitor who may never have written."""

    inbox_id: str
    address: str
    proven: bool
    language: str | None
    purpose: str
    granted: bool
    evidence: Json


def record(conn: Connection, arg: Given) -> None:
    """Keep a consent; the identity is stored with it if this is the first thing we must remember of it."""
    moment = now(conn)
    caller = Caller(arg.inbox_id, arg.address, arg.proven, Profile(language=arg.language))
    person = meet(conn, moment, caller)
    conn.execute(
        insert(consents),
        {"id": new_id(), "identity_id": person["id"], "purpose": arg.purpose, "granted": arg.granted,
         "evidence": arg.evidence, "at": moment},
    )  # fmt: skip
