"""Twilio's requests: every recorded one is understood, and nothing that is not signed gets in."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from starlette.datastructures import ImmutableMultiDict
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]  # the SDK ships no types

from channels import Channel, Request
from channels.sms import Sms, SmsConfig
from models.inbound import Event, Inbound, Media, Profile, StatusUpdate

PAYLOADS = Path(__file__).parents[1] / "payloads" / "sms"
CONFIG = SmsConfig.model_validate_json((PAYLOADS / "config.json").read_text())
URL = "https://hub.example.test/webhooks/twilio/ch_1"
SETTINGS = "x-twilio-webhooks-signature-settings"
SMS: Channel = Sms()
PHONE = "+15005550100"
OUT = "SM" + "a" * 32


def recorded(name: str) -> Request:
    """A recorded request as the hub hands it to the channel."""
    saved = json.loads((PAYLOADS / f"{name}.json").read_text())
    body = saved.get("raw_body") or urlencode(saved["params"])
    url = urlsplit(saved["url"])
    headers = {key.lower(): value for key, value in saved["headers"].items()}
    return Request("POST", saved["url"], url.path, url.query, headers, body.encode())


def signed(pairs: list[tuple[str, str]], url: str = URL, secret: str = "test_auth_token") -> Request:
    """A request signed by the provider's own SDK."""
    signature = RequestValidator(secret).compute_signature(url, ImmutableMultiDict(pairs))
    parts = urlsplit(url)
    headers = {"x-twilio-signature": signature}
    return Request("POST", url, parts.path, parts.query, headers, urlencode(pairs, errors="replace").encode())


def verified(request: Request, config: SmsConfig = CONFIG) -> bool:
    return SMS.verify(request, config, 1_700_000_000.0)


def read(*pairs: tuple[str, str], url: str = URL) -> list[Event]:
    return list(SMS.parse(signed([("From", PHONE), ("MessageSid", "SM1"), *pairs], url), CONFIG))


def message(**fields: Any) -> Inbound:
    return Inbound(proven=True, **fields)


EXPECTED: dict[str, Event] = {
    "twilio_sms_inbound": message(
        address=PHONE,
        external_id="SM" + "1" * 32,
        text="Where is my order? 👍 ",
        profile=Profile(phone=PHONE),
        raw={"To": "+15005550006", "NumSegments": "1", "FromCountry": "US"},
    ),
    "twilio_stop_inbound": message(
        address=PHONE,
        external_id="SM" + "5" * 32,
        text="STOP",
        consent="opt_out",
        profile=Profile(phone=PHONE),
        raw={
            "To": "+15005550006",
            "NumSegments": "1",
            "MessagingServiceSid": "MG" + "6" * 32,
            "FromCountry": "US",
            "OptOutType": "STOP",
        },
    ),
    "twilio_whatsapp_inbound": message(
        address="whatsapp:+15005550100",
        external_id="SM" + "7" * 32,
        text="hola",
        profile=Profile(name="Test Person"),
        raw={"To": "whatsapp:+15005550006", "NumSegments": "1", "MessageType": "text"},
    ),
    "twilio_whatsapp_button": message(
        address="whatsapp:+15005550100",
        external_id="SM" + "8" * 32,
        text="Yes",
        profile=Profile(name="Test Person"),
        raw={"To": "whatsapp:+15005550006", "ButtonPayload": "/affirm", "MessageType": "button"},
    ),
    "twilio_status_sent": StatusUpdate(external_id=OUT, state="sent"),
    "twilio_status_delivered": StatusUpdate(external_id=OUT, state="delivered"),
    "twilio_status_failed": StatusUpdate(external_id=OUT, state="failed", code="21610"),
}
EXPECTED["twilio_sms_inbound_sha256_sharedkey"] = EXPECTED["twilio_sms_inbound"]


def test_no_recorded_request_is_forgotten() -> None:
    requests = {path.stem for path in PAYLOADS.glob("twilio_*.json") if "_error_" not in path.stem}
    assert requests == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_recorded_request_is_verified_and_understood(name: str) -> None:  # S-18
    request = recorded(name)
    assert verified(request)
    events = SMS.parse(request, CONFIG)
    assert events == (EXPECTED[name],)
    ack = SMS.ack(request, events)
    assert (ack.status, ack.media_type, ack.body) == (200, "text/xml", b"<Response/>")


