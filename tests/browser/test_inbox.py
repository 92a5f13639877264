"""The inbox in a real browser against a real hub: one chat from queue to resolved, and what goes wrong in between."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.inbox_desk import ASK, Desk, Line, on_the_line
from tests.support.hub import AGENT, HubProcess


@pytest.fixture
def desk(page: Page, hub: HubProcess) -> Desk:
    return Desk(page, hub)


@pytest.fixture
def line(hub: HubProcess) -> Iterator[Line]:
    with on_the_line(hub) as visitor:
        yield visitor


def test_a_wrong_password_is_refused_in_words(page: Page, hub: HubProcess) -> None:
    page.goto(f"{hub.url}/inbox")
    page.get_by_label("E-mail").fill(hub.admin.email)
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not match")
    expect(page.get_by_label("E-mail")).to_have_value(hub.admin.email)


def test_one_chat_from_the_queue_to_resolved(desk: Desk, line: Line) -> None:
    page = desk.sign_in().page
    line.say(ASK)
    expect(desk.row(line.conversation)).to_be_visible(timeout=8_000)

    desk.row(line.conversation).click()
    expect(page.get_by_role("region", name="Hand-over brief")).to_contain_text(ASK)
    expect(page.locator(".activity").last).to_contain_text("Handed over")
    desk.button("Take over").click()
    expect(desk.standing).to_contain_text("Yours")

    desk.field.fill("Hello, Mika here. How can I help?")
    page.keyboard.press("Enter")
    assert line.wait_text("Mika here")["sender"] == "agent"
    expect(page.locator(".pending")).to_have_count(0)
    expect(desk.bubbles.filter(has_text="Mika here")).to_have_count(1)
    expect(desk.field).to_have_value("")

    line.say("Where is A-1042?")
    expect(desk.bubbles.last).to_have_text("Where is A-1042?", timeout=2_000)

    desk.button("Hand back to the bot").click()
    expect(desk.standing).to_contain_text("The bot is answering")
    line.say("hello")
    expect(page.locator(".message.bot").last).to_be_visible()
    page.keyboard.press("e")
    expect(desk.standing).to_contain_text("Resolved")
    expect(page.get_by_role("status").get_by_text("Resolved.")).to_be_visible()


# S-7
def test_a_note_never_reaches_the_visitor(desk: Desk, line: Line) -> None:
    line.say(ASK)
    page = desk.sign_in().open(line.conversation).page
    page.get_by_role("tab", name="Note").click()
    desk.field.fill("Carrier lost it, refund if they ask")
    page.keyboard.press("Enter")
    expect(page.locator(".message.note .bubble")).to_have_text("Carrier lost it, refund if they ask")
    page.get_by_role("tab", name="Reply").click()
    desk.field.fill("One moment please")
    page.keyboard.press("Enter")
    line.wait_text("One moment please")
    assert not any("refund" in text for text in line.texts())


# INV-11
def test_who_lost_the_race_is_told_who_has_the_chat(desk: Desk, line: Line, hub: HubProcess) -> None:
    line.say(ASK)
    page = desk.sign_in().open(line.conversation).page
    page.route("**/socket.io/**", lambda route: route.abort())
    page.evaluate("window.dispatchEvent(new Event('offline'))")
    with hub.client(AGENT) as sora:
        version = sora.get(f"/api/conversations/{line.conversation}").json()["conversation"]["version"]
        sora.post(f"/api/conversations/{line.conversation}/claim", json={"version": version}).raise_for_status()
    desk.button("Take over").click()
    expect(page.locator(".toast")).to_contain_text("Sora has this chat now")
    expect(desk.standing).to_contain_text("Sora is answering")


def test_the_keyboard_is_enough(desk: Desk, line: Line) -> None:
    line.say(ASK)
    page = desk.sign_in().page
    expect(desk.row(line.conversation)).to_be_visible()
    for _ in range(desk.rows.count()):
        page.keyboard.press("j")
        if page.evaluate("document.activeElement.id") == f"row-{line.conversation}":
            break
    page.keyboard.press("o")
    expect(desk.row(line.conversation)).to_have_attribute("aria-current", "true")
    expect(desk.button("Take over")).to_be_visible()
    page.keyboard.press("i")
    expect(desk.standing).to_contain_text("Yours")
    page.keyboard.press("r")
    page.keyboard.type("typed by keys: j e i a")
    page.keyboard.press("Control+Enter")
    line.wait_text("typed by keys: j e i a")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("m")
    expect(page.get_by_role("heading", level=1)).to_have_text("Mine")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox")).to_be_focused()
    page.keyboard.type("resolve")
    page.keyboard.press("Enter")
    expect(desk.standing).to_contain_text("Resolved")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_single_keys_can_be_switched_off(desk: Desk, line: Line) -> None:
    line.say(ASK)
    page = desk.sign_in().open(line.conversation).page
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("Single-key shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("i")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(desk.button("Take over")).to_be_visible()


# INV-4
def test_a_restart_of_the_hub_loses_nothing(desk: Desk, line: Line, hub: HubProcess) -> None:
    line.say(ASK)
    page = desk.sign_in().open(line.conversation).page
    hub.stop()
    expect(page.locator(".banner")).to_be_visible(timeout=10_000)
    desk.field.fill("written while the hub was away")
    page.keyboard.press("Enter")
    expect(page.locator(".pending")).to_contain_text("written while the hub was away")
    hub.start()
    expect(page.locator(".banner")).to_have_count(0, timeout=40_000)
    expect(page.locator(".pending")).to_have_count(0)
    expect(desk.bubbles.filter(has_text="written while the hub was away")).to_have_count(1)


def test_a_draft_waits_for_its_writer(desk: Desk, line: Line) -> None:
    line.say(ASK)
    page = desk.sign_in().open(line.conversation).page
    desk.field.fill("half a sentence")
    page.reload()
    expect(desk.field).to_have_value("half a sentence")
    line.say("are you there?")
    expect(page.locator(".composer-hint")).to_contain_text("since you began")


def test_the_list_stands_still_under_the_pointer(desk: Desk, line: Line, hub: HubProcess) -> None:
    line.say(ASK)
    page = desk.sign_in().page
    expect(desk.row(line.conversation)).to_be_visible()
    desk.row(line.conversation).hover()
    before = desk.row(line.conversation).bounding_box()
    with on_the_line(hub) as second:
        second.say(ASK)
        expect(page.locator(".held")).to_contain_text("new chat")
        assert desk.row(line.conversation).bounding_box() == before
        expect(desk.row(second.conversation)).to_have_count(0)
        page.mouse.move(900, 500)
        expect(desk.row(second.conversation)).to_be_visible()


def test_the_record_shows_how_every_message_was_read(desk: Desk, line: Line) -> None:
    line.call("page", {"url": "https://shop.example/blue-lamp?utm=1", "title": "Blue lamp", "referrer": ""})
    line.say(ASK)
    page = desk.sign_in().open(line.conversation).page
    record = page.get_by_role("complementary", name="Customer record")
    entry = record.locator(".entry").filter(has_text=ASK)
    expect(entry.locator(".entry-trace").first).to_contain_text("%")
    expect(entry.get_by_role("link", name="Blue lamp")).to_have_attribute("href", "https://shop.example/blue-lamp")
    expect(entry.get_by_role("img")).to_have_count(1)
    page.get_by_role("button", name="Edit name").click()
    expect(page.locator("input.inline-field")).to_be_focused()
    page.keyboard.type("Aya Tanaka")
    page.keyboard.press("Enter")
    expect(page.locator(".thread-head h2")).to_have_text("Aya Tanaka")
    expect(desk.row(line.conversation)).to_contain_text("Aya Tanaka")
