"""The customer record: a contact, its identities and attributes, and one timeline across channels.

Linking only re-points identities and writes a ``merges`` row, so undoing it re-points them back.
"""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, and_, func, insert, or_, select, update

from models import files, views
from models.answers import learn, readings_of
from models.clock import iso, now
from models.http import Attribute, Contact, Identity, Suggestion, TimelineItem
from models.tables import attributes, contacts, conversations, identities, merges, messages, users
from models.threads import MAX_SEQ
from models.wire import Author

PAGE = 50


def contact(conn: Connection, contact_id: str) -> Contact | None:
    """A customer record without its timeline."""
    row = conn.execute(select(contacts).where(contacts.c.id == contact_id)).mappings().one_or_none()
    if row is None:
        return None
    addresses = _identities(conn, contact_id)
    return {
        "id": row["id"],
        "name": row["name"],
        "email": row["email"],
        "phone": row["phone"],
        "language": row["language"],
        "created_at": iso(row["created_at"]),
        "identities": addresses,
        "attributes": _attributes(conn, contact_id),
        "suggestions": _suggestions(conn, contact_id, row["phone"], row["email"]),
    }


def _identities(conn: Connection, contact_id: str) -> list[Identity]:
    link = (
        select(merges.c.identity_id, func.max(merges.c.at).label("at"))
        .where(merges.c.undone_at.is_(None))
        .group_by(merges.c.identity_id)
        .subquery()
    )
    query = (
        select(identities, link.c.at, users.c.name.label("linked_by"))
        .outerjoin(link, link.c.identity_id == identities.c.id)
        .outerjoin(merges, and_(merges.c.identity_id == link.c.identity_id, merges.c.at == link.c.at))
        .outerjoin(users, users.c.id == merges.c.user_id)
        .where(identities.c.contact_id == contact_id)
        .order_by(identities.c.created_at, identities.c.id)
    )
    return [
        {
            "id": row["id"],
            "inbox": row["inbox_id"],
            "address": "" if row["address"].startswith(views.VISITOR) else row["address"],
            "proven": row["proven"],
            "opted_out": row["opted_out"],
            "linked_by": row["linked_by"],
            "linked_at": iso(row["at"]) if row["at"] else None,
            "created_at": iso(row["created_at"]),
        }
        for row in conn.execute(query).mappings()
    ]


def _attributes(conn: Connection, contact_id: str) -> list[Attribute]:
    mine = select(attributes).where(attributes.c.contact_id == contact_id).order_by(attributes.c.name)
    return [
        {
            "name": row["name"],
            "value": row["value"],
            "source": row["source"],
            "by": row["by"],
            "at": iso(row["at"]),
        }
        for row in conn.execute(mine).mappings()
    ]


def _suggestions(conn: Connection, contact_id: str, phone: str | None, email: str | None) -> list[Suggestion]:
    """Other contacts with the same number or address, claimed or proven; only an agent may link them."""
    claimed = select(attributes.c.value).where(
        attributes.c.contact_id == contact_id, attributes.c.name.in_(("phone", "email"))
    )
    values = {value for value in (phone, email, *conn.execute(claimed).scalars()) if value}
    if not values:
        return []
    said = select(attributes.c.contact_id).where(
        attributes.c.name.in_(("phone", "email")), attributes.c.value.in_(values)
    )
    same = or_(contacts.c.phone.in_(values), contacts.c.email.in_(values), identities.c.address.in_(values),
               contacts.c.id.in_(said))  # fmt: skip
    query = (
        select(contacts.c.id, contacts.c.name, identities.c.id.label("identity"), identities.c.address)
        .join(identities, identities.c.contact_id == contacts.c.id)
        .where(contacts.c.id != contact_id, same)
        .limit(10)
    )
    return [
        {"contact": row.id, "identity": row.identity, "name": row.name or row.address, "reason": "same_address"}
        for row in conn.execute(query)
    ]


def timeline(conn: Connection, contact_id: str, cursor: str | None) -> tuple[list[TimelineItem], str | None]:
    """A contact's messages of every conversation and channel, newest first."""
    query = (
        select(messages, conversations.c.inbox_id.label("inbox"))
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .join(identities, identities.c.id == conversations.c.identity_id)
        .where(identities.c.contact_id == contact_id)
    )
    if cursor:
        moment, conversation, seq = cursor.split("-")
        at, where = messages.c.created_at, messages.c.conversation_id
        query = query.where(
            or_(
                at < int(moment),
                and_(at == int(moment), where < conversation),
                and_(at == int(moment), where == conversation, messages.c.seq < min(int(seq), MAX_SEQ)),
            )
        )
    order = (messages.c.created_at.desc(), messages.c.conversation_id.desc(), messages.c.seq.desc())
    rows = [dict(row) for row in conn.execute(query.order_by(*order).limit(PAGE + 1)).mappings()]
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    more = f"{last['created_at']}-{last['conversation_id']}-{last['seq']}" if last else None
    return _items(conn, rows[:PAGE]), more