def test_the_sdks_own_test_vector() -> None:
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    pairs = {"CallSid": "CA1234567890ABCDE", "Digits": "1234", "From": "+14158675309", "To": "+18005551212"}
    body = urlencode(pairs | {"Caller": "+14158675309"}).encode()
    headers = {"x-twilio-signature": "RSOYDt4T1cUTdK1PDd93/VVr8B8="}
    request = Request("POST", url, "/myapp.php", "foo=1&bar=2", headers, body)
    assert verified(request, CONFIG.model_copy(update={"auth_token": [SecretStr("12345")]}))
    assert not verified(request)


PAIRS = st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=12)), max_size=8)


@given(pairs=PAIRS)
def test_whatever_the_sdk_signs_is_accepted_and_any_change_is_not(pairs: list[tuple[str, str]]) -> None:  # S-18
    whole = [
        (name.encode("utf-8", "replace").decode(), value.encode("utf-8", "replace").decode()) for name, value in pairs
    ]
    request = signed(whole)
    assert verified(request)
    assert not verified(replace(request, body=request.body + b"&Extra=1"))
    assert not verified(replace(request, url=URL + "?x=1"))


def test_the_usual_port_may_be_signed_or_not() -> None:
    with_port = URL.replace(".test/", ".test:443/")
    request = signed([("From", PHONE)], with_port)
    assert verified(request)
    assert verified(replace(request, url=URL))
    assert verified(replace(signed([("From", PHONE)]), url=with_port))
    assert not verified(replace(request, url=URL.replace(".test/", ".test:8443/")))


def test_blank_and_repeated_fields_are_part_of_the_signature() -> None:
    request = signed([("FromCity", ""), ("A", "2"), ("A", "1"), ("A", "2"), ("From", PHONE)])
    assert b"FromCity=&" in request.body
    assert verified(request)
    assert not verified(replace(request, body=request.body.replace(b"A=1&", b"")))


def test_a_get_webhook_is_signed_by_its_url() -> None:
    url = f"{URL}?{urlencode({'From': PHONE, 'Body': 'hi', 'MessageSid': 'SM1'})}"
    get = replace(signed([], url), method="GET")
    assert verified(get)
    assert [event.text for event in SMS.parse(get, CONFIG) if isinstance(event, Inbound)] == ["hi"]
    assert not verified(replace(get, url=url.replace("hi", "ho")))


@pytest.mark.parametrize(
    "signature",
    [None, "", " ", "é", "\udcff", "a" * 100_000, "Xr0L2DXnY332WPR9AaE0uCL7O1Y", "Xr0L2DXnY332WPR9AaE0uCL7O1Y= ", "="],
    ids=["absent", "empty", "blank", "non-ascii", "surrogate", "huge", "cut", "padded", "pad only"],
)
def test_a_bad_signature_is_refused(signature: str | None) -> None:  # S-18
    headers = {} if signature is None else {"x-twilio-signature": signature}
    assert not verified(replace(recorded("twilio_sms_inbound"), headers=headers))


@pytest.mark.parametrize(
    "url",
    [
        URL.replace("https", "http"),
        URL + "/",
        URL.replace("ch_1", "ch_2"),
        URL.replace("hub.", "HUB."),
        "https://hub.example.test:bad/",
        "http://[",
        "\udcff",
        "",
    ],
)
def test_another_address_is_refused(url: str) -> None:  # S-18
    assert not verified(replace(recorded("twilio_sms_inbound"), url=url))


@pytest.mark.parametrize("secret", ["", " "])
def test_an_empty_token_accepts_nothing(secret: str) -> None:  # S-18
    forged = signed([("From", PHONE)], secret=secret.strip())
    for change in ({"auth_token": [SecretStr(secret)]}, {"shared_keys": {"k": SecretStr(secret)}}):
        assert not verified(forged, CONFIG.model_copy(update=change))
        by_key = replace(forged, headers={**forged.headers, SETTINGS: "key=k,algorithm=HMAC_SHA256"})
        assert not verified(by_key, CONFIG.model_copy(update=change))
    with pytest.raises(ValidationError) as refusal:
        SmsConfig.model_validate({**RAW, "auth_token": ["good", secret]})
    assert refusal.value.errors()[0]["loc"] == ("auth_token", 1)


