"""What a customer says, stored once: ``receive`` is the hottest function and takes a run of messages at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, insert, literal_column, select, update

from models import files
from models.answers import attributes_of, turn_context
from models.book import Book, Change, Entry, Promise, Row
from models.clock import iso
from models.db import Batched
from models.ids import new_id
from models.inbound import Inbound
from models.people import Caller, introduce, known, strangers
from models.statements import Query
from models.tables import ID, attachments, consents, conversations, identities, messages, users
from models.wire import ErrorCode

HOUR = 3_600_000

_KNOWN_COLUMNS = select(
    messages.c.conversation_id, messages.c.seq, messages.c.author_id, messages.c.client_id, messages.c.inbox_id,
    messages.c.external_id, messages.c.text, messages.c.data, messages.c.created_at,
)  # fmt: skip
_BY_CLIENT_ID = Query(
    lambda given: _KNOWN_COLUMNS.join(
        given, and_(messages.c.author_id == given.c.author_id, messages.c.client_id == given.c.client_id)
    ),
    {"author_id": ID, "client_id": messages.c.client_id.type},
)
_BY_EXTERNAL_ID = Query(
    lambda given: _KNOWN_COLUMNS.join(
        given, and_(messages.c.inbox_id == given.c.inbox_id, messages.c.external_id == given.c.external_id)
    ),
    {"inbox_id": ID, "external_id": messages.c.external_id.type},
)
_UNRESOLVED = Query(
    lambda given: (
        select(conversations, users.c.name.label("assignee_name"))
        .outerjoin(users, users.c.id == conversations.c.assignee_id)
        .where(
            conversations.c.identity_id.in_(select(given.c.id)),
            conversations.c.status != literal_column("'resolved'"),  # as in the partial index
        )
    ),
    {"id": ID},
    locks=conversations,
)
_LATEST = (
    select(conversations.c.id)
    .where(conversations.c.identity_id == bindparam("identity"), conversations.c.thread == bindparam("thread"))
    .order_by(conversations.c.created_at.desc(), conversations.c.id)
    .limit(1)
)
_MENU = select(messages.c.data).where(
    messages.c.conversation_id == bindparam("conversation"), messages.c.seq == bindparam("seq"), messages.c.public
)


_OF_PERSON = ("address", "contact_id", "opted_out", "contact_name")
"""What a conversation's views show of its identity and contact."""


@dataclass(frozen=True, slots=True)
class Receive:
    """One message to store, and what the inbox decides about it. ``owner`` is this process, which takes the turn."""

    inbox_id: str
    inbound: Inbound
    owner: str
    has_bot: bool
    reopen_hours: int
    resolves_menus: bool


@dataclass(frozen=True, slots=True)
class Received:
    """Stored (or known before), or refused with a code and the field it is about."""

    conversation: str = ""
    seq: int = 0
    created_at: str = ""
    duplicate: bool = False
    refused: ErrorCode | None = None
    field: str | None = None
    change: Change | None = None


def _receive(conn: Connection, args: Sequence[Receive]) -> list[Received]:
    return _Intake(conn, args).run()


receive = Batched(_receive)


