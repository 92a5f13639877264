"""A visitor chats in a real browser with a real hub and its bot, on good and bad lines."""

import re

from playwright.sync_api import BrowserContext, FilePayload, Page, WebSocketRoute, expect

from tests.browser.widget import OPENING, OPENING_ANSWER, Widget
from tests.support.hub import HubProcess


def test_a_bot_answers(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    widget.ask()
    assert widget.texts()[0] == f"> {OPENING}"
    expect(widget.log.get_by_text("Sent", exact=True)).to_be_visible()
    assert widget.errors == []


def test_starters_greet_and_are_gone_once_used(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    starter = widget.log.get_by_role("button", name=OPENING)
    starter.click()
    expect(widget.own).to_have_text([OPENING])
    expect(starter).to_have_count(0)
    expect(widget.input).to_be_focused()


def test_a_choice_is_sent_once_and_its_pills_go(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    widget.say("hello")
    pills = widget.log.locator("button.pill")
    expect(pills.first).to_be_visible()
    title = pills.first.inner_text()
    pills.first.click()
    expect(widget.own.nth(1)).to_have_text(title)
    expect(widget.theirs.nth(1)).to_be_visible()
    expect(widget.log.get_by_role("button", name=title, exact=True)).to_have_count(0)
    assert widget.own.count() == 2


# INV-1
def test_reload_shows_the_same_conversation(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    widget.ask()
    before = widget.texts()
    page.reload()
    expect(widget.theirs.last).to_contain_text(OPENING_ANSWER)
    assert widget.texts() == before
    page.goto(visited.url + "/demo#range")
    expect(widget.panel).to_be_visible()


def test_a_second_tab_is_the_same_visitor(visited: HubProcess, page: Page, context: BrowserContext) -> None:
    first = Widget(page, visited.url).open()
    first.ask()
    second = Widget(context.new_page(), visited.url)
    second.page.goto(visited.url + "/demo")
    second.launcher.click()
    expect(second.theirs).to_have_count(1)
    second.ask("What do you charge for delivery?", "")
    expect(first.own).to_have_count(2)
    expect(first.theirs).to_have_count(second.theirs.count())
    assert first.texts() == second.texts()


def test_two_tabs_at_once_take_one_token(visited: HubProcess, page: Page, context: BrowserContext) -> None:
    tabs = [Widget(page, visited.url), Widget(context.new_page(), visited.url)]
    for tab in tabs:
        tab.page.goto(visited.url + "/demo")
    for tab in tabs:
        tab.page.evaluate("frontdesk('show')")
    for tab in tabs:
        expect(tab.page.locator(".who p")).not_to_be_empty()
    tabs[0].ask()
    expect(tabs[1].own).to_have_count(1)


# INV-2
def test_what_is_written_offline_is_sent_once_later(visited: HubProcess, page: Page, context: BrowserContext) -> None:
    widget = Widget(page, visited.url).open()
    widget.ask()
    context.set_offline(True)
    widget.say("One of these")
    widget.say("And another")
    expect(widget.log.get_by_text("Waiting for a connection")).to_be_visible()
    expect(page.get_by_text("No connection.")).to_be_visible()
    context.set_offline(False)
    expect(page.get_by_text("No connection.")).to_have_count(0)
    expect(widget.log.get_by_text("Sent", exact=True)).to_be_visible()
    assert widget.own.all_inner_texts() == [OPENING, "One of these", "And another"]


def test_unsent_survives_a_reload(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    widget.ask()
    page.route_web_socket("**/socket.io/**", lambda route: route.close())
    page.reload()
    widget.say("Kept")
    expect(widget.own).to_have_text(["Kept"])
    page.unroute_all()
    fresh = Widget(page.context.new_page(), visited.url)
    fresh.page.goto(visited.url + "/demo")
    fresh.launcher.click()
    expect(fresh.own).to_have_text([OPENING, "Kept"])
    expect(fresh.log.get_by_text("Sent", exact=True)).to_be_visible()


# INV-2
def test_a_lost_ack_makes_no_second_bubble(visited: HubProcess, page: Page) -> None:
    lost: list[str] = []

    def drop_first_ack(route: WebSocketRoute, data: str) -> bool:
        if lost or not re.match(r"43/visitor,\d+\[", data) or '"seq"' not in data:
            return True
        lost.append(data)
        route.close()
        return False

    widget = Widget(page, visited.url)
    widget.on_line(drop_first_ack)
    widget.open()
    widget.say(OPENING)
    expect(widget.theirs).to_have_count(1)
    expect(widget.log.get_by_text("Sent", exact=True)).to_be_visible()
    assert lost
    page.reload()
    expect(widget.theirs).to_have_count(1)
    assert (widget.own.count(), widget.theirs.count()) == (1, 1)


# INV-3
def test_a_lost_event_is_fetched(visited: HubProcess, page: Page) -> None:
    lost: list[str] = []

    def drop_first_answer(_route: WebSocketRoute, data: str) -> bool:
        if lost or '"sender":"bot"' not in data or not data.startswith('42/visitor,["message"'):
            return True
        lost.append(data)
        return False

    widget = Widget(page, visited.url)
    widget.on_line(drop_first_answer)
    widget.open()
    widget.say(OPENING)
    expect(widget.log.get_by_text("Sent", exact=True)).to_be_visible()
    expect(widget.theirs).to_have_count(0)
    widget.say("What are your opening hours?")
    expect(widget.theirs).to_have_count(2, timeout=8_000)
    assert lost


# INV-1
def test_a_killed_hub_loses_nothing_here(own_hub: HubProcess, page: Page) -> None:
    widget = Widget(page, own_hub.url).open()
    widget.ask()
    own_hub.kill()
    widget.say("Are you there?")
    expect(widget.log.get_by_text("Waiting for a connection")).to_be_visible()
    own_hub.start()
    expect(widget.theirs).to_have_count(2, timeout=40_000)
    assert widget.own.all_inner_texts() == [OPENING, "Are you there?"]


def test_a_person_takes_over(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    widget.ask("I want to talk to a person", "")
    expect(page.locator(".who p")).to_contain_text(re.compile("queue|person"))
    with visited.client() as http:
        row = http.get("/api/conversations", params={"view": "queue"}).json()["items"][-1]
        taken = http.post(f"/api/conversations/{row['id']}/claim", json={"version": row["version"]}).json()
        reply = {"client_id": "reply-1", "text": "Hello, Mika here.", "version": taken["version"]}
        http.post(f"/api/conversations/{row['id']}/messages", json=reply).raise_for_status()
    expect(widget.log.get_by_text("Mika joined")).to_be_visible()
    expect(widget.theirs.last).to_have_text("Hello, Mika here.")
    expect(page.locator(".who h2")).to_have_text("Mika")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="End conversation").click()
    expect(widget.log.get_by_text("Conversation ended")).to_be_visible()
    widget.log.locator(".rating label").nth(3).click()
    expect(widget.log.get_by_role("radio", name="4 of 5")).to_be_checked()
    widget.log.get_by_role("button", name="Send rating").click()
    expect(widget.log.get_by_role("radio")).to_have_count(0)
    expect(widget.log.get_by_text("Thank you for your rating")).to_be_visible()


def test_a_file_goes_along(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    widget.ask()
    picture = page.screenshot(clip={"x": 0, "y": 0, "width": 40, "height": 30})
    file: FilePayload = {"name": "broken.png", "mimeType": "image/png", "buffer": picture}
    page.get_by_label("Attach a file").set_input_files(file)
    expect(page.locator(".chip")).to_have_text("broken.png")
    expect(page.locator(".chip progress")).to_have_count(0)
    widget.send_button.click()
    expect(widget.log.get_by_role("img", name="broken.png")).to_be_visible()
    expect(page.locator(".chip")).to_have_count(0)


def test_unread_is_counted_on_launcher_and_hidden_title(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    widget.ask()
    page.keyboard.press("Escape")
    expect(widget.panel).to_be_hidden()
    expect(widget.launcher).to_be_focused()
    hide = "state => Object.defineProperty(document, 'hidden', {configurable: true, get: () => state})"
    page.evaluate(hide, True)
    page.evaluate("frontdesk('on', 'unread', ({count}) => { window.unread = count })")
    other = Widget(page.context.new_page(), visited.url)
    other.page.goto(visited.url + "/demo")
    other.launcher.click()
    other.ask("Thank you", "")
    expect(widget.launcher).to_have_attribute("data-unread", "1")
    expect(page).to_have_title(re.compile(r"^\(1\) Northwind"))
    assert page.evaluate("window.unread") == 1
    page.evaluate(hide, False)
    widget.launcher.click()
    expect(widget.launcher).not_to_have_attribute("data-unread", re.compile(""))
    expect(page).to_have_title(re.compile("^Northwind"))
