"""Text messages (SMS and MMS) through Twilio, with its SDK.

The SDK is imported at first use, so that a hub without this channel does not pay for it. It computes signatures and
builds requests; comparing (in constant time) and sending (once, through the hub's HTTP client) are done here.
"""

import asyncio
import hmac
import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlparse, urlsplit

import httpx
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo
from pydantic import field_validator as check
from starlette.datastructures import ImmutableMultiDict

from channels import Call, Caps, MediaSource, Reply, Request, SendError, SendErrorKind, Sent
from channels._gsm import segments, split
from channels._twilio_phone import TwilioPhone
from models.inbound import Event, Inbound, Media, Outbound, Profile, StatusUpdate
from models.text import clean
from models.wire import Delivery

MAX_MEDIA = 10
"""Files of one message, both ways."""

_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_DEADLINE = 15.0
_MAX_WAIT = 3_600.0
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_E164 = re.compile(r"\+[1-9][0-9]{5,14}")

_WORDS: dict[str, Literal["opt_out", "opt_in", "help"]] = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"), "opt_out"),
    **dict.fromkeys(("START", "UNSTOP"), "opt_in"),
    **dict.fromkeys(("HELP", "INFO"), "help"),
}
"""Words the provider itself obeys when they are the whole message. ``YES`` opts in too, but only who had opted out:
as the usual answer to a bot's question it must stay text, so it counts only when ``OptOutType`` says so."""

_STATES: dict[str, Delivery] = {
    **dict.fromkeys(("accepted", "scheduled", "queued", "sending"), "queued"),
    **dict.fromkeys(("sent", "partially_delivered"), "sent"),
    "delivered": "delivered",
    "read": "read",
    **dict.fromkeys(("undelivered", "failed", "canceled"), "failed"),
}
_KEPT = ("To", "NumSegments", "MessagingServiceSid", "FromCountry", "OptOutType", "ButtonPayload", "MessageType")

_CODES: dict[int, SendErrorKind] = {
    20429: "rate_limited", 21611: "rate_limited", 20503: "transient", 21730: "transient", 21610: "opted_out",
    63016: "window_closed", 20003: "auth_broken", 21408: "invalid",
}  # fmt: skip


