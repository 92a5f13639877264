"""What keys do: Japanese input, new lines, focus, and the host page's own shortcuts."""

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.browser.widget import Widget
from tests.support.hub import HubProcess


def compose(cdp: CDPSession, text: str) -> None:
    """Type with an input method up to the point where Enter takes the candidate."""
    cdp.send("Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)})


def press_enter(cdp: CDPSession, code: int) -> None:
    key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": code}
    cdp.send("Input.dispatchKeyEvent", {"type": "keyDown", **key})
    cdp.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})


@pytest.mark.parametrize("code", [229, 13])
def test_enter_that_takes_a_candidate_does_not_send(visited: HubProcess, page: Page, code: int) -> None:
    widget = Widget(page, visited.url).open()
    cdp = page.context.new_cdp_session(page)
    widget.input.focus()
    compose(cdp, "にほん")
    press_enter(cdp, code)
    expect(widget.own).to_have_count(0)
    cdp.send("Input.insertText", {"text": "日本"})
    expect(widget.input).to_have_value("日本")
    # The same keys without a composition do send, so it is the guard that held them back.
    press_enter(cdp, 13)
    expect(widget.own).to_have_text(["日本"])


def test_enter_after_the_composition_as_safari_says_it(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    widget.input.fill("日本")
    event = "new KeyboardEvent('keydown', {key: 'Enter', keyCode: code, bubbles: true})"
    enter = f"(input, code) => input.dispatchEvent({event})"
    widget.input.evaluate(enter, 229)
    expect(widget.own).to_have_count(0)
    widget.input.evaluate(enter, 13)
    expect(widget.own).to_have_text(["日本"])


def test_shift_enter_breaks_the_line_and_the_field_grows(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    low = widget.input.bounding_box()
    widget.input.press_sequentially("one")
    widget.input.press("Shift+Enter")
    widget.input.press_sequentially("two")
    high = widget.input.bounding_box()
    assert low
    assert high
    assert high["height"] > low["height"]
    widget.input.press("Enter")
    expect(widget.own).to_have_text(["one\ntwo"])
    expect(widget.input).to_have_value("")


def test_escape_closes_and_focus_goes_back(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    expect(widget.input).to_be_focused()
    page.keyboard.press("Escape")
    expect(widget.panel).to_be_hidden()
    expect(widget.launcher).to_be_focused()
    page.keyboard.press("Enter")
    expect(widget.input).to_be_focused()


def test_everything_can_be_reached_by_tab(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    widget.ask()
    seen = set()
    focused = "document.activeElement?.shadowRoot?.activeElement?.ariaLabel"
    for _ in range(24):
        seen.add(page.evaluate(focused))
        page.keyboard.press("Tab")
    assert {"More", "Close chat", "Write a message", "Attach a file"} <= seen


def test_the_pages_own_shortcuts_do_not_hear_the_writer(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    page.evaluate("window.heard = ''; for (const type of ['keydown', 'keyup', 'keypress']) "
                  "document.addEventListener(type, event => { window.heard += event.key })")  # fmt: skip
    widget.input.press_sequentially("jk")
    assert page.evaluate("window.heard") == ""


def test_on_a_phone_the_page_behind_is_out_of_reach(visited: HubProcess, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    widget = Widget(page, visited.url).open()
    assert page.evaluate("document.body.inert")
    expect(widget.panel).to_have_attribute("aria-modal", "true")
    page.get_by_role("button", name="Close chat").click()
    assert not page.evaluate("document.body.inert")
    expect(widget.launcher).to_be_focused()
