"""A migrated database with an inbox and people, and short words to act on it: for tests below the hub."""

import uuid
from typing import Any

from sqlalchemy import Engine, create_engine, delete, select, update

from models import inboxes, migrate, ownership, threads, users
from models.db import Database
from models.inbound import Inbound
from models.inboxes import NewInbox
from models.ownership import Act, Acted
from models.receive import Receive, Received, receive
from models.replies import Replied, Reply, reply
from models.tables import conversations, messages, metadata, presence
from models.users import NewUser
from models.wire import Author

HOUR = 3_600_000
ROOM = 2
"""Chats an agent here is given at once."""
VOLATILE = frozenset({"presence", "sessions", "attempts", "alembic_version"})
"""Tables that change by themselves while somebody is signed in."""


def dump(source: Engine | str) -> dict[str, list[str]]:
    """Every row of every table that only changes when somebody does something."""
    engine = create_engine(source) if isinstance(source, str) else source
    try:
        with engine.connect() as conn:
            return {
                table.name: sorted(repr(tuple(row)) for row in conn.execute(select(table)))
                for table in metadata.sorted_tables
                if table.name not in VOLATILE
            }
    finally:
        if engine is not source:
            engine.dispose()


class Stage:
    """One database, one inbox, three agents."""

    def __init__(self, url: str, *, writers: int = 2) -> None:
        self.url = url
        self.db = Database(url, synchronous="NORMAL", writers=writers)
        migrate.upgrade(self.db)
        self.renew()

    def renew(self) -> None:
        """A new inbox and new agents with room for two chats each, so that nothing before matters."""
        self.inbox = self.db.write_now(inboxes.add, NewInbox("web", "Shop", f"key-{uuid.uuid4().hex}", {}))
        self.agents = [self._agent(name) for name in ("Ann", "Bea", "Cid")]
        with self.db.writing.begin() as conn:
            conn.execute(delete(presence))

    def _agent(self, name: str) -> Author:
        user = self.db.write_now(users.add, NewUser(f"{uuid.uuid4().hex}@shop.example", name, "agent", capacity=ROOM))
        assert user is not None
        return {"id": user.id, "name": name}

    def arg(self, text: str = "hello", address: str = "v:1", **more: Any) -> Receive:
        """What a visitor says, as the hub hands it down; names of ``Receive`` or of ``Inbound``."""
        about = {name: more.pop(name) for name in ("has_bot", "reopen_hours", "resolves_menus") if name in more}
        if "external_id" not in more:
            more.setdefault("client_id", uuid.uuid4().hex)
        said = Inbound(address=address, text=text, **more)
        whole = {"has_bot": False, "reopen_hours": 72, "resolves_menus": False, **about}
        return Receive(self.inbox, said, "owner", **whole)

    def say(self, text: str = "hello", address: str = "v:1", **more: Any) -> Received:
        """Store one message of a visitor."""
        return self.db.write_now(receive, self.arg(text, address, **more))

    def act(self, do: Any, conversation: str, *, by: int = 0, version: int | None = None, **more: Any) -> Acted:
        """An agent's action, at the version the row has unless told another."""
        seen = self.row(conversation)["version"] if version is None else version
        return self.db.write_now(ownership.act, Act(do, conversation, seen, self.agents[by], **more))

    def reply(self, conversation: str, *, by: int = 0, version: int | None = None, **more: Any) -> Replied:
        """An agent's reply."""
        seen = self.row(conversation)["version"] if version is None else version
        given: dict[str, Any] = {"client_id": uuid.uuid4().hex, "kind": "text", "text": "reply", "attachments": ()}
        given |= more
        return self.db.write_now(
            reply,
            Reply(conversation=conversation, by=self.agents[by], version=seen, deliver=False, owner="owner", **given),
        )

    def note(self, conversation: str) -> Reply:
        """A colleague's note, as the hub hands it down."""
        return Reply(
            conversation=conversation, by=self.agents[1], client_id=uuid.uuid4().hex, kind="note", text="note",
            attachments=(), version=0, deliver=False, owner="owner",
        )  # fmt: skip

    def row(self, conversation: str) -> dict[str, Any]:
        """A conversation as it is."""
        found = self.db.read_now(threads.find, conversation)
        assert found is not None
        return dict(found)

    def log(self, conversation: str) -> list[dict[str, Any]]:
        """A conversation's messages, by seq."""
        query = select(messages).where(messages.c.conversation_id == conversation).order_by(messages.c.seq)
        with self.db.reading.connect() as conn:
            return [dict(row) for row in conn.execute(query).mappings()]

    def change(self, conversation: str, **values: Any) -> None:
        """Set columns of a conversation: the past, as a test needs it."""
        with self.db.writing.begin() as conn:
            conn.execute(update(conversations).where(conversations.c.id == conversation).values(**values))

    def dump(self) -> dict[str, list[str]]:
        """Everything that is stored."""
        return dump(self.db.reading)

    def close(self) -> None:
        """Let go of the database."""
        self.db.close()
