"""Attachments: rows about files. Their bytes lie in the hub's file store, on disk before the row is committed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Integer, and_, insert, select, update

from models import views
from models.clock import now
from models.ids import new_id
from models.statements import Query
from models.tables import ID, attachments
from models.wire import Attachment

Row = dict[str, Any]

_OF_MANY = Query(
    lambda given: (
        select(attachments)
        .join(given, and_(attachments.c.conversation_id == given.c.conversation_id, attachments.c.seq == given.c.seq))
        .order_by(attachments.c.created_at)
    ),
    {"conversation_id": ID, "seq": Integer()},
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A file whose bytes are safely on disk under *sha256*. ``owner``: the identity or user who may attach it."""

    owner: str
    name: str
    media_type: str
    size: int
    width: int | None
    height: int | None
    sha256: str


def add(conn: Connection, file: Stored) -> str:
    """Note an upload; return its id. It belongs to no message yet."""
    file_id = new_id()
    conn.execute(
        insert(attachments),
        {
            "id": file_id, "owner": file.owner, "conversation_id": None, "seq": None, "name": file.name,
            "media_type": file.media_type, "size": file.size, "width": file.width, "height": file.height,
            "sha256": file.sha256, "state": "ready", "source_url": None, "created_at": now(conn),
        },
    )  # fmt: skip
    return file_id


def expected(moment: int, ref: Mapping[str, Any], owner: str, conversation: str, seq: int) -> Row:
    """Row of a provider's file that is still to be fetched."""
    return {
        "id": new_id(), "owner": owner, "conversation_id": conversation, "seq": seq,
        "name": ref["name"] or "file", "media_type": ref["media_type"], "size": 0, "width": None, "height": None,
        "sha256": None, "state": "pending", "source_url": ref["url"], "created_at": moment,
    }  # fmt: skip


def free(conn: Connection, ids: Sequence[str], owner: str) -> list[Attachment] | None:
    """Lock uploads for a message: the same sender's, each once. None if any is not to be had."""
    if not ids:
        return []
    mine = (attachments.c.owner == owner) & attachments.c.conversation_id.is_(None)
    found = conn.execute(select(attachments).where(attachments.c.id.in_(ids) & mine).with_for_update()).mappings().all()
    if len(found) != len(set(ids)) or len(ids) != len(set(ids)):
        return None
    by_id = {row["id"]: view(dict(row)) for row in found}
    return [by_id[file_id] for file_id in ids]


def take(conn: Connection, files: Sequence[Attachment], conversation: str, seq: int) -> None:
    """Attach what :func:`free` has found to a message."""
    ids = [file["id"] for file in files]
    conn.execute(update(attachments).where(attachments.c.id.in_(ids)).values(conversation_id=conversation, seq=seq))


def view(row: Mapping[str, Any]) -> Attachment:
    """A file as screens see it."""
    return views.attachment(row)


def of_messages(conn: Connection, conversation: str, seqs: Iterable[int]) -> dict[int, list[Attachment]]:
    """Files of some messages of a conversation."""
    wanted = list(seqs)
    if not wanted:
        return {}
    mine = (attachments.c.conversation_id == conversation) & attachments.c.seq.in_(wanted)
    found: dict[int, list[Attachment]] = {}
    for row in conn.execute(select(attachments).where(mine).order_by(attachments.c.created_at)).mappings():
        found.setdefault(row["seq"], []).append(view(dict(row)))
    return found


def of_many(conn: Connection, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], list[Attachment]]:
    """Files of messages of several conversations, by (conversation, seq)."""
    found: dict[tuple[str, int], list[Attachment]] = {}
    for row in _OF_MANY.rows(conn, keys) if keys else ():
        found.setdefault((row["conversation_id"], row["seq"]), []).append(view(row))
    return found


def get(conn: Connection, file_id: str) -> Row | None:
    """One attachment's row."""
    row = conn.execute(select(attachments).where(attachments.c.id == file_id)).mappings().one_or_none()
    return dict(row) if row else None


def fulfil(conn: Connection, arg: tuple[str, Stored | None]) -> tuple[str, int] | None:
    """A promised file came, or (None) cannot be had; return the message it belongs to."""
    file_id, file = arg
    row = get(conn, file_id)
    if row is None or row["state"] != "pending":
        return None
    values: Row = {"state": "failed"}
    if file:
        values = {"state": "ready", "sha256": file.sha256, "name": file.name, "media_type": file.media_type,
                  "size": file.size, "width": file.width, "height": file.height}  # fmt: skip
    conn.execute(update(attachments).where(attachments.c.id == file_id).values(values))
    return row["conversation_id"], row["seq"]
