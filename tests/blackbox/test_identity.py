"""Users whom the site names by a signed token: theirs everywhere, nobody else's anywhere (S-2)."""

import time
import uuid
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest

from tests.support.hub import HubProcess
from tests.support.raw import Raw, ready_of
from tests.support.stage import dump
from tests.support.texting import until

SECRET = "identity-secret-of-the-site-0123456789"


class Site:
    """An inbox with an identity secret, and browsers on its pages."""

    def __init__(self, hub: HubProcess, key: str) -> None:
        self.hub = hub
        self.key = key
        self.opened: list[Browser] = []

    def word(self, sub: str, lives: int = 200, **claims: Any) -> str:
        """What the site says about its user."""
        return jwt.encode({"sub": sub, "aud": self.key, "exp": int(time.time()) + lives, **claims}, SECRET)

    async def open(self, token: str | None = None, identity: str | None = None) -> "Browser":
        browser = Browser(self, {"v": 1, "key": self.key, "token": token, "identity": identity})
        self.opened.append(browser)
        await browser.open()
        return browser


class Browser:
    """One page."""

    def __init__(self, site: Site, auth: dict[str, Any]) -> None:
        self.raw = Raw(site.hub.url)
        self._auth = auth
        self.ready: dict[str, Any] = {}
        self.refused: dict[str, Any] = {}

    async def open(self) -> None:
        await self.raw.__aenter__()
        answer = await self.raw.connect(self._auth)
        if "sid" not in answer:
            self.refused = answer.get("data", answer)
            return
        await self.raw.packet('42/visitor,["ready"')
        self.ready = ready_of(self.raw)

    async def say(self, text: str) -> str:
        said = await self.raw.call("send", {"client_id": uuid.uuid4().hex, "text": text})
        assert said["ok"], said
        return str(said["conversation"])

    @property
    def token(self) -> str:
        return str(self.ready["token"])

    @property
    def shown(self) -> list[str]:
        """Texts of the visitor's own messages that this page opens with."""
        return [m["text"] for m in self.ready["messages"] if m["sender"] == "contact"]


@pytest.fixture(scope="module")
def sites(hub: HubProcess) -> list[Site]:
    """Two inboxes of two sites that happen to share a secret."""
    keys = [f"site-{uuid.uuid4().hex[:10]}" for _ in range(2)]
    ids = {hub.add_inbox("web", key, {"identity_secret": SECRET}, bot=False) for key in keys}
    with hub.client() as http:
        until(lambda: ids <= {inbox["id"] for inbox in http.get("/api/inboxes").json()})
    return [Site(hub, key) for key in keys]


@pytest.fixture
async def site(sites: list[Site]) -> AsyncIterator[Site]:
    """One of them; its browsers are closed at the end."""
    yield sites[0]
    for each in sites:
        while each.opened:
            await each.opened.pop().raw.__aexit__(None, None, None)


def _user() -> str:
    return f"user-{uuid.uuid4().hex[:8]}"


async def test_one_user_in_two_browsers_is_one_conversation(site: Site) -> None:
    ann = _user()
    desk = await site.open(identity=site.word(ann))
    mine = await desk.say("from the desk")
    phone = await site.open(identity=site.word(ann))
    assert phone.ready["conversation"]["id"] == mine
    assert phone.shown == ["from the desk"]
    assert await phone.say("from the phone") == mine
    assert "from the phone" in await desk.raw.packet('42/visitor,["message"') or "from the phone" in str(desk.raw.heard)
    again = await site.open(token=phone.token)
    assert again.shown == ["from the desk", "from the phone"]


async def test_an_expired_word_beside_a_bound_token_is_ignored(site: Site) -> None:
    ann = _user()
    first = await site.open(identity=site.word(ann))
    mine = await first.say("hello")
    for word in (site.word(ann, lives=-60), "rubbish", site.word(ann, aud="other")):
        later = await site.open(token=first.token, identity=word)
        assert later.token == first.token
        assert later.ready["conversation"]["id"] == mine
    same = await site.open(token=first.token, identity=site.word(ann))
    assert same.token == first.token


