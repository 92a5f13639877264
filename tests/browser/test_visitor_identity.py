"""Users whom the site names: the same chat in every browser, and nobody ever sees another's. S-2."""

import json
import time

import jwt
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, WebSocket, expect

from tests.browser.conftest import IDENTITY_SECRET, MEMBERS
from tests.browser.host import Host
from tests.browser.widget import OPENING, Widget, embed
from tests.support.hub import HubProcess

QUEUE = "window.frontdesk ??= function () { (window.frontdesk.q ??= []).push(arguments) };"
SHOWN = "document.querySelector('frontdesk-widget')?.shadowRoot.textContent ?? ''"


def user(sub: str, lives: int = 200) -> str:
    """A signed-in customer, as the site's page writes it."""
    claims = {"sub": sub, "aud": MEMBERS, "exp": int(time.time()) + lives}
    return json.dumps({"id": sub, "jwt": jwt.encode(claims, IDENTITY_SECRET)})


@pytest.fixture(scope="module")
def path(visited: HubProcess, host: Host) -> str:
    """A page of the site, which boots the chat itself."""
    return host.page(embed(visited.url))


class Member(Widget):
    """The widget on the site's page, with whoever is signed in there."""

    def __init__(self, page: Page, host: Host, path: str) -> None:
        super().__init__(page, host.url)
        page.goto(host.url + path)

    def boot(self, who: str | None = None) -> "Member":
        self.page.evaluate(f"{QUEUE} frontdesk('boot', {{key: '{MEMBERS}', {f'user: {who}' if who else ''}}})")
        self.page.evaluate("frontdesk('show')")
        self.input.wait_for()
        return self

    def become(self, who: str) -> str:
        """Sign in as somebody else on the same page; what the widget shows at that very moment."""
        shown: str = self.page.evaluate(f"frontdesk('update', {{user: {who}}}); {SHOWN}")
        return shown


def test_a_second_browser_shows_the_same_chat(host: Host, path: str, page: Page, browser: Browser) -> None:
    first = Member(page, host, path).boot(user("amina"))
    first.ask()
    page.reload()
    expect(first.launcher).to_have_count(0)
    first.boot(user("amina", lives=-60))
    expect(first.own).to_have_text([OPENING])
    elsewhere = browser.new_context()
    second = Member(elsewhere.new_page(), host, path).boot(user("amina"))
    expect(second.own).to_have_text([OPENING])
    second.say("From my phone")
    expect(first.own).to_have_text([OPENING, "From my phone"])
    elsewhere.close()


def test_another_user_on_the_same_page_sees_nothing_of_the_first(
    host: Host, path: str, page: Page, context: BrowserContext
) -> None:
    widget = Member(page, host, path).boot(user("bela"))
    widget.ask()
    context.set_offline(True)
    widget.say("Bela wrote this on the train")
    assert OPENING not in widget.become(user("chidi"))
    context.set_offline(False)
    expect(widget.log.get_by_role("heading")).to_be_visible()
    widget.say("Chidi here")
    expect(widget.log.get_by_text("Sent", exact=True)).to_be_visible()
    assert widget.own.all_inner_texts() == ["Chidi here"]
    assert "Chidi here" not in widget.become(user("bela"))
    expect(widget.own).to_have_text([OPENING])


def test_signing_out_leaves_nothing(host: Host, path: str, page: Page) -> None:
    widget = Member(page, host, path).boot(user("dora"))
    widget.ask()
    page.evaluate("frontdesk('shutdown')")
    assert page.evaluate(SHOWN) == ""
    assert page.evaluate("Object.keys(localStorage)") == []
    widget.boot()
    expect(widget.log.get_by_role("heading")).to_be_visible()
    assert widget.texts() == []


def test_signing_out_while_the_panel_is_on_its_way(host: Host, path: str, page: Page) -> None:
    held: list[Route] = []
    sockets: list[WebSocket] = []
    page.on("websocket", lambda socket: sockets.append(socket))  # noqa: PLW0108 - Playwright marks its handlers, built-ins cannot be marked
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(host.url + path)
    page.evaluate(f"localStorage['frontdesk:{MEMBERS}:'] = JSON.stringify({{user: 'emil', token: 'his', talk: true}})")
    page.route("**/lang/*.js", lambda route: held.append(route))  # noqa: PLW0108 - as above
    with page.expect_request("**/lang/*.js"):
        page.evaluate(f"{QUEUE} frontdesk('boot', {{key: '{MEMBERS}'}}); frontdesk('show')")
    page.evaluate("frontdesk('shutdown')")
    for route in held:
        route.continue_()
    page.evaluate("url => import(url).then(() => new Promise(done => setTimeout(done)))", held[0].request.url)
    assert not page.evaluate("document.body.inert"), "the late panel covers no page"
    assert [socket for socket in sockets if not socket.is_closed()] == []
    assert page.evaluate("Object.keys(localStorage)") == []
    widget = Widget(page, host.url)
    page.evaluate(f"frontdesk('boot', {{key: '{MEMBERS}', user: {user('farah')}}}); frontdesk('show')")
    widget.ask()
    assert widget.own.all_inner_texts() == [OPENING]


def test_a_proof_that_has_run_out_can_be_renewed(host: Host, path: str, page: Page) -> None:
    widget = Member(page, host, path)
    page.evaluate("window.addEventListener('frontdesk:error', event => { window.told = event.detail })")
    widget.boot(user("goro", lives=-60))
    expect(page.get_by_role("alert")).to_have_text("The chat is not available right now.")
    assert page.evaluate("[told.code, told.field]") == ["unauthorized", "identity"]
    widget.become(user("goro"))
    expect(page.get_by_role("alert")).to_have_count(0)
    widget.ask()
