"""Twilio and a phone, make-believe, so that texting can be tried without an account.

What it posts is signed by Twilio's own SDK; what is sent to it is judged as Twilio's Messages API judges it.
"""

import base64
import hmac
import importlib
import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs, urlencode, urlsplit

from channels import Heard, Reply, Request
from channels._gsm import segments

if TYPE_CHECKING:
    from channels.sms import SmsConfig

NUMBER = "+15005550006"
"""Twilio's own make-believe number."""
_API = "2010-04-01"
_E164 = re.compile(r"\+[1-9][0-9]{5,14}")
_MAX_BODY = 1_600


class TwilioPhone:
    """Fulfils :class:`channels.Phone`."""

    def settings(self, base: str) -> Mapping[str, Any]:
        """An account with a random token, so that nobody else can sign for it."""
        return {
            "account_sid": f"AC{secrets.token_hex(16)}",
            "auth_token": [secrets.token_hex(16)],
            "sender": NUMBER,
            "api_base": base,
        }

    def plays(self, config: "SmsConfig", base: str) -> bool:
        """The address of the API decides; webhooks are signed with the account's token."""
        return config.api_base == base and bool(config.auth_token)

    def incoming(self, sender: str, text: str, url: str, config: "SmsConfig") -> Request:
        """A text message."""
        fields = {
            "Body": text,
            "From": sender,
            "NumMedia": "0",
            "NumSegments": str(max(1, segments(text))),
            "SmsStatus": "received",
        }
        return _signed(url, _sid("SM"), fields | {"To": config.sender or ""}, config)

    def provider(self, request: Request, config: "SmsConfig") -> tuple[Reply, Heard | None]:
        """``POST …/Messages.json``; everything else is not played."""
        said = parse_qs(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        if refused := _refusal(request, said, config):
            return refused, None
        heard = Heard(
            external_id=_sid("MM" if said.get("MediaUrl") else "SM"),
            address=said["To"][0],
            text=said.get("Body", [""])[0],
            files=tuple(said.get("MediaUrl", ())),
            callback=said.get("StatusCallback", [""])[0],
        )
        return _json(201, _message(heard, config)), heard

    def receipt(self, heard: Heard, state: Literal["sent", "delivered"], config: "SmsConfig") -> Request:
        """A status callback."""
        fields = {"MessageStatus": state, "SmsStatus": state, "From": config.sender or "", "To": heard.address}
        return _signed(heard.callback, heard.external_id, fields, config)


def _sid(prefix: str) -> str:
    return prefix + secrets.token_hex(16)


def _signed(url: str, sid: str, fields: Mapping[str, str], config: "SmsConfig") -> Request:
    whole = {**fields, "MessageSid": sid, "SmsSid": sid, "AccountSid": config.account_sid, "ApiVersion": _API}
    validator = importlib.import_module("twilio.request_validator").RequestValidator
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": validator(config.auth_token[0].get_secret_value()).compute_signature(url, whole),
    }
    parts = urlsplit(url)
    return Request("POST", url, parts.path, parts.query, headers, urlencode(whole).encode())


def _refusal(request: Request, said: Mapping[str, list[str]], config: "SmsConfig") -> Reply | None:
    user, password = config.credentials()
    expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    body = said.get("Body", [""])[0]
    checks = (
        (hmac.compare_digest(_header(request), expected.encode()), 401, 20003),
        (request.path == f"/{_API}/Accounts/{config.account_sid}/Messages.json", 404, 20404),
        (request.method == "POST", 405, 20004),
        (_E164.fullmatch(said.get("To", [""])[0]), 400, 21211),
        (said.get("From") or said.get("MessagingServiceSid"), 400, 21603),
        (said.get("From", [config.sender])[0] == config.sender, 400, 21606),
        (body or said.get("MediaUrl"), 400, 21602),
        (len(body) <= _MAX_BODY, 400, 21617),
    )
    for passed, status, code in checks:
        if not passed:
            more = f"https://www.twilio.com/docs/errors/{code}"
            return _json(status, {"code": code, "message": f"Error {code}", "more_info": more, "status": status})
    return None


def _header(request: Request) -> bytes:
    return request.headers.get("authorization", "").encode("utf-8", "replace")


def _message(heard: Heard, config: "SmsConfig") -> dict[str, Any]:
    """The message as Twilio's API describes it."""
    moment = format_datetime(datetime.now(UTC))
    place = f"/{_API}/Accounts/{config.account_sid}/Messages/{heard.external_id}"
    return {
        "account_sid": config.account_sid,
        "api_version": _API,
        "body": heard.text,
        "date_created": moment,
        "date_sent": None,
        "date_updated": moment,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": config.sender,
        "messaging_service_sid": config.messaging_service_sid,
        "num_media": str(len(heard.files)),
        "num_segments": str(segments(heard.text)),
        "price": None,
        "price_unit": "USD",
        "sid": heard.external_id,
        "status": "queued",
        "subresource_uris": {"media": f"{place}/Media.json"},
        "to": heard.address,
        "uri": f"{place}.json",
    }


def _json(status: int, body: Mapping[str, Any]) -> Reply:
    return Reply(status, json.dumps(body).encode(), "application/json")
