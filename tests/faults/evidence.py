"""What a run left in the database, put beside what everybody saw."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from models import health
from models.db import Database
from models.tables import conversations, identities, inboxes, messages, outbox
from tests.faults.clerk import Clerk
from tests.faults.crowd import Crowd
from tests.faults.desk import Desk
from tests.faults.ledger import Ledger
from tests.faults.tab import Tab

Rows = list[dict[str, Any]]


def promises(conn: Connection) -> Rows:
    """What is still to be done; an uncertain delivery is not: nobody will try again."""
    return [dict(row) for row in conn.execute(select(outbox).where(outbox.c.state != "uncertain")).mappings()]


def heads(conn: Connection) -> Mapping[str, tuple[int, int]]:
    """The last seq of each conversation, and the last one its customer may see."""
    columns = (conversations.c.id, conversations.c.last_seq, conversations.c.last_public_seq)
    return {row.id: (row.last_seq, row.last_public_seq) for row in conn.execute(select(*columns))}


def deliveries(conn: Connection) -> Mapping[tuple[str, int], str]:
    """What became of each message that went, or goes, through a provider, by conversation and seq."""
    query = select(messages.c.conversation_id, messages.c.seq, messages.c.state).where(messages.c.state != "stored")
    return {(row.conversation_id, row.seq): row.state for row in conn.execute(query)}


def _messages(conn: Connection) -> Rows:
    return [dict(row) for row in conn.execute(select(messages)).mappings()]


def _phones(conn: Connection) -> dict[str, str]:
    query = (
        select(conversations.c.id, identities.c.address)
        .join(identities, identities.c.id == conversations.c.identity_id)
        .join(inboxes, inboxes.c.id == conversations.c.inbox_id)
        .where(inboxes.c.kind == "sms")
    )
    return {row.id: row.address for row in conn.execute(query)}


def take_down(database_url: str, crowd: Crowd, fell: Sequence[str]) -> Ledger:
    """The ledger of a run that has ended."""
    db = Database(database_url)
    try:
        assert health.faults(db) == []
        rows, phones, left = db.read_now(_messages), db.read_now(_phones), db.read_now(promises)
    finally:
        db.close()
    senders: Sequence[Tab | Clerk] = (*crowd.tabs, *crowd.clerks)
    listeners: Sequence[Tab | Desk] = (*crowd.tabs, *crowd.desks)
    return Ledger(
        rows=rows,
        acks=[ack for sender in senders for ack in sender.acks],
        heard={(name, receiver.conversation): list(receiver.heard) for name, receiver in crowd.receivers()},
        shown={(name, receiver.conversation): dict(receiver.states) for name, receiver in crowd.receivers()},
        agents=frozenset(desk.name for desk in crowd.desks),
        outbox=left,
        refusals=[code for one in listeners for code in one.refusals],
        put_off=frozenset(key for tab in crowd.tabs for key in tab.put_off),
        strays=[told for _, receiver in crowd.receivers() for told in receiver.strays],
        written=[it for clerk in crowd.clerks for it in clerk.written],
        texted=sorted({sid for phone in crowd.phones for sid in phone.taken}),
        phones=phones,
        calls=list(crowd.provider.calls),
        fell=fell,
    )