def _filled(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().strip():
        raise ValueError("must not be empty: an empty secret accepts forged signatures")
    return value


def _base(value: str) -> str:
    parts = urlsplit(value)
    local = parts.hostname in _LOOPBACK or str(parts.hostname).endswith(".localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise ValueError("https only (http for this computer)")
    if not parts.hostname or parts.username or parts.query or parts.fragment or parts.path.strip("/"):
        raise ValueError("a scheme, a host and perhaps a port, nothing else")
    return value.rstrip("/")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str | SecretStr) else value


_Secret = Annotated[SecretStr, AfterValidator(_filled)]


class SmsConfig(BaseModel):
    """Settings of a phone number or messaging service.

    Webhooks signed with any of ``auth_token`` (HMAC-SHA1) or of ``shared_keys`` (by name; HMAC-SHA256) are accepted, so
    both can be rotated. The kind of the configured key decides the algorithm, never the request. Messages are sent with
    the API key if there is one, else with the first ``auth_token``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    account_sid: Annotated[str, Field(pattern=r"^AC[0-9a-fA-F]{32}$")]
    shared_keys: dict[Annotated[str, Field(pattern=r"^[!-+.-<>-~]{1,200}$")], _Secret] = {}
    auth_token: Annotated[list[_Secret], BeforeValidator(_listed), Field(validate_default=True)] = []
    api_key_sid: Annotated[str | None, Field(pattern=r"^SK[0-9a-fA-F]{32}$", validate_default=True)] = None
    api_key_secret: Annotated[_Secret | None, Field(validate_default=True)] = None
    messaging_service_sid: Annotated[str | None, Field(pattern=r"^MG[0-9a-fA-F]{32}$")] = None
    sender: Annotated[str | None, Field(pattern=r"^(\+[1-9][0-9]{5,14}|[0-9]{5,6})$", validate_default=True)] = None
    api_base: Annotated[str, AfterValidator(_base)] = "https://api.twilio.com"

    @check("auth_token")
    @classmethod
    def _verifiable(cls, value: list[SecretStr], info: ValidationInfo) -> list[SecretStr]:
        if not value and not info.data.get("shared_keys", True):
            raise ValueError("auth_token or shared_keys is needed to check webhooks")
        return value

    @check("api_key_sid")
    @classmethod
    def _sendable(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and not info.data.get("auth_token", True):
            raise ValueError("without auth_token an API key is needed to send")
        return value

    @check("api_key_secret")
    @classmethod
    def _paired(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if "api_key_sid" in info.data and (value is None) != (info.data["api_key_sid"] is None):
            raise ValueError("api_key_sid and api_key_secret go together")
        return value

    @check("sender")
    @classmethod
    def _addressed(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("messaging_service_sid", "") is None:
            raise ValueError("sender (such as +15005550006) or messaging_service_sid is needed")
        return value

    def credentials(self) -> tuple[str, str]:
        """User and password of the provider's API."""
        if self.api_key_sid and self.api_key_secret:
            return self.api_key_sid, self.api_key_secret.get_secret_value()
        return self.account_sid, self.auth_token[0].get_secret_value()


class Sms:
    """Fulfils :class:`channels.Channel`."""

    kind = "sms"
    caps = Caps(
        label="Text message",
        icon="M8 2h8a2 2 0 0 1 2 2v16a2 2 0 0 1-2 2H8a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zm0 3v12h8V5zm3 14v2h2v-2z",
        delivery="call",
        text_max=1_600,
        text_unit="sms",
        media_out=MAX_MEDIA,
        receipts="delivered",
        opt_out=True,
        phone=TwilioPhone(),
    )
    Config: type[BaseModel] = SmsConfig

    def challenge(self, request: Request, config: SmsConfig) -> Reply | None:  # noqa: ARG002 - the protocol's signature
        """No set-up question."""
        return None

    def verify(self, request: Request, config: SmsConfig, now: float) -> bool:  # noqa: ARG002 - the protocol's signature
        """Check ``X-Twilio-Signature`` against the public URL and every form field, blanks included.

        There is no time in the signature: a replay is stopped by the message's id alone.
        """
        given = request.headers.get("x-twilio-signature")
        secrets, algorithm = _accepted(config, request.headers.get("x-twilio-webhooks-signature-settings"))
        if not given or not secrets:
            return False
        try:
            expected = list(_signatures(request, secrets, algorithm))
        except ValueError:
            return False
        answer = given.encode("utf-8", "replace")
        return any(hmac.compare_digest(answer, one.encode()) for one in expected)

    def parse(self, request: Request, config: SmsConfig) -> Sequence[Event]:  # noqa: ARG002 - the protocol's signature
        """Translate a message or a status callback. A form without a sender, or with a status of no use, is nothing."""
        try:
            fields = {name: clean(value) for name, value in reversed(_form(request))}
        except ValueError:
            return ()
        return _status(fields) if _is_status(fields, request.path) else _message(fields, request)

    def ack(self, request: Request, events: Sequence[Event]) -> Reply:  # noqa: ARG002 - the protocol's signature
        """An empty instruction: the provider is to answer nothing itself."""
        return Reply(body=b"<Response/>", media_type="text/xml")

    def render(self, message: Outbound, config: SmsConfig) -> Sequence[Call]:  # noqa: ARG002 - the protocol's signature
        """Cut the text to bodies the provider takes, buttons as numbered lines, files with the first body."""
        lines = [f"{number}. {label}" for number, label in enumerate(message.buttons, 1)]
        text = "\n".join([message.text, *lines] if message.text.strip() else lines).replace("\r\n", "\n")
        bodies = [part for part in split(text) if part.strip()]
        urls = [file.url for file in message.files]
        media = [urls[at : at + MAX_MEDIA] for at in range(0, len(urls), MAX_MEDIA)]
        count = max(len(bodies), len(media))
        return [
            Call(
                {
                    "to": message.address,
                    "body": bodies[at] if at < len(bodies) else "",
                    "media_url": media[at] if at < len(media) else [],
                    "status_callback": message.callback_url,
                    "segments": segments(bodies[at]) if at < len(bodies) else 0,
                }
            )
            for at in range(count)
        ]

    async def send(self, call: Call, config: SmsConfig, http: httpx.AsyncClient) -> Sent:
        """Create the message at the provider, once. The provider has no idempotency key, so what is unclear stays so.

        429 was never processed (rate_limited). No connection: never sent (transient), as with the provider's own 20503
        and 21730, which ask to come back. A timeout, a broken connection, an answer that cannot be read and any other
        5xx leave it open whether a text is on its way (ambiguous): the provider warns that repeating a 500 can text
        the customer twice. 21610: opted_out. 401 and 403: auth_broken. Every other 4xx: invalid.
        """
        await asyncio.to_thread(importlib.import_module, "twilio.rest.api")
        rest = importlib.import_module("twilio.rest")
        user, password = config.credentials()
        wire = _Http(http, config.api_base)
        client = rest.Client(user, password, config.account_sid, http_client=wire)
        try:
            async with asyncio.timeout(_DEADLINE):
                created = await client.messages.create_async(**_arguments(call.payload, config))
        except TimeoutError:
            raise SendError("ambiguous", "timeout") from None
        except (ValueError, TypeError, KeyError, AttributeError):
            if not wire.answered:
                raise
            raise SendError("ambiguous", "unreadable_answer") from None
        if not isinstance(created.sid, str) or not created.sid:
            raise SendError("ambiguous", "unreadable_answer")
        return Sent(created.sid)

    def media(self, url: str, config: SmsConfig) -> MediaSource:
        """Credentials for the provider's own hosts; any other file is fetched without."""
        own = urlsplit(config.api_base).hostname or ""
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:
            host = ""
        if host != own and not host.endswith(".twilio.com"):
            return MediaSource(url)
        return MediaSource(url, (own, "*.twilio.com"), config.credentials())


class _Http:
    """What the SDK calls instead of a client of its own: no retries, our limits, our base address."""

    is_async = True

    def __init__(self, http: httpx.AsyncClient, base: str) -> None:
        self._http = http
        self._base = base
        self.answered = False

    async def request(
        self, method: str, url: str, *, data: Any = None, headers: Any = None, auth: Any = None, **_: Any
    ) -> Any:
        """Make one request and return the SDK's response, or raise :class:`SendError`."""
        target = self._base + httpx.URL(url).raw_path.decode()
        try:
            answer = await self._http.request(
                method, target, data=data, headers=headers, auth=auth, timeout=_TIMEOUT, follow_redirects=False
            )
        except _UNSENT as error:
            raise SendError("transient", type(error).__name__) from None
        except httpx.HTTPError as error:
            raise SendError("ambiguous", type(error).__name__) from None
        self.answered = True
        if not answer.is_success:
            raise _refusal(answer)
        return importlib.import_module("twilio.http.response").Response(answer.status_code, answer.text, answer.headers)


def _arguments(payload: Mapping[str, Any], config: SmsConfig) -> dict[str, Any]:
    optional = {
        "body": payload["body"],
        "media_url": list(payload["media_url"]),
        "status_callback": payload["status_callback"],
        "from_": config.sender,
        "messaging_service_sid": config.messaging_service_sid,
    }
    return {"to": payload["to"]} | {name: value for name, value in optional.items() if value}


def _refusal(answer: httpx.Response) -> SendError:
    status = answer.status_code
    try:
        body = answer.json()
    except (ValueError, RecursionError):
        body = None
    said = body.get("code") if isinstance(body, dict) else None
    number = said if isinstance(said, int) else 0
    if status == 429:
        kind: SendErrorKind = "rate_limited"
    elif number in _CODES:
        kind = _CODES[number]
    elif status in (401, 403):
        kind = "auth_broken"
    else:
        kind = "ambiguous" if status >= 500 else "invalid"
    wait = answer.headers.get("retry-after", "")
    seconds = min(float(wait), _MAX_WAIT) if wait.isascii() and wait.isdigit() else None
    return SendError(kind, str(number or status), seconds)


def _accepted(config: SmsConfig, settings: str | None) -> tuple[list[str], str]:
    """Return the secrets and the algorithm a request with this settings header may be signed with."""
    if not settings or not settings.strip():
        secrets, algorithm = config.auth_token, "HMAC_SHA1"
    else:
        named = {
            name.strip(): value.strip() for name, _, value in (part.partition("=") for part in settings.split(","))
        }
        key = config.shared_keys.get(named.get("key", "")) if named.get("algorithm") == "HMAC_SHA256" else None
        secrets, algorithm = [key] if key else [], "HMAC_SHA256"
    return [value for secret in secrets if (value := secret.get_secret_value().strip())], algorithm


def _signatures(request: Request, secrets: Sequence[str], algorithm: str) -> Iterator[str]:
    """Yield what may be in the header: the URL with and without its port, because the provider signs either."""
    sdk = importlib.import_module("twilio.request_validator")
    url = urlparse(request.url)
    fields = ImmutableMultiDict(_form(request) if request.method == "POST" else [])
    for variant in {sdk.remove_port(url), sdk.add_port(url)}:
        for secret in secrets:
            yield sdk.RequestValidator(secret).compute_signature(variant, fields, algorithm)


def _form(request: Request) -> list[tuple[str, str]]:
    """Return the fields in order, repeated and blank ones too; ``ValueError`` if there are absurdly many."""
    text = request.body.decode("utf-8", "replace") if request.method == "POST" else request.query
    return parse_qsl(text, keep_blank_values=True, max_num_fields=1_000)


def _is_status(fields: Mapping[str, str], path: str) -> bool:
    """A message that came to the callback's address by a wrong setting is still a message."""
    if path.endswith("/status"):
        return "MessageStatus" in fields or "Body" not in fields
    return "MessageStatus" in fields and "Body" not in fields and "NumMedia" not in fields


def _status(fields: Mapping[str, str]) -> Sequence[Event]:
    name = fields.get("MessageSid") or fields.get("SmsSid")
    state = _STATES.get(fields.get("MessageStatus") or fields.get("SmsStatus") or "")
    if not name or not state:
        return ()
    code = fields.get("ErrorCode", "")
    return (StatusUpdate(external_id=name, state=state, code=code if re.fullmatch(r"[0-9]{1,10}", code) else ""),)


def _message(fields: Mapping[str, str], request: Request) -> Sequence[Event]:
    address = fields.get("From")
    if not address:
        return ()
    name = fields.get("MessageSid") or fields.get("SmsMessageSid") or fields.get("SmsSid")
    media = list(_media(fields))
    text = fields.get("Body", "")
    return (
        Inbound(
            address=address,
            proven=True,
            external_id=name or f"sha256:{sha256(request.body + request.query.encode('utf-8', 'replace')).hexdigest()}",
            text=text,
            media=media,
            unsupported=None if text.strip() or media else _unsupported(fields),
            consent=_consent(fields, text),
            profile=Profile(
                name=fields.get("ProfileName") or None, phone=address if _E164.fullmatch(address) else None
            ),
            raw={key: fields[key] for key in _KEPT if fields.get(key)},
        ),
    )


def _media(fields: Mapping[str, str]) -> Iterator[Media]:
    for number in range(MAX_MEDIA):
        url = fields.get(f"MediaUrl{number}")
        if url:
            yield Media(url=url, media_type=fields.get(f"MediaContentType{number}") or "application/octet-stream")


def _consent(fields: Mapping[str, str], text: str) -> Literal["opt_out", "opt_in", "help"] | None:
    """The provider's own verdict first (it knows customised words), then the standard words."""
    word = fields.get("OptOutType") or text
    return _WORDS.get(word.strip().upper())


def _unsupported(fields: Mapping[str, str]) -> str:
    """Name what a message without text and files is, so that it is kept all the same."""
    kind = fields.get("MessageType", "")
    if kind not in ("", "text", "sms", "mms"):
        return kind[:40]
    return "media" if fields.get("NumMedia", "0") not in ("", "0") else "empty"


def create() -> Sms:
    """Return the channel."""
    return Sms()
