"""What can be measured of looks and access: axe, geometry, the input method of a Japanese keyboard."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.inbox_desk import ASK, Desk, Line, on_the_line
from tests.support.hub import HubProcess

SIZES = [(1440, 900), (1024, 768), (390, 844)]
LONG = "Donaudampfschifffahrtsgesellschaftskapitän" * 4


@pytest.fixture
def line(hub: HubProcess) -> Iterator[Line]:
    with on_the_line(hub) as visitor:
        visitor.say(ASK)
        visitor.say(LONG)
        yield visitor


@pytest.fixture
def desk(page: Page, hub: HubProcess, line: Line) -> Desk:
    page.emulate_media(reduced_motion="reduce")
    return Desk(page, hub).sign_in().open(line.conversation)


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(desk: Desk, scheme: str) -> None:
    page = desk.page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of Playwright's literals
    expect(page.locator(".entry").first).to_be_visible()
    assert violations(page) == []
    for keys, name in (("Control+k", "Command palette"), ("?", "Keyboard shortcuts")):
        page.keyboard.press(keys)
        expect(page.get_by_role("dialog", name=name)).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("Escape")
    page.keyboard.press("a")
    expect(page.get_by_role("menu", name="Assign")).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_at_the_door(page: Page, hub: HubProcess, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of Playwright's literals
    for address, heading in (("", "Sign in"), ("#setup=x", "Set up Frontdesk"), ("#reset=x", "Choose a new password")):
        page.goto("about:blank")
        page.goto(f"{hub.url}/inbox{address}")
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        assert violations(page) == []


OUTSIDE = """() => {
  const shown = (e) => e.getClientRects().length > 0;
  const name = (e) => `${e.className} "${e.textContent.trim().slice(0, 40)}"`;
  const wrong = [];
  if (document.documentElement.scrollWidth > innerWidth) wrong.push("the page scrolls sideways");
  for (const bubble of document.querySelectorAll(".log .bubble")) {
    const log = bubble.closest(".log").getBoundingClientRect(), box = bubble.getBoundingClientRect();
    if (shown(bubble) && (box.left < log.left || box.right > log.right)) wrong.push(`outside the log: ${name(bubble)}`);
  }
  for (const pill of document.querySelectorAll(".pill, .count")) {
    if (!shown(pill)) continue;
    const box = pill.getBoundingClientRect(), range = document.createRange();
    range.selectNodeContents(pill.firstChild);
    const text = range.getBoundingClientRect().width;
    if (box.width > Math.max(18, text + 12)) wrong.push(`stretched: ${name(pill)} ${box.width} for ${text}`);
  }
  for (const e of document.querySelectorAll(".button, h1, h2, .tab, .view-name, .day, .activity, dt, label")) {
    if (shown(e) && !e.matches(".unseen, .thread-who h2") && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)
      wrong.push(`cut: ${name(e)}`);
  }
  return wrong;
}"""

COVERED = """(e) => {
  const box = e.getBoundingClientRect();
  const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return !e.contains(top);
}"""


@pytest.mark.parametrize("language", ["en", "ja", "ar"])
def test_nothing_is_cut_stretched_or_covered(desk: Desk, line: Line, language: str) -> None:
    page = desk.page
    key = "frontdesk.desk.settings"
    page.evaluate("([key, language]) => localStorage.setItem(key, JSON.stringify({language}))", [key, language])
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", language)
    expect(page.locator("html")).to_have_attribute("dir", "rtl" if language == "ar" else "ltr")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        desk.field.fill("a reply")
        expect(desk.bubbles.filter(has_text=LONG)).to_be_visible()
        assert page.evaluate(OUTSIDE) == [], f"{width} x {height}"
        assert not page.locator(".send").evaluate(COVERED), f"Send is covered at {width} x {height}"


def test_one_pane_at_a_time_on_a_phone(desk: Desk, line: Line) -> None:
    page = desk.page
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator(".list-pane")).to_be_hidden()
    page.get_by_role("button", name="Customer record").click()
    expect(page.get_by_role("complementary", name="Customer record")).to_be_visible()
    page.get_by_role("button", name="Close the record").click()
    page.get_by_role("button", name="Back to the list").click()
    expect(desk.row(line.conversation)).to_be_visible()
    expect(page.locator(".thread-pane")).to_be_hidden()


def test_enter_while_composing_does_not_send(desk: Desk, line: Line) -> None:
    page = desk.page
    desk.field.focus()
    keyboard = page.context.new_cdp_session(page)
    keyboard.send("Input.imeSetComposition", {"text": "にほん", "selectionStart": 3, "selectionEnd": 3})
    enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
    keyboard.send("Input.dispatchKeyEvent", {"type": "keyDown", **enter})
    keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", **enter})
    keyboard.send("Input.insertText", {"text": "日本"})
    expect(desk.field).to_have_value("日本")
    expect(page.locator(".message.ours.agent")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator(".message.ours.agent .bubble")).to_have_text(["日本"])
    assert line.wait_text("日本")["text"] == "日本"


def test_the_safari_order_of_composing_does_not_send(desk: Desk) -> None:
    desk.field.fill("にほん")
    desk.field.evaluate(
        "e => e.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', keyCode: 229, bubbles: true}))"
    )
    expect(desk.field).to_have_value("にほん")
    expect(desk.page.locator(".message.ours.agent")).to_have_count(0)
