"""The reference channel: signed JSON webhooks in both directions. For programs of your own, and for tests.

In: ``POST`` with ``X-Frontdesk-Signature: sha256=<hex HMAC-SHA256 of the raw body>``; the body is one event or
``{"events": […]}``. A message is ``{"id", "from", "text", "thread", "name", "consent", "media": [{"url", "media_type",
"name"}]}``, of which only ``from`` is needed; a status is ``{"type": "status", "id", "state", "code"}``.
Out: the same header and ``{"id", "to", "text", …}`` posted to ``url``; the answer may name ``id`` and ``state``.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import httpx
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from channels import Call, Caps, MediaSource, Reply, Request, SendError, Sent
from models.inbound import Event, Inbound, Media, Outbound, Profile, StatusUpdate
from models.text import clean
from models.wire import Delivery

SIGNATURE = "x-frontdesk-signature"
_CONSENTS: tuple[Literal["opt_out", "opt_in", "help"], ...] = ("opt_out", "opt_in", "help")
_STATES: tuple[Delivery, ...] = ("queued", "sent", "delivered", "read", "failed")
_MAX_EVENTS = 100
_MAX_WAIT = 3_600.0
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


def _filled(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().strip():
        raise ValueError("must not be empty: an empty key accepts forged signatures")
    return value


class MemoryConfig(BaseModel):
    """Settings: the key that signs both directions, and where messages go (nowhere: they count as delivered)."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    secret: Annotated[SecretStr, AfterValidator(_filled)]
    url: Annotated[str, Field(max_length=2_000, pattern=r"^https?://[!-~]+$")] | None = None


class Memory:
    """Fulfils :class:`channels.Channel`."""

    kind = "memory"
    caps = Caps(
        label="Signed webhook",
        icon="M12 2l9 5v10l-9 5-9-5V7zm0 2.3L6.2 7.5 12 10.7l5.8-3.2z",
        delivery="call",
        buttons=True,
        media_out=10,
        receipts="delivered",
        opt_out=True,
    )
    Config: type[BaseModel] = MemoryConfig

    def challenge(self, request: Request, config: MemoryConfig) -> Reply | None:  # noqa: ARG002 - the protocol's signature
        """No set-up question."""
        return None

    def verify(self, request: Request, config: MemoryConfig, now: float) -> bool:  # noqa: ARG002 - the protocol's signature
        """Compare the body's HMAC in constant time."""
        given = request.headers.get(SIGNATURE)
        if not given or request.method != "POST":
            return False
        return hmac.compare_digest(given.encode("utf-8", "replace"), sign(request.body, config.secret).encode())

    def parse(self, request: Request, config: MemoryConfig) -> Sequence[Event]:  # noqa: ARG002 - the protocol's signature
        """Translate each event. One without an address, or a status of no known message, says nothing."""
        try:
            body = json.loads(request.body)
        except (ValueError, RecursionError):
            return ()
        items = body["events"] if isinstance(body, dict) and isinstance(body.get("events"), list) else [body]
        digest = hashlib.sha256(request.body).hexdigest()[:32]
        named = ((f"sha256:{digest}:{number}", item) for number, item in enumerate(items[:_MAX_EVENTS]))
        return [event for name, item in named if (event := _event(item, name)) is not None]

    def ack(self, request: Request, events: Sequence[Event]) -> Reply:  # noqa: ARG002 - the protocol's signature
        """Say how many events were taken."""
        return Reply(body=json.dumps({"ok": True, "events": len(events)}).encode(), media_type="application/json")

    def render(self, message: Outbound, config: MemoryConfig) -> Sequence[Call]:  # noqa: ARG002 - the protocol's signature
        """One message, one call, nothing left out."""
        payload = message.model_dump(exclude={"address"}) | {"to": message.address}
        return [Call(payload)]

    async def send(self, call: Call, config: MemoryConfig, http: httpx.AsyncClient) -> Sent:
        """Post the payload, if there is somewhere to post it. A lost answer and a 5xx are ``ambiguous``."""
        if config.url is None:
            return Sent(str(call.payload["id"]), "delivered")
        body = json.dumps(dict(call.payload), ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"content-type": "application/json", SIGNATURE: sign(body, config.secret)}
        try:
            answer = await http.post(config.url, content=body, headers=headers, timeout=_TIMEOUT)
        except _UNSENT as error:
            raise SendError("transient", type(error).__name__) from None
        except httpx.HTTPError as error:
            raise SendError("ambiguous", type(error).__name__) from None
        if not answer.is_success:
            raise _refusal(answer)
        return _sent(answer, str(call.payload["id"]))

    def media(self, url: str, config: MemoryConfig) -> MediaSource:  # noqa: ARG002 - the protocol's signature
        """A public file, fetched without credentials."""
        return MediaSource(url)


def sign(body: bytes, secret: SecretStr) -> str:
    """Return the value of the signature header for *body*."""
    return "sha256=" + hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()


def _event(item: Any, name: str) -> Event | None:
    if not isinstance(item, dict):
        return None
    kind = item.get("type", "message")
    if kind == "status":
        return _status(item)
    address = _text(item, "from")
    if not address:
        return None
    consent, text, media = item.get("consent"), _text(item, "text"), list(_media(item))
    odd = "" if kind == "message" else clean(str(kind))[:40]
    return Inbound(
        address=address,
        proven=True,
        thread=_text(item, "thread"),
        external_id=_text(item, "id") or name,
        text=text,
        media=media,
        unsupported=odd or (None if text.strip() or media else "empty"),
        consent=next((known for known in _CONSENTS if known == consent), None),
        profile=Profile(name=_text(item, "name") or None),
    )


def _status(item: dict[str, Any]) -> StatusUpdate | None:
    name = _text(item, "id")
    for state in _STATES:
        if name and item.get("state") == state:
            return StatusUpdate(external_id=name, state=state, code=_text(item, "code")[:40])
    return None


def _media(item: dict[str, Any]) -> Iterator[Media]:
    files = item.get("media")
    for file in files[:10] if isinstance(files, list) else ():
        url = _text(file, "url") if isinstance(file, dict) else ""
        if url:
            yield Media(
                url=url, media_type=_text(file, "media_type") or "application/octet-stream", name=_text(file, "name")
            )


def _text(item: dict[str, Any], key: str) -> str:
    value = item.get(key)
    return clean(value) if isinstance(value, str) else ""


def _refusal(answer: httpx.Response) -> SendError:
    code = str(answer.status_code)
    if answer.status_code == 429:
        wait = answer.headers.get("retry-after", "")
        return SendError(
            "rate_limited", code, min(float(wait), _MAX_WAIT) if wait.isascii() and wait.isdigit() else None
        )
    if answer.status_code in (401, 403):
        return SendError("auth_broken", code)
    return SendError("ambiguous" if answer.status_code >= 500 else "invalid", code)


def _sent(answer: httpx.Response, name: str) -> Sent:
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        body = None
    said = body if isinstance(body, dict) else {}
    return Sent(_text(said, "id") or name, "delivered" if said.get("state") == "delivered" else "sent")


def create() -> Memory:
    """Return the channel."""
    return Memory()
