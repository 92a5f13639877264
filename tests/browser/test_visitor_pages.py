"""The chat on somebody's site: where the visitor is, and files from there."""

from typing import Any

from playwright.sync_api import Page, Response, expect

from tests.browser.host import Host
from tests.browser.widget import Widget, embed
from tests.support.hub import HubProcess

PASTE = """(input, [name, type, bytes]) => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([Uint8Array.from(bytes)], name, {type}));
    input.dispatchEvent(new ClipboardEvent('paste', {clipboardData, bubbles: true, cancelable: true}));
}"""


def said_on(hub: HubProcess, text: str) -> dict[str, Any]:
    """The page a message was written on, as agents are told."""
    with hub.client() as http:
        for row in http.get("/api/conversations", params={"view": "all"}).json()["items"]:
            thread = http.get(f"/api/conversations/{row['id']}").json()
            for message in thread["messages"]:
                if message["text"] == text:
                    page: dict[str, Any] = message["page"]
                    return page
    raise AssertionError(f"nobody said {text}")


def test_a_page_shown_without_a_load_is_a_page(visited: HubProcess, host: Host, page: Page) -> None:
    widget = Widget(page, host.url)
    with page.expect_websocket() as opened:
        widget.open(host.page(embed(visited.url, key="demo")))
    heard = opened.value.expect_event("framesent", lambda data: '["page"' in str(data))
    with heard as frame:
        page.evaluate("history.pushState({}, '', '/cart?coupon=SECRET#top'); document.title = 'Your cart'")
    assert "/cart" in str(frame.value)
    assert "Your cart" in str(frame.value)
    assert "SECRET" not in str(frame.value)
    # Said in the same breath as the page is left: what is written belongs to the page it is sent from.
    page.evaluate("history.pushState({}, '', '/checkout'); document.title = 'Checkout'")
    widget.say("What about this cart?")
    expect(widget.theirs).to_have_count(1)
    on = said_on(visited, "What about this cart?")
    assert (on["url"], on["title"]) == (f"{host.url}/checkout", "Checkout")


# S-4
def test_a_file_from_another_origin(visited: HubProcess, host: Host, page: Page) -> None:
    widget = Widget(page, host.url).open(host.page(embed(visited.url, key="demo")))
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer) if answer.url.endswith("/uploads") else None)
    page.get_by_label("Attach a file").set_input_files(
        {"name": "receipt.txt", "mimeType": "text/plain", "buffer": b"one mug"}
    )
    expect(page.locator(".chip")).to_have_text("receipt.txt")
    expect(page.locator(".chip progress")).to_have_count(0)
    widget.send_button.click()
    link = widget.log.get_by_role("link", name="receipt.txt")
    expect(link).to_be_visible()
    assert str(link.get_attribute("href")).startswith(visited.url)
    assert [answer.status for answer in answers if answer.request.method == "POST"] == [201]


def test_a_pasted_picture_goes_along(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    picture = page.screenshot(clip={"x": 0, "y": 0, "width": 40, "height": 30})
    widget.input.evaluate(PASTE, ["shot.png", "image/png", list(picture)])
    expect(page.locator(".chip")).to_have_text("shot.png")
    expect(page.locator(".chip progress")).to_have_count(0)
    widget.say("Arrived like this")
    expect(widget.log.get_by_role("img", name="shot.png")).to_be_visible()
    expect(widget.own).to_have_text(["Arrived like this"])


def test_pasted_text_is_text(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("navigator.clipboard.writeText('mug <b>42</b>')")
    widget.input.focus()
    page.keyboard.press("ControlOrMeta+v")
    expect(widget.input).to_have_value("mug <b>42</b>")
    expect(page.locator(".chip")).to_have_count(0)
