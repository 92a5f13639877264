"""The visitor's widget as a test handles it."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import ConsoleMessage, Locator, Page, WebSocketRoute, expect

OPENING = "What are your opening hours?"
OPENING_ANSWER = "Monday to Friday"


class Widget:
    """A page with the widget; every locator pierces the open shadow root."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.log = page.get_by_role("log")
        self.input = page.get_by_role("textbox", name="Write a message")
        self.send_button = page.get_by_role("button", name="Send", exact=True)
        self.launcher = page.locator("button.launcher")
        self.panel = page.locator(".panel")
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._noted)

    def _noted(self, line: ConsoleMessage) -> None:
        if "Content Security" in line.text or "TrustedHTML" in line.text:
            self.errors.append(line.text)

    def open(self, path: str = "/demo") -> "Widget":
        self.page.goto(self.url + path)
        if not path.startswith("/frame"):
            self.launcher.click()
        self.input.wait_for()
        expect(self.page.locator(".who p")).not_to_be_empty()
        return self

    def say(self, text: str) -> None:
        self.input.fill(text)
        self.input.press("Enter")

    @property
    def own(self) -> Locator:
        return self.log.locator(".own .bubble")

    @property
    def theirs(self) -> Locator:
        return self.log.locator(".other:not(.typing) .bubble")

    def texts(self) -> list[str]:
        """Every bubble in order, the visitor's marked."""
        script = "rows => rows.map(b => (b.closest('.own') ? '> ' : '') + b.textContent)"
        found: list[str] = self.log.locator(".row:not(.typing) .bubble").evaluate_all(script)
        return found

    def ask(self, text: str = OPENING, answer: str = OPENING_ANSWER) -> None:
        """Say something and wait for the bot."""
        before = self.theirs.count()
        self.say(text)
        expect(self.theirs.nth(before)).to_contain_text(answer)

    def on_line(self, act: Callable[[WebSocketRoute, str], bool]) -> None:
        """Stand between page and hub: *act* sees what the hub says and returns False to keep it."""

        def handle(route: WebSocketRoute) -> None:
            server = route.connect_to_server()
            route.on_message(server.send)
            server.on_message(lambda data: route.send(data) if act(route, str(data)) else None)

        self.page.route_web_socket("**/socket.io/**", handle)


def box(locator: Locator) -> dict[str, Any]:
    """Where something is on screen."""
    found = locator.bounding_box()
    assert found is not None
    return dict(found)


def embed(hub_url: str, **data: str) -> str:
    """The line a site adds."""
    attributes = "".join(f" data-{name}='{value}'" for name, value in data.items())
    return f"<script async src='{hub_url}/widget.js'{attributes}></script>"
