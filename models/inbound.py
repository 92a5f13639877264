"""Wire types between the hub and a channel: what came in, and what is to go out."""

from typing import Literal

from pydantic import Field

from models.wire import Choice, Delivery, Json, Page, Wire


class Media(Wire):
    """A file at a provider, to be fetched after we have answered."""

    url: str
    media_type: str = "application/octet-stream"
    name: str = ""


class Profile(Wire):
    """What a provider or visitor says about a person: claims, unless the message's ``proven`` covers them."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    language: str | None = None


class Inbound(Wire):
    """A message for the hub. Exactly one of ``external_id`` (providers) and ``client_id`` (browsers) is set.

    ``proven``: the signature or token shows that the sender holds ``address``. ``thread`` is empty unless the channel
    has threads. ``consent`` marks opt-out words; such a message never reopens a conversation and no bot answers it.
    ``unsupported`` names something we cannot show yet (``sticker``, ``location`` …); the message is kept all the same.
    """

    type: Literal["message"] = "message"
    address: str
    proven: bool = False
    thread: str = ""
    external_id: str | None = None
    client_id: str | None = None
    text: str = ""
    choice: Choice | None = None
    attachments: list[str] = Field(default_factory=list)
    media: list[Media] = Field(default_factory=list)
    unsupported: str | None = None
    consent: Literal["opt_out", "opt_in", "help"] | None = None
    profile: Profile = Field(default_factory=Profile)
    page: Page | None = None
    raw: Json | None = None


class StatusUpdate(Wire):
    """A provider's news about a message we sent. Ranks only rise: queued < sent < delivered < read; failed ends it."""

    type: Literal["status"] = "status"
    external_id: str
    state: Delivery
    code: str = ""


Event = Inbound | StatusUpdate


class OutboundFile(Wire):
    """A file for a provider to fetch: a signed, short-lived public URL."""

    url: str
    name: str
    media_type: str


class Outbound(Wire):
    """A message for a customer, for ``Channel.render``. ``id`` is the promise's id: put it where it comes back."""

    id: str
    conversation: str
    seq: int
    address: str
    thread: str = ""
    text: str = ""
    buttons: list[str] = []
    files: list[OutboundFile] = []
    callback_url: str = ""
    """Public URL for the provider's status callbacks of this inbox."""
