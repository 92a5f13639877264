"""Wire types of the HTTP API: what the inbox app (and a program) sends and gets. See ``models.wire`` for the rules."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from models.text import clean
from models.wire import (
    Activity,
    AgentMessage,
    Attachment,
    Author,
    Availability,
    Brief,
    ClientId,
    Json,
    Line,
    Role,
    Status,
    Summary,
    Trace,
    Wire,
)

Password = Annotated[str, Field(min_length=10, max_length=200)]
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
Version = Annotated[int, Field(ge=0)]

# --- requests ----------------------------------------------------------------------------------------------------


class SignIn(Wire):
    """``POST /api/session``."""

    email: Line
    password: Annotated[str, Field(max_length=200)]


class SetPassword(Wire):
    """``POST /api/setup``: the one-time link's token, and who the person is (name and e-mail on first set-up only)."""

    token: Annotated[str, Field(max_length=200)]
    password: Password
    name: Line = ""
    email: Email | None = None


class WriteMessage(Wire):
    """``POST /api/conversations/{id}/messages``: a reply to the customer, or a note for colleagues.

    ``version`` is the fencing number the writer saw: a reply by an agent who lost the chat is refused as ``stale``.
    """

    client_id: ClientId
    kind: Literal["text", "note"] = "text"
    text: Annotated[str, Field(max_length=8_000), AfterValidator(clean)] = ""
    attachments: Annotated[list[Line], Field(max_length=10)] = []
    version: Version


class Claim(Wire):
    """``POST …/claim``: take the chat over, from the queue, the bot or a colleague."""

    version: Version


class Assign(Wire):
    """``POST …/assign``: give it to a colleague, or (``agent`` null) back to the queue."""

    version: Version
    agent: Line | None = None


class HandBack(Wire):
    """``POST …/hand-back``: let the bot go on, with slots the agent learned."""

    version: Version
    slots: Json = {}


class Resolve(Wire):
    """``POST …/resolve``."""

    version: Version


class Reopen(Wire):
    """``POST …/reopen``: to the agent who asks for it."""

    version: Version


class Snooze(Wire):
    """``POST …/snooze``: until a time (RFC 3339) or, null, until the customer writes."""

    version: Version
    until: Line | None = None


class MarkRead(Wire):
    """``POST …/read``."""

    seq: Annotated[int, Field(ge=0)]


class EditContact(Wire):
    """``PATCH /api/contacts/{id}``: what the agent learned; null removes."""

    name: Line | None = None
    attributes: dict[Line, Line | None] = {}


class LinkIdentity(Wire):
    """``POST /api/contacts/{id}/link``: this identity is the same person (with the agent's name; can be undone)."""

    identity: Line
    reason: Line = ""


class Simulate(Wire):
    """``POST /api/simulator/{inbox}``: a text from a make-believe phone (development switch, administrators)."""

    sender: Annotated[str, Field(pattern=r"^\+[1-9][0-9]{5,14}$")]
    text: Annotated[str, Field(max_length=1_600), AfterValidator(clean)]


# --- responses ---------------------------------------------------------------------------------------------------


class Me(TypedDict):
    """``GET /api/session``. ``csrf`` goes into ``X-CSRF-Token`` on every unsafe request, ``socket`` into CONNECT."""

    id: str
    name: str
    email: str
    role: Role
    csrf: str
    socket: str
    dev: bool


class Agent(TypedDict):
    """A row of ``GET /api/agents``."""

    id: str
    name: str
    role: Role
    availability: Availability
    capacity: int
    load: int


class Inbox(TypedDict):
    """A row of ``GET /api/inboxes``: with the channel's traits, so that no screen asks which channel it is."""

    id: str
    name: str
    channel: str
    icon: str
    text_max: int
    media_out: int
    receipts: Literal["none", "delivered", "read"]
    opt_out: bool
    simulated: bool


class Counts(TypedDict):
    """Open conversations per view."""

    mine: int
    queue: int
    bot: int
    all: int


class ConversationPage(TypedDict):
    """``GET /api/conversations?view=&cursor=&q=``: newest activity first (queue: longest waiting first)."""

    items: list[Summary]
    cursor: str | None
    counts: Counts


class Identity(TypedDict):
    """One address of a contact."""

    id: str
    inbox: str
    address: str
    proven: bool
    opted_out: bool
    linked_by: str | None
    linked_at: str | None
    created_at: str


class Attribute(TypedDict):
    """A custom attribute with provenance."""

    name: str
    value: str
    source: Literal["visitor", "agent", "bot", "provider", "site"]
    by: str | None
    at: str


class Suggestion(TypedDict):
    """Another contact that may be the same person, and why we think so. Never linked without an agent."""

    contact: str
    identity: str
    name: str
    reason: str


class Contact(TypedDict):
    """``GET /api/contacts/{id}``: the customer record without its timeline."""

    id: str
    name: str
    email: str | None
    phone: str | None
    language: str | None
    created_at: str
    identities: list[Identity]
    attributes: list[Attribute]
    suggestions: list[Suggestion]


class TimelineItem(TypedDict):
    """One entry of a contact's timeline: a message of any conversation on any channel, newest first."""

    conversation: str
    inbox: str
    seq: int
    at: str
    sender: str
    kind: str
    author: Author | None
    text: str
    trace: Trace | None
    page: Json | None
    activity: Activity | None
    attachments: list[Attachment]


class Timeline(TypedDict):
    """``GET /api/contacts/{id}/timeline?cursor=``."""

    items: list[TimelineItem]
    cursor: str | None


class ConversationDetail(TypedDict):
    """``GET /api/conversations/{id}``: everything to open a thread with; ``older`` tells whether to page back."""

    conversation: Summary
    messages: list[AgentMessage]
    older: bool
    brief: Brief | None
    contact: Contact
    viewing: list[Author]


class MessagePage(TypedDict):
    """``GET /api/conversations/{id}/messages?before=seq``."""

    messages: list[AgentMessage]
    older: bool


class Written(TypedDict):
    """Answer to a write on a conversation: the new fencing number, and the seq of a message if one was written."""

    conversation: str
    seq: int | None
    version: int
    rev: int
    status: Status
    duplicate: bool


class Uploaded(TypedDict):
    """``POST /uploads`` (multipart field ``file``, or a raw body with ``X-File-Name``)."""

    id: str
    name: str
    media_type: str
    size: int


class Problem(TypedDict, total=False):
    """RFC 9457 problem of every refused HTTP request; ``code`` as on the socket."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str
    retry_after: float
