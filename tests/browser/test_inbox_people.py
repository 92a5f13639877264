"""People at the inbox: a one-time link, two customers' addresses that are one person, and the make-believe phone."""

import os
import re
import subprocess
import sys

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.browser.inbox_desk import ASK, Desk, on_the_line
from tests.support.hub import ROOT, HubProcess

PHONE = "+14155550177"


def frontdesk(hub: HubProcess, *arguments: str) -> str:
    """Run a command beside the hub and return what it printed."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FRONTDESK_")}
    ours = {"FRONTDESK_VAR": hub.var, "FRONTDESK_DATABASE_URL": hub.database_url, "FRONTDESK_PORT": hub.port}
    done = subprocess.run(
        [sys.executable, "-c", "from hub.cli import main; main()", *arguments],
        check=True,
        cwd=ROOT,
        env={**environ, **{name: str(value) for name, value in ours.items()}},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout


# S-10
def test_a_one_time_link_sets_a_password_once(page: Page, hub: HubProcess) -> None:
    told = frontdesk(hub, "user", "add", "leo@shop.example", "--name", "Leo")
    found = re.search(r"#reset=\S+", told)
    assert found
    link = f"{hub.url}/inbox{found[0]}"
    page.goto(link)
    page.get_by_label("New password").fill("short")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Choose a new password")).to_be_visible()
    page.get_by_label("New password").fill("a much longer one")
    page.keyboard.press("Enter")
    expect(page.locator(".me-name")).to_have_text("Leo")
    assert "reset" not in page.url
    page.context.clear_cookies()
    page.goto("about:blank")
    page.goto(link)
    page.get_by_label("New password").fill("another long one")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("used already")


def test_availability_is_told_to_colleagues(page: Page, hub: HubProcess) -> None:
    desk = Desk(page, hub).sign_in()
    page.locator(".me").click()
    page.get_by_role("menuitemradio", name="Away").click()
    expect(page.locator(".presence")).to_have_text("Away")
    with hub.client() as agent:
        mine = [row for row in agent.get("/api/agents").json() if row["name"] == desk.hub.admin.name]
    assert [row["availability"] for row in mine] == ["away"]


@pytest.fixture(scope="module")
def simulated(hub: HubProcess) -> None:
    """An inbox that a make-believe phone can text."""
    frontdesk(hub, "inbox", "add", "sms", "--simulated", "--name", "Make-believe line")


def test_a_text_and_a_chat_become_one_record_and_come_apart_again(page: Page, hub: HubProcess, simulated: None) -> None:
    desk = Desk(page, hub).sign_in()
    page.get_by_role("link", name="Phone simulator").click()
    page.get_by_label("Phone").fill(PHONE)
    page.get_by_label("Text message").fill("texted from the road")
    page.keyboard.press("Enter")
    expect(page.locator(".from-phone")).to_contain_text("texted from the road")
    expect(page.locator(".from-us").first).to_be_visible(timeout=10_000)

    with on_the_line(hub) as line:
        line.say(ASK)
        desk.open(line.conversation)
        page.get_by_role("button", name="Add a fact").click()
        page.keyboard.type("phone")
        page.keyboard.press("Tab")
        page.keyboard.type(PHONE)
        page.keyboard.press("Enter")
        addresses = page.locator(".identity")
        expect(addresses).to_have_count(1)
        page.get_by_role("button", name="Same person").click()
        page.get_by_role("button", name="Link", exact=True).click()
        expect(addresses).to_have_count(2)
        expect(addresses.filter(has_text=PHONE)).to_contain_text("Proven")
        expect(page.locator(".entry").filter(has_text="texted from the road")).to_be_visible()
        page.get_by_role("button", name="Undo").click()
        expect(addresses).to_have_count(1)
        expect(page.locator(".entry").filter(has_text="texted from the road")).to_have_count(0)


def test_a_file_reaches_the_customer(page: Page, hub: HubProcess) -> None:
    desk = Desk(page, hub).sign_in()
    with on_the_line(hub) as line:
        line.say(ASK)
        desk.open(line.conversation)
        file: FilePayload = {"name": "opening hours.txt", "mimeType": "text/plain", "buffer": b"nine to six"}
        page.locator(".attach input").set_input_files(file)
        expect(page.locator(".chosen-files .ready")).to_contain_text("opening hours.txt")
        desk.field.fill("Here they are")
        page.keyboard.press("Enter")
        expect(page.locator(".message.ours .file")).to_contain_text("opening hours.txt")
        assert line.wait_text("Here they are")["attachments"][0]["name"] == "opening hours.txt"
