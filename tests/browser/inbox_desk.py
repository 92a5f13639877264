"""An agent at the inbox and a visitor on the line, for the browser tests of the inbox."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.support.hub import ADMIN, HubProcess, Person
from tests.support.visitor import Socket, visitor

ASK = "I want to talk to a person"


class Line:
    """A visitor's socket on a loop of its own, so that a synchronous browser test can play the customer."""

    def __init__(self, hub: HubProcess, **auth: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.socket: Socket = visitor(hub, **auth)
        self._run(self.socket.connect())
        self.conversation = ""

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(15)

    def say(self, text: str) -> dict[str, Any]:
        """Send a text; remembers the conversation."""
        ack: dict[str, Any] = self._run(self.socket.say(text))
        self.conversation = ack["conversation"]
        return ack

    def call(self, event: str, data: dict[str, Any]) -> dict[str, Any]:
        """Send any event."""
        ack: dict[str, Any] = self._run(self.socket.call(event, data))
        return ack

    def wait_text(self, fragment: str) -> dict[str, Any]:
        """The message that holds *fragment*, once it arrives."""
        found: dict[str, Any] = self._run(self.socket.wait_text(fragment))
        return found

    def texts(self) -> list[str]:
        """Every text this visitor was told so far."""
        return [data.get("text", "") for name, data in self.socket.events if name in {"message", "updated"}]

    def close(self) -> None:
        """Hang up and end the thread."""
        self._run(self.socket.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


@contextmanager
def on_the_line(hub: HubProcess, **auth: Any) -> Iterator[Line]:
    """A connected visitor."""
    line = Line(hub, **auth)
    try:
        yield line
    finally:
        line.close()


class Desk:
    """What an agent does and sees."""

    def __init__(self, page: Page, hub: HubProcess) -> None:
        self.page = page
        self.hub = hub

    def sign_in(self, person: Person = ADMIN, view: str = "queue") -> "Desk":
        """Sign in at the page itself."""
        self.page.goto(f"{self.hub.url}/inbox#/{view}")
        self.page.get_by_label("E-mail").fill(person.email)
        self.page.get_by_label("Password").fill(person.password)
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("navigation", name="Views")).to_be_visible()
        return self

    def open(self, conversation: str, view: str = "all") -> "Desk":
        """Open one conversation by its address."""
        self.page.goto(f"{self.hub.url}/inbox#/{view}/{conversation}")
        expect(self.page.locator(f'#row-{conversation}[aria-current="true"], .thread-head').first).to_be_visible()
        expect(self.field).to_be_attached()
        return self

    @property
    def rows(self) -> Locator:
        """Rows of the list."""
        return self.page.locator(".row")

    def row(self, conversation: str) -> Locator:
        """The row of one conversation."""
        return self.page.locator(f"#row-{conversation}")

    @property
    def field(self) -> Locator:
        """Where a reply or note is written."""
        return self.page.locator("#composer-field")

    @property
    def bubbles(self) -> Locator:
        """Texts in the log."""
        return self.page.locator(".log .bubble")

    @property
    def standing(self) -> Locator:
        """In words: whose chat this is."""
        return self.page.locator(".standing")

    def button(self, name: str) -> Locator:
        """A button by its exact name."""
        return self.page.get_by_role("button", name=name, exact=True)
