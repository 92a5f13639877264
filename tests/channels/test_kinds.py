"""What every channel must hold, whichever it is: a new file in channels/ is tested here without a change."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels import Call, Caps, Channel, MediaSource, Request, kinds, load
from models.inbound import Inbound, Outbound, OutboundFile, StatusUpdate

PAYLOADS = Path(__file__).parents[1] / "payloads"

FIELDS = [
    "From", "To", "Body", "NumMedia", "MediaUrl0", "MediaContentType0", "MessageSid", "MessageStatus", "SmsStatus",
    "ErrorCode", "OptOutType", "ProfileName", "events", "type", "id", "from", "text", "media", "consent", "state",
]  # fmt: skip
HEADERS = st.dictionaries(
    st.sampled_from(
        ["x-frontdesk-signature", "x-twilio-signature", "x-twilio-webhooks-signature-settings", "content-type", "x"]
    ),
    st.text(max_size=60) | st.sampled_from(["key=webhooks_sharedkey_test,algorithm=HMAC_SHA256", "sha256=", "="]),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), inner),
    max_leaves=12,
)
FORM = st.lists(st.tuples(st.sampled_from(FIELDS), st.text(max_size=12)), max_size=8).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "surrogatepass")
)
REQUESTS = st.builds(
    Request,
    method=st.sampled_from(["POST", "GET", "PUT", ""]),
    url=st.text(max_size=40)
    | st.sampled_from(["https://hub.example.test/webhooks/x/1", "https://[::1]:x/", "http://[", "https://h:99999/"]),
    path=st.sampled_from(["/webhooks/x/1", "/webhooks/x/1/status", ""]),
    query=st.text(max_size=20) | st.just("From=%2B15005550100&Body=%00%ff&a&&=b"),
    headers=HEADERS,
    body=st.binary(max_size=80) | FORM | JSON.map(lambda value: json.dumps(value).encode()) | st.just(b"[" * 100_000),
)


@cache
def channel(kind: str) -> tuple[Channel, Any]:
    """Load a channel with the settings its payloads are made for."""
    loaded = load(kind)
    return loaded, loaded.Config.model_validate_json((PAYLOADS / kind / "config.json").read_text())


@pytest.mark.parametrize("kind", kinds())
def test_every_channel_has_recorded_payloads_or_says_why_not(kind: str) -> None:
    folder = PAYLOADS / kind
    assert (folder / "config.json").is_file(), f"tests/payloads/{kind}/config.json: settings to test {kind} with"
    payloads = [path for path in folder.glob("*.json") if "raw_body" in path.read_text()]
    assert payloads or (folder / "none.md").is_file(), (
        f"tests/payloads/{kind}/ needs recorded requests of the provider, or a none.md saying why there are none"
    )


@pytest.mark.parametrize("kind", kinds())
def test_a_channel_is_called_like_its_file_and_describes_itself(kind: str) -> None:
    loaded, _ = channel(kind)
    assert loaded.kind == kind
    assert isinstance(loaded.caps, Caps)
    assert loaded.caps.label.strip()
    assert set(loaded.caps.icon) <= set("MmLlHhVvCcSsQqTtAaZz0123456789 .,-")


@pytest.mark.parametrize("kind", kinds())
def test_settings_never_show_their_secrets(kind: str) -> None:  # S-27
    _, config = channel(kind)
    raw = json.loads((PAYLOADS / kind / "config.json").read_text())
    shown = repr(config) + str(config.model_dump())
    for secret in ("test_auth_token", "test_memory_secret"):
        if secret in json.dumps(raw):
            assert secret not in shown


@pytest.mark.parametrize("kind", kinds())
@given(request=REQUESTS)
def test_no_request_makes_a_channel_raise(kind: str, request: Request) -> None:  # S-18
    loaded, config = channel(kind)
    assert loaded.verify(request, config, 1_700_000_000.0) is False
    events = loaded.parse(request, config)
    assert all(isinstance(event, Inbound | StatusUpdate) for event in events)
    assert all("\x00" not in event.model_dump_json() for event in events)
    loaded.challenge(request, config)
    assert loaded.ack(request, events).status in (200, 404)


@pytest.mark.parametrize("kind", kinds())
@given(
    text=st.text(max_size=60),
    buttons=st.lists(st.text(max_size=20), max_size=3),
    files=st.integers(min_value=0, max_value=23),
)
def test_rendering_is_pure_and_never_raises(kind: str, text: str, buttons: list[str], files: int) -> None:
    loaded, config = channel(kind)
    file = OutboundFile(url="https://hub.example.test/f/1", name="a.png", media_type="image/png")
    message = Outbound(
        id="p1", conversation="c1", seq=3, address="+15005550100", text=text, buttons=buttons, files=[file] * files
    )
    calls = loaded.render(message, config)
    assert calls == loaded.render(message, config)
    assert all(isinstance(call, Call) for call in calls)
    assert json.dumps([dict(call.payload) for call in calls])


@pytest.mark.parametrize("kind", kinds())
@given(url=st.text(max_size=40))
def test_a_files_address_never_makes_a_channel_raise(kind: str, url: str) -> None:
    loaded, config = channel(kind)
    source = loaded.media(url, config)
    assert isinstance(source, MediaSource)
    assert source.auth is None
