"""A bot's turn: what the bot must know, and what becomes of its answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Integer, and_, bindparam, delete, insert, select

from models import files, views
from models.book import UNLOCKED, Book, Change, Entry, Row
from models.db import Batched
from models.statements import Query, adding
from models.tables import ID, attributes, conversations, messages, outbox, traces
from models.text import clean
from models.turns import Answer, Turn
from models.wire import Author, Brief, Json

FALLBACKS = 2
"""Misunderstandings in a row that bring a person."""
LANGUAGE = "language"
"""Slot in which an assistant keeps the language it answers in."""
FAILURES = 3
"""Failed turns in a row that bring a person (INV-13)."""

_BY_ID = UNLOCKED.where(conversations.c.id == bindparam("conversation"))
_ATTRIBUTES = Query(
    lambda given: select(attributes.c.contact_id, attributes.c.name, attributes.c.value).where(
        attributes.c.contact_id.in_(select(given.c.id))
    ),
    {"id": ID},
)
_MESSAGE = select(messages).where(
    messages.c.conversation_id == bindparam("conversation"), messages.c.seq == bindparam("seq")
)
_MESSAGES = Query(
    lambda given: select(messages).join(
        given, and_(messages.c.conversation_id == given.c.conversation_id, messages.c.seq == given.c.seq)
    ),
    {"conversation_id": ID, "seq": Integer()},
)
_KEEP = Query(
    lambda given: delete(outbox).where(outbox.c.id.in_(select(given.c.id))).returning(outbox.c.id), {"id": ID}
)
_ADD_TRACES = adding(traces)


@dataclass(frozen=True, slots=True)
class Context:
    """A turn to take: whose inbox, the fencing number it was read under, and the Turn itself."""

    inbox: str
    identity: str
    version: int
    mine: bool
    """False: the bot no longer owns the conversation, so nobody needs an answer."""
    turn: Turn
    row: Row
    """The conversation as it was then; hand it back with the answer."""


def context(conn: Connection, promise_id: str, conversation: str, seq: int) -> Context | None:
    """Everything a bot may know about a turn, read again (the usual case has it from the commit)."""
    key = {"conversation": conversation, "seq": seq}
    row = conn.execute(_BY_ID, key).mappings().one_or_none()
    message = conn.execute(_MESSAGE, key).mappings().one_or_none()
    if row is None or message is None:
        return None
    known = attributes_of(conn, {row["contact_id"]})
    return turn_context(promise_id, dict(row), message, known.get(row["contact_id"], {}))


def turn_context(promise_id: str, row: Row, message: views.Row, known: Json) -> Context:
    """Put a Turn together from a conversation's row, the customer's message and the contact's attributes."""
    data = message["data"] or {}
    typed = message["text"]
    turn = Turn(
        id=promise_id,
        conversation=row["id"],
        text=typed.lstrip("/ \t\n") if typed.lstrip().startswith("/") else typed,
        payload=data.get("payload") or None,
        language=row["language"],
        attributes={"name": row["contact_name"], **known},
        slots=row["slots"] or {},
        tracker=row["tracker"],
        idle_seconds=max(0, message["created_at"] - row["answered_at"]) / 1000 if row["answered_at"] else 0.0,
    )
    return Context(row["inbox_id"], row["identity_id"], row["version"], row["status"] == "pending", turn, row)


def attributes_of(conn: Connection, contact_ids: Iterable[str]) -> dict[str, Json]:
    """What is known about some contacts."""
    known: dict[str, Json] = {}
    for row in _ATTRIBUTES.rows(conn, list(contact_ids)):
        known.setdefault(row["contact_id"], {})[row["name"]] = row["value"]
    return known


