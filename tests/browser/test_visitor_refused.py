"""What a hub refuses at the door, and what a visitor and the site are then told."""

import json
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, Request, Route, WebSocketRoute, expect

from tests.browser.conftest import FENCED
from tests.browser.host import Host
from tests.browser.widget import Widget, embed
from tests.support.hub import HubProcess

LISTEN = "window.told = []; window.addEventListener('frontdesk:error', event => told.push(event.detail))"


def told(page: Page) -> list[dict[str, Any]]:
    """The errors the site has heard of."""
    heard: list[dict[str, Any]] = page.evaluate("window.told")
    return heard


def speak_from_the_future(page: Page) -> None:
    """CONNECT once with a protocol the hub does not know."""
    future = ['"v":99']

    def say(server: WebSocketRoute, data: str) -> None:
        server.send(data.replace('"v":1', future.pop()) if future and '"v":1' in data else data)

    def handle(route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        route.on_message(lambda data: say(server, str(data)))
        server.on_message(route.send)

    page.route_web_socket("**/socket.io/**", handle)


def test_a_page_the_hub_no_longer_speaks_with_can_be_renewed(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    widget.ask()
    speak_from_the_future(page)
    page.add_init_script(LISTEN)
    page.reload()
    alert = page.get_by_role("alert").filter(has_text="A newer version of this chat is ready.")
    expect(alert).to_be_visible()
    assert [error["code"] for error in told(page)] == ["reload_required"]
    widget.say("Kept meanwhile")
    expect(widget.own).to_have_text(["Kept meanwhile"])
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 - Playwright marks its handlers, built-ins cannot be marked
    alert.get_by_role("button", name="Reload").click()
    expect(widget.own.last).to_have_text("Kept meanwhile")
    expect(widget.log.get_by_text("Sent", exact=True)).to_be_visible()
    assert widget.own.count() == 2
    first = next(request for request in asked if request.url.endswith("/widget.js"))
    assert first.resource_type == "fetch", "past the cache, before the page is loaded anew"


# S-4
def test_a_site_that_is_not_allowed_is_told_so_once(visited: HubProcess, host: Host, page: Page) -> None:
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.add_init_script(LISTEN)
    page.goto(host.url + host.page(embed(visited.url, key=FENCED)))
    Widget(page, host.url).launcher.click()
    expect(page.get_by_role("alert")).to_have_text("This chat is not allowed on this site.")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange')); window.dispatchEvent(new Event('online'))")
    assert [error["code"] for error in told(page)] == ["origin_not_allowed"]
    assert len(sockets) == 1, "a refusal is final"


# S-1
def test_a_token_that_is_no_good_is_renewed(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    widget.ask()
    kept = "JSON.parse(localStorage['frontdesk:demo:'])"
    spoil = f"localStorage['frontdesk:demo:'] = JSON.stringify({{...{kept}, token: 'made-up'}})"
    page.evaluate(spoil)
    page.add_init_script(LISTEN)
    page.reload()
    expect(widget.log.get_by_role("heading")).to_be_visible()
    assert [(error["code"], error["field"]) for error in told(page)] == [("unauthorized", "token")]
    assert widget.texts() == [], "somebody new"
    widget.ask()
    assert json.loads(page.evaluate("localStorage['frontdesk:demo:']"))["token"] != "made-up"
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_failed_download_is_tried_again(visited: HubProcess, page: Page) -> None:
    failed: set[str] = set()

    def cut_once(route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path in failed:
            route.continue_()
        else:
            failed.add(path)
            route.abort()

    page.route("**/w/**", cut_once)
    page.goto(visited.url + "/demo")
    widget = Widget(page, visited.url)
    for _file in ("panel", "language"):
        told = page.evaluate("new Promise(done => { frontdesk('on', 'error', done); frontdesk('show') })")
        assert told["code"] == "unavailable"
    page.evaluate("frontdesk('show')")
    widget.say("https://shop.example/")
    expect(widget.log.get_by_role("link")).to_be_visible(timeout=8_000)
    assert len(failed) == 3