def test_old_and_new_token_are_both_accepted_while_rotating() -> None:
    both = CONFIG.model_copy(update={"auth_token": [SecretStr("new"), SecretStr("test_auth_token")]})
    assert verified(recorded("twilio_sms_inbound"), both)
    assert verified(signed([("From", PHONE)], secret="new"), both)
    assert not verified(recorded("twilio_sms_inbound"), CONFIG.model_copy(update={"auth_token": [SecretStr("new")]}))


@pytest.mark.parametrize(
    "settings",
    [
        "key=webhooks_sharedkey_test,algorithm=HMAC_SHA1",
        "key=webhooks_sharedkey_test",
        "algorithm=HMAC_SHA1",
        "algorithm=HMAC_SHA256",
        "key=unknown,algorithm=HMAC_SHA256",
        "key=,algorithm=HMAC_SHA256",
        "key=é,algorithm=NONE",
        ",,==,",
    ],
)
def test_the_request_cannot_choose_a_weaker_scheme(settings: str) -> None:  # S-18
    new, old = recorded("twilio_sms_inbound_sha256_sharedkey"), recorded("twilio_sms_inbound")
    for request in (new, old):
        assert not verified(replace(request, headers={**request.headers, SETTINGS: settings}))


def test_each_scheme_needs_its_own_key() -> None:  # S-18
    new, old = recorded("twilio_sms_inbound_sha256_sharedkey"), recorded("twilio_sms_inbound")
    only_new = CONFIG.model_copy(update={"auth_token": []})
    only_old = CONFIG.model_copy(update={"shared_keys": {}})
    assert (verified(new, only_new), verified(old, only_new)) == (True, False)
    assert (verified(new, only_old), verified(old, only_old)) == (False, True)
    unnamed = {"x-twilio-signature": new.headers["x-twilio-signature"]}
    assert not verified(replace(new, headers=unnamed))


@pytest.mark.parametrize(
    ("body", "consent"),
    [
        ("STOP", "opt_out"), (" stop\n", "opt_out"), ("StopAll", "opt_out"), ("unsubscribe", "opt_out"),
        ("CANCEL", "opt_out"), ("END", "opt_out"), ("QUIT", "opt_out"), ("REVOKE", "opt_out"), ("OPTOUT", "opt_out"),
        ("START", "opt_in"), ("unstop", "opt_in"), ("HELP", "help"), ("Info", "help"),
        ("STOP PLEASE", None), ("please cancel", None), ("stop.", None), ("YES", None), ("yes", None), ("", None),
    ],
)  # fmt: skip
def test_words_the_provider_obeys(body: str, consent: str | None) -> None:
    (event,) = read(("Body", body))
    assert isinstance(event, Inbound)
    assert (event.consent, event.text) == (consent, body)


@pytest.mark.parametrize(("word", "consent"), [("STOP", "opt_out"), ("START", "opt_in"), ("HELP", "help"), ("?", None)])
def test_the_providers_own_verdict_comes_first(word: str, consent: str | None) -> None:
    (event,) = read(("Body", "yes"), ("OptOutType", word))
    assert isinstance(event, Inbound)
    assert event.consent == consent


def test_pictures_and_hostile_text() -> None:
    picture = f"https://api.twilio.com/2010-04-01/Accounts/AC{'0' * 32}/Messages/MM1/Media/ME1"
    files = [("NumMedia", "2"), ("MediaUrl0", picture), ("MediaContentType0", "image/jpeg"), ("MediaUrl1", picture)]
    (event,) = read(("Body", "a\x00b\r\n"), *files)
    assert isinstance(event, Inbound)
    assert event.text == "ab\r\n"
    assert event.media == [Media(url=picture, media_type="image/jpeg"), Media(url=picture)]
    assert event.unsupported is None