@dataclass(frozen=True, slots=True)
class BotAnswer:
    """An answer to store. ``failed`` marks the hub's own words after a failed turn. ``deliver``: promise each part.

    ``seen`` is the conversation's row as the turn's :class:`Context` had it: it is not read again if it still holds.
    """

    promise: str
    conversation: str
    seq: int
    version: int
    answer: Answer
    model: str
    bot: Author
    deliver: bool
    owner: str
    failed: bool = False
    seen: Row | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of an answer; ``dropped``: a person took over, or this turn was answered before."""

    dropped: bool
    change: Change | None = None


def _answer(conn: Connection, args: Sequence[BotAnswer]) -> list[Answered]:
    book = Book(conn, args[0].owner)
    book.resume({arg.conversation: arg.seen for arg in args})
    alive = {row["id"] for row in _KEEP.rows(conn, [arg.promise for arg in args])}
    readings = _Readings(book, args)
    results = [_one(book, arg, alive, readings) for arg in args]
    book.flush()
    readings.flush()
    return results


answer = Batched(_answer)


def _one(book: Book, arg: BotAnswer, alive: set[str], readings: "_Readings") -> Answered:
    row = book.row(arg.conversation)
    if row is None or arg.promise not in alive:
        return Answered(dropped=True)
    alive.discard(arg.promise)
    entry = book.entry(row)
    readings.note(entry, arg)
    if row["version"] != arg.version or row["status"] != "pending":
        return Answered(dropped=True, change=book.close(entry) if entry.read else None)
    _say(book, entry, arg)
    _count(row, arg)
    if arg.answer.tracker is not None:
        row["tracker"] = arg.answer.tracker
    row.update(slots=None, answered_at=book.now)
    _learn(book, row, arg)
    if why := _why_hand_over(row, arg.answer):
        to_people(book, entry, why, brief(book, entry, arg.seq, arg.answer, why))
    book.touch(row)
    return Answered(dropped=False, change=book.close(entry))


class _Readings:
    """How the bot read the messages of a run: stored, and told to agents with the messages they belong to."""

    def __init__(self, book: Book, args: Sequence[BotAnswer]) -> None:
        self._book = book
        keys = [(arg.conversation, arg.seq) for arg in args if arg.answer.reading]
        self._files = files.of_many(book.conn, keys)
        found = _MESSAGES.rows(book.conn, keys) if keys else ()
        self._messages = {(row["conversation_id"], row["seq"]): row for row in found}
        self._traces: list[Row] = []

    def note(self, entry: Entry, arg: BotAnswer) -> None:
        """Take one answer's reading, if it has one."""
        reading = arg.answer.reading
        message = self._messages.get((arg.conversation, arg.seq))
        if reading is None or message is None:
            return
        trace: Row = {
            "conversation_id": arg.conversation, "seq": arg.seq, "model": arg.model[:100],
            "intent": reading.intent[:200], "confidence": reading.confidence, "fallback": arg.answer.fallback,
            "ranking": list(reading.ranking)[:10], "entities": list(reading.entities),
            "rev": self._book.touch(entry.row), "at": self._book.now,
        }  # fmt: skip
        self._traces.append(trace)
        attached = self._files.get((arg.conversation, arg.seq), ())
        entry.read.append(views.agent_message(message, attached, trace))

    def flush(self) -> None:
        """Write the readings."""
        _ADD_TRACES.run(self._book.conn, self._traces)


def _say(book: Book, entry: Entry, arg: BotAnswer) -> None:
    for part, said in enumerate(arg.answer.messages):
        data: Row = {}
        if said.buttons:
            data["buttons"] = [button.model_dump(exclude_none=True) for button in said.buttons]
        if said.image:
            data["image"] = said.image
        if said.custom:
            data["custom"] = said.custom
        message = book.append(
            entry, "text", "bot", clean(said.text or said.image or ""), author=arg.bot, data=data,
            state="queued" if arg.deliver else "stored", in_reply_to=arg.seq, part=part,
        )  # fmt: skip
        if said.buttons:
            entry.row["menu"] = {"seq": message["seq"], "buttons": data["buttons"]}
        if arg.deliver:
            book.promise(entry, "deliver", message["seq"])


