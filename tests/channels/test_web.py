"""The website chat: no webhook gets in, nothing is called, and its settings are checked."""

from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from channels import Call, Channel, Reply, Request, SendError
from channels.web import Web, WebConfig
from models.inbound import Outbound

WEB: Channel = Web()


async def test_there_is_no_way_in_or_out_but_the_socket() -> None:
    request = Request("POST", "https://h.test/", "/", "", {"authorization": "x"}, b"{}")
    assert WEB.verify(request, WebConfig(), 0.0) is False
    assert WEB.parse(request, WebConfig()) == ()
    assert WEB.ack(request, ()) == Reply(status=404)
    assert WEB.render(Outbound(id="p", conversation="c", seq=1, address="v", text="hi"), WebConfig()) == ()
    async with httpx.AsyncClient() as http:
        with pytest.raises(SendError) as error:
            await WEB.send(Call({}), WebConfig(), http)
    assert error.value.kind == "invalid"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://shop.example", "https://shop.example"),
        ("HTTPS://Shop.Example:8443/", "https://shop.example:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
    ],
)
def test_origins_are_kept_in_one_form(given: str, kept: str) -> None:  # S-4
    assert WebConfig(origins=[given]).origins == [kept]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"origins": ["*"]}, ("origins", 0)),
        ({"origins": ["null"]}, ("origins", 0)),
        ({"origins": ["https://ok.example", "http://shop.example"]}, ("origins", 1)),
        ({"origins": ["https://shop.example/page"]}, ("origins", 0)),
        ({"origins": ["https://user@shop.example"]}, ("origins", 0)),
        ({"origins": ["https://*.example"]}, ("origins", 0)),
        ({"origins": ["javascript:alert(1)"]}, ("origins", 0)),
        ({"color": "red"}, ("color",)),
        ({"color": "#12345g"}, ("color",)),
        ({"bot_name": ""}, ("bot_name",)),
        ({"greeting": "x" * 501}, ("greeting",)),
        ({"starters": ["x"] * 7}, ("starters",)),
        ({"identity_secret": "short"}, ("identity_secret",)),
        ({"colour": "#123456"}, ("colour",)),
    ],
)
def test_bad_settings_name_the_field(change: dict[str, Any], place: tuple[str | int, ...]) -> None:
    with pytest.raises(ValidationError) as refusal:
        WebConfig.model_validate(change)
    assert refusal.value.errors()[0]["loc"] == place


def test_an_identity_secret_is_strong_and_hidden() -> None:
    config = WebConfig.model_validate({"identity_secret": "x" * 32})
    assert config.identity_secret is not None
    assert "xxx" not in repr(config)