async def test_whoever_signs_in_next_on_a_shared_computer_sees_their_own(site: Site) -> None:
    """The browser still holds the first user's token; the site's fresh word is about another."""
    ann, bob = _user(), _user()
    first = await site.open(identity=site.word(ann))
    await first.say("ann's secret")
    second = await site.open(token=first.token, identity=site.word(bob))
    assert second.ready["conversation"] is None
    assert second.token != first.token
    theirs = await second.say("bob's")
    assert (await site.open(token=second.token)).ready["conversation"]["id"] == theirs
    assert "bob's" not in str(first.raw.heard)


async def test_signing_in_rotates_the_anonymous_token_and_shows_its_chat_to_nobody(site: Site) -> None:
    ann, bob = _user(), _user()
    anonymous = await site.open()
    before = await anonymous.say("typed before signing in")
    signed = await site.open(token=anonymous.token, identity=site.word(ann))
    assert signed.token != anonymous.token
    assert signed.ready["conversation"] is None
    after = await signed.say("typed after signing in")
    assert after != before
    for other in (await site.open(identity=site.word(bob)), await site.open()):
        assert other.ready["conversation"] is None
        answer = await other.raw.call("sync", {"conversation": before, "after": 0, "rev": 0})
        assert answer["error"]["code"] == "not_found"
    still = await site.open(token=anonymous.token)
    assert still.shown == ["typed before signing in"]


async def test_a_word_counts_at_its_own_inbox_only(hub: HubProcess, sites: list[Site], site: Site) -> None:
    # S-1
    other = sites[1]
    ann = _user()
    first = await site.open(identity=site.word(ann))
    await first.say("hello")
    assert (await other.open(identity=site.word(ann))).refused["code"] == "unauthorized"
    assert (await other.open(token=first.token)).refused["code"] == "unauthorized"
    elsewhere = await other.open(identity=other.word(ann))
    assert elsewhere.ready["conversation"] is None
    async with Raw(hub.url) as raw:
        refused = await raw.connect({"v": 1, "key": "demo", "identity": site.word(ann, aud="demo")})
        assert (refused["data"]["code"], refused["data"]["field"]) == ("bad_request", "identity")


async def test_forged_words_are_refused_and_leave_no_trace(hub: HubProcess, site: Site) -> None:
    ann = _user()
    good = site.word(ann)
    forged = [
        jwt.encode({"sub": ann, "aud": site.key, "exp": int(time.time()) + 200}, "", algorithm="none"),
        jwt.encode({"sub": ann, "aud": site.key, "exp": int(time.time()) + 200}, "x" * 32),
        site.word(ann, lives=-1),
        site.word(ann, lives=3_600),
        site.word(""),
        site.word("x" * 200),
        jwt.encode({"aud": site.key, "exp": int(time.time()) + 200}, SECRET),
        good[:-3],
        good.rpartition(".")[0] + ".",
        "é" + good,
    ]
    rows, lines = dump(hub.database_url), len(hub.log().splitlines())
    for word in forged:
        browser = await site.open(identity=word)
        assert (browser.refused["code"], browser.refused["field"]) == ("unauthorized", "identity")
    assert dump(hub.database_url) == rows
    assert len(hub.log().splitlines()) == lines


async def test_what_the_site_says_is_kept_as_proven(hub: HubProcess, site: Site) -> None:
    """A name with NUL or a number that is none does not stop the customer from writing."""
    word = site.word(_user(), name="Ann\x00 Example", phone_number="call me maybe, or not, but at length")
    browser = await site.open(identity=word)
    conversation = await browser.say("hello")
    with hub.client() as http:
        contact = http.get(f"/api/conversations/{conversation}").json()["contact"]
    assert contact["name"] == "Ann Example"
    assert contact["phone"] is None
    assert contact["identities"][0]["proven"] is True