def _items(conn: Connection, rows: list[dict[str, Any]]) -> list[TimelineItem]:
    seqs: dict[str, list[int]] = {}
    for row in rows:
        seqs.setdefault(row["conversation_id"], []).append(row["seq"])
    read = {where: readings_of(conn, where, those) for where, those in seqs.items()}
    attached = {where: files.of_messages(conn, where, those) for where, those in seqs.items()}
    items: list[TimelineItem] = []
    for row in rows:
        where, seq = row["conversation_id"], row["seq"]
        message = views.agent_message(row, attached[where].get(seq, ()), read[where].get(seq))
        items.append(
            {
                "conversation": where,
                "inbox": row["inbox"],
                "seq": seq,
                "at": message["created_at"],
                "sender": message["sender"],
                "kind": message["kind"],
                "author": message["author"],
                "text": message["text"],
                "trace": message["trace"],
                "page": message["page"],
                "activity": message["activity"],
                "attachments": message["attachments"],
            }
        )
    return items


@dataclass(frozen=True, slots=True)
class Edit:
    """What an agent learned about a contact; a value of None removes an attribute."""

    contact: str
    name: str | None
    attributes: dict[str, str | None]
    by: str


def edit(conn: Connection, arg: Edit) -> bool:
    """Change a contact; False if there is none."""
    moment = now(conn)
    values: dict[str, Any] = {"changed_at": moment}
    if arg.name is not None:
        values["name"] = arg.name
    done = conn.execute(update(contacts).where(contacts.c.id == arg.contact).values(values))
    if not done.rowcount:
        return False
    for name, value in arg.attributes.items():
        learn(conn, arg.contact, name, value, "agent", arg.by, moment)
    return True


@dataclass(frozen=True, slots=True)
class Link:
    """An agent says that an identity belongs to a contact."""

    identity: str
    contact: str
    by: Author
    reason: str


def link(conn: Connection, arg: Link) -> bool:
    """Re-point an identity, and remember whence; False if identity or contact does not exist or it is there already."""
    old = conn.execute(
        select(identities.c.contact_id).where(identities.c.id == arg.identity).with_for_update()
    ).scalar_one_or_none()
    there = conn.execute(select(contacts.c.id).where(contacts.c.id == arg.contact)).first()
    if old is None or there is None or old == arg.contact:
        return False
    conn.execute(update(identities).where(identities.c.id == arg.identity).values(contact_id=arg.contact))
    conn.execute(
        insert(merges),
        {"id": uuid4().hex, "identity_id": arg.identity, "from_contact": old, "to_contact": arg.contact,
         "user_id": arg.by["id"], "reason": arg.reason, "at": now(conn), "undone_at": None},
    )  # fmt: skip
    return True


def unlink(conn: Connection, identity: str) -> str | None:
    """Undo the latest link of an identity; return the contact it belongs to again."""
    query = (
        select(merges)
        .where(merges.c.identity_id == identity, merges.c.undone_at.is_(None))
        .order_by(merges.c.at.desc())
        .limit(1)
    )
    row = conn.execute(query).mappings().one_or_none()
    if row is None:
        return None
    conn.execute(update(identities).where(identities.c.id == identity).values(contact_id=row["from_contact"]))
    conn.execute(update(merges).where(merges.c.id == row["id"]).values(undone_at=now(conn)))
    return str(row["from_contact"])


def conversations_of(conn: Connection, identity: str) -> list[str]:
    """Ids of an identity's conversations, latest first: their summaries change when it is linked."""
    query = select(conversations.c.id).where(conversations.c.identity_id == identity)
    return list(conn.execute(query.order_by(conversations.c.created_at.desc(), conversations.c.id)).scalars())


def conversations_of_contact(conn: Connection, contact_id: str) -> list[str]:
    """Ids of a contact's conversations: the lists show its name in each."""
    query = (
        select(conversations.c.id)
        .join(identities, identities.c.id == conversations.c.identity_id)
        .where(identities.c.contact_id == contact_id)
    )
    return list(conn.execute(query).scalars())
