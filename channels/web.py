"""The website chat: visitors come in over the hub's own socket, so nothing is called and no webhook is accepted."""

import re
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

import httpx
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from channels import Call, Caps, MediaSource, Reply, Request, SendError, Sent
from models.inbound import Event, Outbound
from models.text import clean

_ORIGIN = re.compile(r"https?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::[1-9][0-9]{0,4})?")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _origin(value: str) -> str:
    origin = value.strip().lower().removesuffix("/")
    if not _ORIGIN.fullmatch(origin):
        raise ValueError("an origin is a scheme and a host, such as https://shop.example")
    if origin.startswith("http://") and urlsplit(origin).hostname not in _LOOPBACK:
        raise ValueError("http is allowed for this computer only; use https")
    return origin


def _strong(value: SecretStr | None) -> SecretStr | None:
    if value is not None and len(value.get_secret_value().encode()) < 32:
        raise ValueError("at least 32 bytes, for example from `openssl rand -hex 32`")
    return value


_Line = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(clean)]


class WebConfig(BaseModel):
    """Settings of a website inbox. ``origins`` are the web origins whose pages may open the chat."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    origins: list[Annotated[str, AfterValidator(_origin)]] = []
    color: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")] | None = None
    bot_name: _Line | None = None
    greeting: Annotated[str, Field(max_length=500), AfterValidator(clean)] = ""
    starters: Annotated[list[_Line], Field(max_length=6)] = []
    """Questions offered as buttons before the first message."""
    uploads: bool = True
    identity_secret: Annotated[SecretStr | None, AfterValidator(_strong)] = None
    """Key of the site's identity tokens (JWT, HS256)."""


class Web:
    """Fulfils :class:`channels.Channel`."""

    kind = "web"
    caps = Caps(
        label="Website chat",
        icon="M4 4h16a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H9l-5 4v-4a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z",
        delivery="socket",
        buttons=True,
        media_out=10,
        receipts="read",
        typing=True,
        origins=True,
    )
    Config: type[BaseModel] = WebConfig

    def challenge(self, request: Request, config: Any) -> Reply | None:  # noqa: ARG002 - the protocol's signature
        """No provider, no question."""
        return None

    def verify(self, request: Request, config: Any, now: float) -> bool:  # noqa: ARG002 - the protocol's signature
        """Nobody may post a website chat's messages by webhook."""
        return False

    def parse(self, request: Request, config: Any) -> Sequence[Event]:  # noqa: ARG002 - the protocol's signature
        """Nothing can be verified, so nothing is read."""
        return ()

    def ack(self, request: Request, events: Sequence[Event]) -> Reply:  # noqa: ARG002 - the protocol's signature
        """There is no webhook here."""
        return Reply(status=404)

    def render(self, message: Outbound, config: Any) -> Sequence[Call]:  # noqa: ARG002 - the protocol's signature
        """The socket delivers; no call is made."""
        return ()

    async def send(self, call: Call, config: Any, http: httpx.AsyncClient) -> Sent:  # noqa: ARG002 - as above
        """Refuse: ``render`` never makes a call."""
        raise SendError("invalid", "socket_only")

    def media(self, url: str, config: Any) -> MediaSource:  # noqa: ARG002 - the protocol's signature
        """A public file, fetched without credentials."""
        return MediaSource(url)


def create() -> Web:
    """Return the channel."""
    return Web()