class _Intake:
    """One run of messages, in order."""

    def __init__(self, conn: Connection, args: Sequence[Receive]) -> None:
        self.conn = conn
        self.args = args
        self.book = Book(conn, args[0].owner)
        self.heard: dict[str, Row] = {}
        self.known: dict[tuple[str, str | None], Row] = {}
        self.current: dict[tuple[str, str], str] = {}
        self.turns: list[tuple[Promise, Row]] = []
        self.facts: list[Row] = []
        self.withdrawn: dict[str, bool] = {}

    def run(self) -> list[Received]:
        senders = self._find_people()
        self._find_known(senders)
        self._find_conversations(senders)
        results = [self._one(arg, person) for arg, person in zip(self.args, senders, strict=True)]
        self._brief_turns()
        introduce(self.conn, self.book.now, self.heard.values())
        self.book.flush()
        if self.facts:
            self.conn.execute(insert(consents), self.facts)
        for identity, out in self.withdrawn.items():
            self.conn.execute(update(identities).where(identities.c.id == identity).values(opted_out=out))
        return results

    def _find_people(self) -> list[Row]:
        """Who says each of the messages."""
        keys = [(arg.inbox_id, arg.inbound.address) for arg in self.args]
        people = known(self.conn, set(keys))
        if len(people) < len(keys):
            said = {key: arg.inbound for key, arg in zip(keys, self.args, strict=True) if key not in people}
            callers = [Caller(*key, first.proven, first.profile) for key, first in said.items()]
            people |= strangers(self.conn, self.book.now, callers)
        return [people[key] for key in keys]

    def _find_known(self, senders: Sequence[Row]) -> None:
        """Idempotency comes before anything is opened or reopened."""
        mine, theirs = [], []
        for arg, person in zip(self.args, senders, strict=True):
            said = arg.inbound
            if said.client_id:
                mine.append((person["id"], said.client_id))
            if said.external_id:
                theirs.append((arg.inbox_id, said.external_id))
        if mine:
            for row in _BY_CLIENT_ID.rows(self.conn, mine):
                self.known[row["author_id"], row["client_id"]] = row
        if theirs:
            for row in _BY_EXTERNAL_ID.rows(self.conn, theirs):
                self.known[row["inbox_id"], row["external_id"]] = row

    def _find_conversations(self, senders: Sequence[Row]) -> None:
        people = {person["id"]: person for person in senders}
        for row in _UNRESOLVED.rows(self.conn, list(people)):
            person = people[row["identity_id"]]
            for name in _OF_PERSON:
                row[name] = person[name]
            self.book.keep(row)
            self.current[row["identity_id"], row["thread"]] = row["id"]

    def _brief_turns(self) -> None:
        """Give each promised turn what the bot must know, so that nothing is read again."""
        if not self.turns:
            return
        told = [(promised, self.book.kept(promised.conversation), message) for promised, message in self.turns]
        facts = attributes_of(self.conn, {row["contact_id"] for _, row, _ in told})
        for promised, row, message in told:
            promised.context = turn_context(promised.id, row, message, facts.get(row["contact_id"], {}))

    def _one(self, arg: Receive, person: Row) -> Received:
        said = arg.inbound
        key = (person["id"], said.client_id) if said.client_id else (arg.inbox_id, said.external_id)
        if before := self.known.get(key):
            return self._again(before, said)
        row = self._conversation(arg, person)
        data, text, refused = self._content(arg, row)
        uploads = files.free(self.conn, said.attachments, person["id"])
        if refused or uploads is None:
            return Received(refused="bad_request", field=refused or "attachments")
        self.heard[person["id"]] = person
        if row is None:
            row = self._open(arg, person)
        entry = self.book.entry(row)
        self._wake(arg, entry)
        message = self.known[key] = self._store(arg, entry, person, text, data)
        if uploads:
            files.take(self.conn, uploads, row["id"], message["seq"])
            entry.files.setdefault(message["seq"], []).extend(uploads)
        self._after(arg, entry, person, message)
        change = self.book.close(entry)
        return Received(row["id"], message["seq"], iso(message["created_at"]), change=change)

    def _conversation(self, arg: Receive, person: Row) -> Row | None:
        """The conversation this belongs to, or None for a new one."""
        thread = arg.inbound.thread
        current = self.current.get((person["id"], thread))
        if current is None and "stranger" not in person:
            found = self.conn.execute(_LATEST, {"identity": person["id"], "thread": thread})
            if (current := found.scalar_one_or_none()) is not None:
                self.book.load([current])
                self.current[person["id"], thread] = current
        row = self.book.row(current) if current else None
        if row is None or row["status"] != "resolved":
            return row
        fresh = self.book.now - (row["resolved_at"] or 0) < arg.reopen_hours * HOUR
        return row if fresh or arg.inbound.consent else None

    def _open(self, arg: Receive, person: Row) -> Row:
        status = "resolved" if arg.inbound.consent else "pending" if arg.has_bot else "open"
        row = self.book.open(person, arg.inbox_id, arg.inbound.thread, status)
        self.current[person["id"], arg.inbound.thread] = row["id"]
        return row

    def _content(self, arg: Receive, row: Row | None) -> tuple[Row, str, str | None]:
        """The stored data and text of a message, or the field that makes no sense."""
        said = arg.inbound
        data: Row = {}
        text = said.text
        if said.page:
            data["page"] = said.page.model_dump()
        if said.unsupported:
            data["unsupported"] = said.unsupported
        chosen = None
        if said.choice:
            chosen = self._offered(row, said.choice.message_seq, said.choice.index)
            if chosen is None:
                return data, text, "choice"
            data["choice"] = said.choice.model_dump(exclude_none=True)
        elif arg.resolves_menus and row and row["menu"] and (index := _picked(row["menu"], text)) is not None:
            chosen = row["menu"]["buttons"][index]
            data["choice"] = {"message_seq": row["menu"]["seq"], "index": index}
        if chosen:
            data["payload"] = chosen.get("payload") or ""
            text = text or chosen["title"]
        if not (text.strip() or chosen or said.attachments or said.media or said.unsupported):
            return data, text, "text"
        return data, text, None

    def _offered(self, row: Row | None, seq: int, index: int) -> Row | None:
        if row is None or seq > row["last_seq"]:
            return None
        found = self.conn.execute(_MENU, {"conversation": row["id"], "seq": seq}).scalar_one_or_none()
        buttons = (found or {}).get("buttons", [])
        return buttons[index] if index < len(buttons) else None

    def _wake(self, arg: Receive, entry: Entry) -> None:
        """Reopen or unsnooze; opt-out words never do."""
        row = entry.row
        if arg.inbound.consent:
            return
        if row["status"] == "snoozed":
            row.update(status="open", snoozed_until=None)
        elif row["status"] == "resolved":
            to_bot = arg.has_bot and row["last_agent_id"] is None
            row.update(
                status="pending" if to_bot else "open", resolved_at=None, assignee_id=None, assignee_name=None,
                version=row["version"] + 1, fallbacks=0, failures=0,
            )  # fmt: skip
            self.book.activity(entry, "reopened", reason="customer_wrote")
        elif row["status"] == "pending" and not arg.has_bot:
            row.update(status="open", version=row["version"] + 1)

    def _store(self, arg: Receive, entry: Entry, person: Row, text: str, data: Row) -> Row:
        said = arg.inbound
        keys = {"client_id": said.client_id}
        if said.external_id:
            keys.update(inbox_id=arg.inbox_id, external_id=said.external_id)
        who = {"id": person["id"], "name": person["contact_name"]}
        message = self.book.append(entry, "text", "contact", text, author=who, data=data, **keys)  # type: ignore[arg-type]  # a dict is an Author
        for ref in said.media:
            promised = self._promise_file(entry, message["seq"], ref.model_dump(), person["id"])
            entry.files.setdefault(message["seq"], []).append(promised)
        return message

    def _promise_file(self, entry: Entry, seq: int, ref: Mapping[str, Any], owner: str) -> Any:
        file = files.expected(self.book.now, ref, owner, entry.row["id"], seq)
        self.conn.execute(insert(attachments), file)
        self.book.promise(entry, "fetch", seq, {"attachment": file["id"], "inbox": entry.row["inbox_id"]})
        return files.view(file)

    def _after(self, arg: Receive, entry: Entry, person: Row, message: Row) -> None:
        row, said = entry.row, arg.inbound
        row["unread"] += 1
        row["menu"] = None
        if said.profile.language and not row["language"]:
            row["language"] = said.profile.language
        if said.consent:
            self._consent(said.consent, entry, person, message)
        elif row["status"] == "pending":
            promised = self.book.promise(entry, "turn", message["seq"], {"version": row["version"]})
            self.turns.append((promised, message))
        elif row["status"] == "open" and row["waiting_since"] is None:
            row["waiting_since"] = self.book.now

    def _again(self, known: Row, said: Inbound) -> Received:
        """The same key again is the same message; with another body it is an error, never silent reuse."""
        where, seq = known["conversation_id"], known["seq"]
        if said.client_id:
            data = known["data"] or {}
            choice = said.choice.model_dump(exclude_none=True) if said.choice else None
            same = data.get("choice") == choice and (choice is not None or known["text"] == said.text)
            kept = files.of_messages(self.conn, where, [seq]).get(seq, ())
            if not same or {file["id"] for file in kept} != set(said.attachments):
                return Received(refused="key_reused", field="client_id")
        return Received(where, seq, iso(known["created_at"]), duplicate=True)

    def _consent(self, what: str, entry: Entry, person: Row, message: Row) -> None:
        if what == "help":
            return
        out = what == "opt_out"
        self.withdrawn[person["id"]] = out
        person["opted_out"] = entry.row["opted_out"] = out
        evidence = {"text": message["text"], "conversation": entry.row["id"], "seq": message["seq"]}
        self.facts.append(
            {"id": new_id(), "identity_id": person["id"], "purpose": "messages", "granted": not out,
             "evidence": evidence, "at": self.book.now}
        )  # fmt: skip
        self.book.activity(entry, "opted_out" if out else "opted_in", reason="customer_wrote")


def _picked(menu: Mapping[str, Any], text: str) -> int | None:
    """Which button of a numbered menu a text reply names, by number or label."""
    word = text.strip().rstrip(".)").casefold()
    labels: Iterable[str] = (button["title"].casefold() for button in menu["buttons"])
    for index, label in enumerate(labels):
        if word in (str(index + 1), label):
            return index
    return None
