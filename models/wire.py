"""Every type that crosses a boundary: browser, bot, channel. The only source of the TypeScript types.

What comes in is a strict Pydantic model (unknown fields and wrong types are refused, naming the field). What goes out
is a TypedDict, because we build it ourselves and a hub that validates its own words pays for nothing.
Times are RFC 3339 UTC with milliseconds; ids are opaque strings; ``seq`` and ``rev`` count per conversation.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from models.text import MAX_TEXT, clean

PROTOCOL = 1
"""Number of the socket contract; the server speaks this one and the one before."""

Status = Literal["pending", "open", "snoozed", "resolved"]
Sender = Literal["contact", "agent", "bot", "system"]
Kind = Literal["text", "note", "activity"]
Delivery = Literal["stored", "queued", "sent", "delivered", "read", "failed", "uncertain"]
Role = Literal["agent", "supervisor", "trainer", "admin"]
Availability = Literal["online", "away", "offline"]
View = Literal["mine", "queue", "bot", "all", "resolved"]
ErrorCode = Literal[
    "bad_request", "unknown_event", "too_long", "unauthorized", "forbidden", "not_found", "conflict", "stale",
    "key_reused", "rate_limited", "origin_not_allowed", "reload_required", "unavailable", "opted_out",
]  # fmt: skip

Text = Annotated[str, AfterValidator(clean)]
Line = Annotated[str, Field(max_length=300), AfterValidator(clean)]
ClientId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]
Body = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(clean)]
Url = Annotated[str, Field(max_length=2_000), AfterValidator(clean)]
Json = dict[str, Any]


class Wire(BaseModel):
    """Base of everything we are told: frozen, strict, no unknown fields, no NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


# --- browser -> server -------------------------------------------------------------------------------------------


class Page(Wire):
    """The page a visitor is on. The hub drops the query and fragment before storing it."""

    url: Url
    title: Line = ""
    referrer: Url = ""


class VisitorAuth(Wire):
    """What a visitor's socket sends with CONNECT."""

    v: int
    key: Line
    token: Annotated[str, Field(max_length=200)] | None = None
    identity: Annotated[str, Field(max_length=4_000)] | None = None
    locale: Annotated[str, Field(max_length=35)] | None = None
    page: Page | None = None


class AgentAuth(Wire):
    """What an agent's socket sends with CONNECT; ``token`` is the sign-in's socket token from ``GET /api/session``."""

    v: int
    token: Annotated[str, Field(max_length=200)]


class Choice(Wire):
    """A button the conversation really offered: message ``message_seq``, button number ``index``."""

    message_seq: Annotated[int, Field(ge=1)]
    index: Annotated[int, Field(ge=0, le=99)]
    values: dict[Line, Line] | None = None


class Send(Wire):
    """``send``: text, a choice, or attachments; ``client_id`` makes a repeat harmless."""

    client_id: ClientId
    text: Body = ""
    choice: Choice | None = None
    attachments: Annotated[list[Line], Field(max_length=10, default_factory=list)]


class Sync(Wire):
    """``sync``: everything after seq ``after``, and what changed after ``rev``."""

    conversation: Line
    after: Annotated[int, Field(ge=0)]
    rev: Annotated[int, Field(ge=0)]


class Typing(Wire):
    """``typing``. Agents name the conversation; a visitor has only one."""

    on: bool
    conversation: Line | None = None


class Seen(Wire):
    """``seen``: the visitor has read up to ``seq``."""

    seq: Annotated[int, Field(ge=0)]


class Rate(Wire):
    """``rate``: 1 (bad) to 5 (good)."""

    score: Annotated[int, Field(ge=1, le=5)]
    comment: Annotated[str, Field(max_length=2_000), AfterValidator(clean)] = ""


class Consent(Wire):
    """``consent``: the visitor grants or withdraws one purpose."""

    purpose: Annotated[str, Field(max_length=40, pattern=r"^[a-z_]+$")]
    granted: bool


class End(Wire):
    """``end``: the visitor closes the conversation."""


class Viewing(Wire):
    """``viewing``: the agent has this conversation open, or none."""

    conversation: Line | None = None


class SetPresence(Wire):
    """``presence``: the agent's own availability."""

    availability: Availability


# --- server -> browser -------------------------------------------------------------------------------------------


class ErrorBody(TypedDict, total=False):
    """A refusal: ``field`` names what was wrong, ``retry_after`` is in seconds."""

    code: ErrorCode
    message: str
    field: str
    retry_after: float


class Refused(TypedDict):
    """The ack of a refused event."""

    ok: Literal[False]
    error: ErrorBody


class Author(TypedDict):
    """Who wrote a message, as a reader may know them."""

    id: str
    name: str


class Button(TypedDict):
    """A button under a message; its payload stays on the server."""

    title: str
    url: str | None