@pytest.mark.parametrize(
    ("pairs", "unsupported"),
    [
        ([("Body", ""), ("MessageType", "location"), ("Latitude", "1")], "location"),
        ([("Body", ""), ("NumMedia", "1")], "media"),
        ([("Body", ""), ("NumMedia", "nonsense")], "media"),
        ([("Body", " \n"), ("NumMedia", "0")], "empty"),
        ([], "empty"),
        ([("Body", "x"), ("MessageType", "location")], None),
    ],
)
def test_what_cannot_be_shown_is_kept_by_name(pairs: list[tuple[str, str]], unsupported: str | None) -> None:
    (event,) = read(*pairs)
    assert isinstance(event, Inbound)
    assert event.unsupported == unsupported


@pytest.mark.parametrize("sender", ["12345", "ACME", "+1", "+0123456789", "+٣١٥٠٠٥٥٥٠١٠٠", "+15005550100x"])
def test_not_every_sender_is_a_phone(sender: str) -> None:
    (event,) = SMS.parse(signed([("From", sender), ("MessageSid", "SM1"), ("Body", "hi")]), CONFIG)
    assert isinstance(event, Inbound)
    assert (event.address, event.profile.phone) == (sender, None)


def test_the_first_of_repeated_fields_counts_and_a_missing_id_is_made_from_the_content() -> None:
    first, second = (SMS.parse(signed([("From", PHONE), ("Body", text), ("Body", "x")]), CONFIG)[0] for text in "ab")
    assert isinstance(first, Inbound)
    assert isinstance(second, Inbound)
    assert (first.text, second.text) == ("a", "b")
    assert first.external_id
    assert first.external_id != second.external_id


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("accepted", "queued"), ("scheduled", "queued"), ("queued", "queued"), ("sending", "queued"), ("sent", "sent"),
        ("partially_delivered", "sent"), ("delivered", "delivered"), ("read", "read"), ("undelivered", "failed"),
        ("failed", "failed"), ("canceled", "failed"), ("received", None), ("receiving", None), ("new_word", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["", "/status"])
def test_every_documented_status(status: str, state: str | None, path: str) -> None:
    events = read(("MessageStatus", status), ("ErrorCode", "30003"), url=URL + path)
    assert [event.state for event in events if isinstance(event, StatusUpdate)] == ([state] if state else [])
    assert not [event for event in events if isinstance(event, Inbound)]


def test_a_message_at_the_callbacks_address_is_not_lost() -> None:
    (event,) = read(("Body", "hello"), ("SmsStatus", "received"), url=URL + "/status")
    assert isinstance(event, Inbound)
    assert event.text == "hello"


def test_a_form_with_absurdly_many_fields_is_refused() -> None:
    flood = replace(recorded("twilio_sms_inbound"), body=b"a=1&" * 200_000)
    assert not verified(flood)
    assert SMS.parse(flood, CONFIG) == ()


RAW = json.loads((PAYLOADS / "config.json").read_text())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"account_sid": "AC1"}, "account_sid"),
        ({"auth_token": [], "shared_keys": {}}, "auth_token"),
        ({"auth_token": []}, "api_key_sid"),
        ({"api_key_sid": "SK" + "0" * 32}, "api_key_secret"),
        ({"api_key_secret": "s"}, "api_key_secret"),
        ({"sender": None}, "sender"),
        ({"sender": "0123"}, "sender"),
        ({"messaging_service_sid": "MG1"}, "messaging_service_sid"),
        ({"shared_keys": {"a,b": "s"}}, "shared_keys"),
        ({"shared_keys": {"k": ""}}, "shared_keys"),
        ({"api_base": "http://api.twilio.com"}, "api_base"),
        ({"api_base": "https://user@api.twilio.com"}, "api_base"),
        ({"api_base": "https://api.twilio.com/v1"}, "api_base"),
        ({"api_base": "ftp://127.0.0.1"}, "api_base"),
        ({"token": "x"}, "token"),
    ],
)
def test_bad_settings_name_the_field_and_never_the_secret(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        SmsConfig.model_validate(RAW | change)
    assert refusal.value.errors()[0]["loc"][0] == field
    assert "test_auth_token" not in str(refusal.value)


def test_a_single_token_may_be_given_plainly() -> None:
    config = SmsConfig.model_validate(RAW | {"auth_token": "one", "api_base": "http://127.0.0.1:4010/"})
    assert [token.get_secret_value() for token in config.auth_token] == ["one"]
    assert config.api_base == "http://127.0.0.1:4010"
