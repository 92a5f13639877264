"""Which websites may open a chat, and how fast a visitor may be."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hub import HubProcess
from tests.support.raw import Raw
from tests.support.texting import until

SHOP = "https://shop.example"
EVIL = [
    "https://evil.example", "null", "https://shop.example.evil.example", "https://evilshop.example",
    "https://shop.example:8443", "http://shop.example", "https://shop.example@evil.example", "https://shop.example/",
    "http://[::1", "file://", "https://\u0441hop.example".encode().decode("latin-1"),
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(hub: HubProcess) -> str:
    """Key of an inbox for one website."""
    key = f"shop-{uuid.uuid4().hex[:8]}"
    added = hub.add_inbox("web", key, {"origins": [SHOP]}, bot=False)
    with hub.client() as http:
        until(lambda: added in {inbox["id"] for inbox in http.get("/api/inboxes").json()})
    return key


@pytest.mark.parametrize("origin", EVIL)
async def test_other_websites_get_no_handshake(hub: HubProcess, shop: str, origin: str) -> None:
    # S-4
    with pytest.raises(Exception, match=r"HTTP 40[03]"):
        async with Raw(hub.url, origin=origin):
            pass


async def test_a_website_opens_its_own_inbox_only(hub: HubProcess, shop: str) -> None:
    # S-4
    async with Raw(hub.url, origin=SHOP) as raw:
        assert "sid" in await raw.connect({"v": 1, "key": shop})
    async with Raw(hub.url, origin=SHOP) as raw:
        refused = await raw.connect({"v": 1, "key": "demo"})
        assert refused["data"]["code"] == "origin_not_allowed"
    for origin in ("http://localhost:3000", "http://127.0.0.1:8080"):
        async with Raw(hub.url, origin=origin) as raw:
            assert (await raw.connect({"v": 1, "key": shop}))["data"]["code"] == "origin_not_allowed"


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1", "http://[::1]:5173", None])
async def test_the_demo_opens_on_this_computer(hub: HubProcess, origin: str | None) -> None:
    # S-4
    for each in {origin, hub.url}:
        async with Raw(hub.url, origin=each) as raw:
            assert "sid" in await raw.connect({"v": 1, "key": "demo"})


@pytest.mark.parametrize(
    "origin", ["http://localhost.evil.example", "http://127.0.0.1.evil.example", "http://127.0.0.1@evil.example"]
)
async def test_names_that_look_like_this_computer_do_not(hub: HubProcess, origin: str) -> None:
    # S-4
    with pytest.raises(Exception, match=r"HTTP 40[03]"):
        async with Raw(hub.url, origin=origin):
            pass


# --- pace --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory, sample_model: Path) -> Iterator[HubProcess]:
    """A hub with little patience."""
    folder = tmp_path_factory.mktemp("slow")
    url = f"sqlite:///{folder}/test.db"
    with HubProcess(folder / "var", url, sample_model, visitor_rate="3", connect_rate="4") as process:
        yield process


async def test_limits_count_what_they_should(slow: HubProcess) -> None:
    """# S-23: messages per visitor; connects per address only while they bring no valid token."""
    async with Raw(slow.url) as raw:
        await raw.connect({"v": 1, "key": "demo"})
        frame = await raw.packet('42/visitor,["ready"')
        token = frame.split('"token":"')[1].split('"')[0]
        acks = [await raw.call("send", {"client_id": f"k{number}", "text": "x"}) for number in range(4)]
        assert [ack["ok"] for ack in acks] == [True, True, True, False]
        assert acks[3]["error"]["code"] == "rate_limited"
        assert 0 < acks[3]["error"]["retry_after"] < 10
    for _ in range(6):
        async with Raw(slow.url) as raw:
            assert "sid" in await raw.connect({"v": 1, "key": "demo", "token": token})
    refused = []
    for _ in range(6):
        async with Raw(slow.url) as raw:
            answer = await raw.connect({"v": 1, "key": "demo"})
            refused += [answer["data"]] if "data" in answer else []
    assert len(refused) == 3
    assert all(error["code"] == "rate_limited" and 0 < error["retry_after"] <= 60 for error in refused)
    async with Raw(slow.url) as raw:
        assert "sid" in await raw.connect({"v": 1, "key": "demo", "token": token})
