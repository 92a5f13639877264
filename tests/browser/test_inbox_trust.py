"""What a hostile customer writes is text on an agent's screen, whatever field it comes in by."""

import httpx
from playwright.sync_api import Page, Request, expect

from tests.browser.inbox_corpus import TEXTS
from tests.browser.inbox_desk import ASK, Desk, Line, on_the_line
from tests.support.hub import HubProcess

CHUNK = 70
FILE_NAME = "<img src=x onerror=alert(1)>.txt"


class Watch:
    """Keeps every dialog and every request that leaves the hub."""

    def __init__(self, page: Page, hub: HubProcess) -> None:
        self.dialogs: list[str] = []
        self.foreign: list[str] = []
        self._hub = hub.url
        page.on("dialog", self._dialog)
        page.on("request", self._request)

    def _dialog(self, dialog: object) -> None:
        self.dialogs.append(str(dialog))

    def _request(self, request: Request) -> None:
        ours = (self._hub, self._hub.replace("http", "ws"), "data:", "blob:", "about:")
        if not request.url.startswith(ours):
            self.foreign.append(request.url)


# S-11
def test_two_hundred_hostile_texts_stay_text(page: Page, hub: HubProcess) -> None:
    watch = Watch(page, hub)
    assert len(TEXTS) >= 200
    desk = Desk(page, hub).sign_in()
    with on_the_line(hub) as line:
        line.say(ASK)
        desk.open(line.conversation)
        for start in range(0, len(TEXTS), CHUNK):
            chunk = TEXTS[start : start + CHUNK]
            for text in chunk:
                line.say(text)
            expect(desk.bubbles.last).to_have_text(chunk[-1].replace("\t", " "), timeout=15_000)
        assert page.locator(".log script, .log iframe, .log object, .log embed, .log base, .log form").count() == 0
        assert page.locator(".log a:not([href^='http'])").count() == 0
        page.mouse.move(600, 300)
        page.wait_for_timeout(500)
    assert watch.dialogs == []
    assert watch.foreign == []


def hostile_record(hub: HubProcess, line: Line, text: str) -> None:
    """Put *text* into every field beside the message that a customer or a colleague can fill."""
    line.call("page", {"url": "https://evil.example/" + text[:200], "title": text, "referrer": "https://evil.example"})
    headers = {"Authorization": f"Bearer {line.socket.auth['token']}", "X-Site-Key": "demo"}
    files = {"file": (FILE_NAME, b"hello", "text/plain")}
    uploaded = httpx.post(f"{hub.url}/uploads", headers=headers, files=files, timeout=10)
    ids = [uploaded.json()["id"]] if uploaded.is_success else []
    line.call("send", {"client_id": f"file-{abs(hash(text))}", "text": text, "attachments": ids})
    with hub.client() as agent:
        contact = agent.get(f"/api/conversations/{line.conversation}").json()["contact"]["id"]
        edit = {"name": text[:300], "attributes": {text[:300]: text[:300], "phone": text[:300]}}
        agent.patch(f"/api/contacts/{contact}", json=edit).raise_for_status()


# S-11
def test_hostile_names_pages_files_and_attributes_stay_text(page: Page, hub: HubProcess) -> None:
    watch = Watch(page, hub)
    desk = Desk(page, hub).sign_in()
    for text in TEXTS[::21]:
        with on_the_line(hub) as line:
            line.say(ASK)
            hostile_record(hub, line, text)
            desk.open(line.conversation)
            expect(page.locator(".entry").first).to_be_visible()
            page.locator(".ask").last.click()
            page.keyboard.press("Control+k")
            expect(page.get_by_role("combobox")).to_be_focused()
            page.keyboard.type("open chat")
            page.keyboard.press("Escape")
    assert page.locator("a[href^='javascript' i], a[href^='data' i], a[href^='vbscript' i]").count() == 0
    assert page.evaluate("document.scripts.length") == 1
    assert watch.dialogs == []
    assert watch.foreign == []


# S-12
def test_the_page_forbids_inline_code_and_frames(page: Page, hub: HubProcess) -> None:
    answer = page.goto(f"{hub.url}/inbox")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.locator("[style], style, script:not([src])").count() == 0
