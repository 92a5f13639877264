"""Channels: the protocol a channel fulfils, its :class:`Caps`, :func:`load`. One file a channel, named as its kind.

A channel translates, verifies and sends; it knows nothing of the hub or the database. A channel module offers
``create() -> Channel``.
"""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import httpx
from pydantic import BaseModel

from models.inbound import Event, Outbound


@dataclass(frozen=True, slots=True)
class Caps:
    """Traits the hub or a screen needs. Data, so that nobody has to ask which channel it is."""

    label: str
    """Name people read, e.g. ``Text message``."""
    icon: str
    """SVG path data on a 24 x 24 grid."""
    delivery: Literal["socket", "call"]
    """How a message reaches the customer: over our own socket, or by calling a provider."""
    text_max: int = 8_000
    text_unit: Literal["char", "sms"] = "char"
    buttons: bool = False
    """False: ``render`` turns buttons into numbered text, and the hub resolves a reply of ``1`` or the label."""
    media_out: int = 0
    """Files a single message can carry."""
    receipts: Literal["none", "delivered", "read"] = "none"
    opt_out: bool = False
    typing: bool = False
    origins: bool = False
    """Browsers connect to it, so it keeps a list of allowed web origins."""
    phone: "Phone | None" = None
    """Plays the provider and a customer's phone, so that the channel can be tried without an account."""


@dataclass(frozen=True, slots=True)
class Request:
    """A provider's HTTP request, raw. ``url`` is the configured public URL plus the path and raw query that came in."""

    method: str
    url: str
    path: str
    query: str
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer a provider."""

    status: int = 200
    body: bytes = b""
    media_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a provider, ready to send; ``payload`` is the channel's own (and golden-testable)."""

    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """A provider took the call; ``external_id`` is its name for the message."""

    external_id: str
    state: Literal["sent", "delivered"] = "sent"


SendErrorKind = Literal[
    "rate_limited", "transient", "ambiguous", "window_closed", "opted_out", "invalid", "auth_broken"
]


class SendError(Exception):
    """A call failed. Only ``rate_limited`` and ``transient`` are tried again; ``ambiguous`` may have arrived."""

    def __init__(self, kind: SendErrorKind, code: str = "", retry_after: float | None = None) -> None:
        super().__init__(f"{kind} {code}".strip())
        self.kind = kind
        self.code = code
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class MediaSource:
    """How to fetch a provider's file: credentials go to ``hosts`` only, and are dropped on a redirect elsewhere."""

    url: str
    hosts: tuple[str, ...] = ()
    auth: tuple[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that reached a make-believe phone. ``callback`` is where its sender wants to hear what became of it."""

    external_id: str
    address: str
    text: str
    files: Sequence[str] = ()
    callback: str = ""


class Phone(Protocol):
    """The other end of a channel, make-believe: a customer's phone and the provider between. Signs as the real one."""

    def settings(self, base: str) -> Mapping[str, Any]:
        """Make up an account whose provider is played at the address *base*."""

    def plays(self, config: Any, base: str) -> bool:
        """Say whether these settings are of such an account at *base*."""

    def incoming(self, sender: str, text: str, url: str, config: Any) -> Request:
        """Return what the provider would post to *url* if *sender* wrote *text*."""

    def provider(self, request: Request, config: Any) -> tuple[Reply, Heard | None]:
        """Answer a call as the provider would; total. Heard is None if the call was refused."""

    def receipt(self, heard: Heard, state: Literal["sent", "delivered"], config: Any) -> Request:
        """Return what the provider would post to ``heard.callback``."""


class Channel(Protocol):
    """One kind of inbox."""

    kind: str
    caps: Caps
    Config: type[BaseModel]
    """The inbox's settings. Fields of type ``SecretStr`` or ``list[SecretStr]`` are kept encrypted."""

    def challenge(self, request: Request, config: Any) -> Reply | None:
        """Answer a provider's set-up question, if this is one."""

    def verify(self, request: Request, config: Any, now: float) -> bool:
        """Say whether the provider really sent this. Pure and total: hostile input is False, never an exception."""

    def parse(self, request: Request, config: Any) -> Sequence[Event]:
        """Translate a verified request. Pure and total: what we do not know becomes ``unsupported``."""

    def ack(self, request: Request, events: Sequence[Event]) -> Reply:
        """What to answer once everything is stored."""

    def render(self, message: Outbound, config: Any) -> Sequence[Call]:
        """Turn a message into calls the channel can carry, in order. Pure."""

    async def send(self, call: Call, config: Any, http: httpx.AsyncClient) -> Sent:
        """Make one call, or raise :class:`SendError`."""

    def media(self, url: str, config: Any) -> MediaSource:
        """Say how a file that ``parse`` named is fetched."""


def kinds() -> list[str]:
    """Names of the channels that exist: the files and folders beside this one."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def load(kind: str) -> Channel:
    """Return the channel called *kind*, or raise ``ValueError`` naming the known ones."""
    if kind not in kinds():
        raise ValueError(f"unknown channel {kind!r}; known: {', '.join(kinds())}")
    channel: Channel = importlib.import_module(f"channels.{kind}").create()
    return channel