class Attachment(TypedDict):
    """A file of a message. ``state``: ready, pending (still being fetched) or failed."""

    id: str
    name: str
    media_type: str
    size: int
    width: int | None
    height: int | None
    url: str
    state: Literal["ready", "pending", "failed"]


class Brief(TypedDict):
    """What the agent should know at a hand-over, so that the customer repeats nothing."""

    reason: str
    asked: str
    intents: list[str]
    slots: Json
    confidence: float | None
    waiting_for: str | None


class Activity(TypedDict):
    """What happened, as data; screens word it in the reader's language."""

    what: Literal[
        "handed_over", "claimed", "assigned", "released", "handed_back", "resolved", "reopened", "snoozed",
        "opted_out", "opted_in", "linked", "unlinked", "rated",
    ]  # fmt: skip
    by: Author | None
    to: Author | None
    reason: str | None
    brief: Brief | None
    data: Json


class Message(TypedDict):
    """A message as its visitor sees it. ``prev`` is the previous seq this reader may see: a gap means ``sync``."""

    conversation: str
    seq: int
    prev: int
    rev: int
    kind: Kind
    sender: Sender
    author: Author | None
    client_id: str | None
    text: str
    buttons: list[Button]
    attachments: list[Attachment]
    chosen: list[int] | None
    activity: Activity | None
    state: Delivery
    created_at: str
    removed: bool


class IntentScore(TypedDict):
    """One row of an intent ranking; confidence 0 to 1."""

    name: str
    confidence: float


class Entity(TypedDict, total=False):
    """A found entity; offsets count code points."""

    entity: str
    value: Any
    start: int
    end: int
    role: str | None
    group: str | None
    extractor: str


class Trace(TypedDict):
    """How the bot read a customer's message."""

    intent: str
    confidence: float
    ranking: list[IntentScore]
    entities: list[Entity]
    model: str
    fallback: bool


class AgentMessage(Message):
    """A message as agents see it: notes too, with the bot's reading, the page and the delivery's error.

    ``public``: the customer sees it as well.
    """

    public: bool
    trace: Trace | None
    page: Json | None
    error: str | None


class Conversation(TypedDict):
    """The visitor's view of a conversation."""

    id: str
    status: Status
    agent: Author | None
    queue_position: int | None
    rev: int
    last_seq: int
    seen: int
    rated: int | None


class Summary(TypedDict):
    """A row of the agents' list. ``version`` is the fencing number every ownership action must name."""

    id: str
    status: Status
    inbox: str
    contact: str
    name: str
    address: str
    assignee: Author | None
    priority: int
    version: int
    rev: int
    last_seq: int
    preview: str
    last_sender: Sender
    last_at: str
    waiting_since: str | None
    snoozed_until: str | None
    unread: int
    queue_position: int | None
    language: str | None
    created_at: str
    changed_at: str
    opted_out: bool


class InboxInfo(TypedDict):
    """What a visitor's screen needs to know of its inbox."""

    name: str
    color: str | None
    bot_name: str | None
    greeting: str
    starters: list[str]
    uploads: bool


class Ready(TypedDict):
    """First event after a visitor's CONNECT."""

    token: str
    contact: str | None
    conversation: Conversation | None
    messages: list[Message]
    next: bool
    rev: int
    inbox: InboxInfo


class SendAck(TypedDict):
    """Ack of ``send``: stored, with its place."""

    ok: Literal[True]
    conversation: str
    seq: int
    created_at: str
    duplicate: bool


class SyncAck(TypedDict):
    """Ack of a visitor's ``sync``; ``next`` is true when more is waiting (call again)."""

    ok: Literal[True]
    messages: list[Message]
    changed: list[Message]
    next: bool
    rev: int
    conversation: Conversation


class AgentSyncAck(TypedDict):
    """Ack of an agent's ``sync``."""

    ok: Literal[True]
    messages: list[AgentMessage]
    changed: list[AgentMessage]
    next: bool
    rev: int
    conversation: Summary


class TypingEvent(TypedDict):
    """Somebody types (or stopped). ``sender`` bot: the bot is thinking."""

    conversation: str
    sender: Sender
    name: str | None
    on: bool


class SeenEvent(TypedDict):
    """Somebody read up to ``seq``."""

    conversation: str
    sender: Sender
    seq: int


class ViewingEvent(TypedDict):
    """Agents who have this conversation open."""

    conversation: str
    agents: list[Author]


class PresenceEvent(TypedDict):
    """An agent's availability changed."""

    agent: str
    availability: Availability


class Notification(TypedDict):
    """Something the agent should notice: a chat was assigned to them, or waits."""

    what: Literal["assigned", "waiting", "message"]
    conversation: str
    title: str
    text: str