def _count(row: Row, arg: BotAnswer) -> None:
    row["failures"] = row["failures"] + 1 if arg.failed else 0
    if not arg.failed:
        row["fallbacks"] = row["fallbacks"] + 1 if arg.answer.fallback else 0


def _learn(book: Book, row: Row, arg: BotAnswer) -> None:
    """Slots become attributes of the contact, with the bot as their source; the language is the conversation's own."""
    for name, value in arg.answer.slots.items():
        if name == LANGUAGE:
            row["language"] = str(value)[:35] if value else row["language"]
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            learn(book.conn, row["contact_id"], name, str(value), "bot", arg.bot["name"], book.now)


def learn(conn: Connection, contact: str, name: str, value: str | None, source: str, by: str | None, at: int) -> None:
    """Set or (None) remove an attribute, with provenance."""
    mine = (attributes.c.contact_id == contact) & (attributes.c.name == name)
    conn.execute(delete(attributes).where(mine))
    if value is not None:
        row = {"contact_id": contact, "name": name, "value": clean(value), "source": source, "by": by, "at": at}
        conn.execute(insert(attributes), row)


def _why_hand_over(row: Row, answer: Answer) -> str | None:
    if answer.hand_over:
        return answer.hand_over.reason
    if row["failures"] >= FAILURES:
        return "bot_failed"
    return "not_understood" if row["fallbacks"] >= FALLBACKS else None


def to_people(book: Book, entry: Entry, reason: str, told: Brief) -> None:
    """Change the owner from the bot to the queue, with a brief so that the customer repeats nothing."""
    row = entry.row
    row.update(
        status="open", version=row["version"] + 1, assignee_id=None, assignee_name=None, waiting_since=book.now,
        fallbacks=0, failures=0, brief=told,
    )  # fmt: skip
    book.activity(entry, "handed_over", by=None, reason=reason, brief=told)


def abandon(conn: Connection, arg: tuple[str, int]) -> Change | None:
    """Give the customer of a turn (conversation, seq) that was given up a person; None if they have one (INV-13)."""
    conversation, seq = arg
    book = Book(conn)
    book.load([conversation])
    row = book.row(conversation)
    if row is None or row["status"] != "pending":
        return None
    entry = book.entry(row)
    to_people(book, entry, "bot_failed", brief(book, entry, seq, Answer(), "bot_failed"))
    change = book.close(entry)
    book.flush()
    return change


def brief(book: Book, entry: Entry, seq: int, answer: Answer, reason: str) -> Brief:
    """Intents so far, what the bot learned, and what it had asked."""
    conversation = entry.row["id"]
    query = select(traces.c.intent, traces.c.fallback).where(traces.c.conversation_id == conversation)
    seen = [row.intent for row in book.conn.execute(query.order_by(traces.c.seq)) if not row.fallback]
    reading = answer.reading
    if reading and not answer.fallback:
        seen.append(reading.intent)
    first = select(messages.c.text).where(messages.c.conversation_id == conversation, messages.c.seq == seq)
    slots = {name: value for name, value in answer.slots.items() if value is not None and name != LANGUAGE}
    return {
        "reason": reason,
        "asked": (book.conn.execute(first).scalar_one_or_none() or "")[:300],
        "intents": list(dict.fromkeys(seen)),
        "slots": slots,
        "confidence": reading.confidence if reading else None,
        "waiting_for": answer.waiting_for,
    }


def readings_of(conn: Connection, conversation: str, seqs: Sequence[int]) -> dict[int, views.Row]:
    """How the bot read some messages: rows of ``traces`` by seq."""
    if not seqs:
        return {}
    mine = (traces.c.conversation_id == conversation) & traces.c.seq.in_(seqs)
    return {row["seq"]: row for row in conn.execute(select(traces).where(mine)).mappings()}
