"""What a visitor sees: nothing covered, nothing cut, readable in every light, language and width."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.host import Host
from tests.browser.widget import Widget, box, embed
from tests.support.hub import HubProcess

PHONE: ViewportSize = {"width": 390, "height": 844}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LONG = "Donaudampfschifffahrtsgesellschaftskapitän" * 6


def violations(page: Page) -> list[str]:
    found: list[dict[str, Any]] = Axe().run(page, options=RULES).response["violations"]
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


def assert_geometry(page: Page, widget: Widget) -> None:
    """Send can be pressed, bubbles are inside the log, nothing is wider than the panel."""
    at = box(widget.send_button)
    middle = {"x": at["x"] + at["width"] / 2, "y": at["y"] + at["height"] / 2}
    script = """({x, y}) => {
        let top = document.elementFromPoint(x, y);
        while (top?.shadowRoot) {
            const inner = top.shadowRoot.elementFromPoint(x, y);
            if (!inner || inner === top) break;
            top = inner;
        }
        return !!top?.closest('.send');
    }"""
    assert page.evaluate(script, middle), "something covers Send"
    log = box(widget.log)
    for bubble in widget.log.locator(".bubble, .pill").all():
        inside = box(bubble)
        assert inside["x"] >= log["x"]
        assert inside["x"] + inside["width"] <= log["x"] + log["width"] + 0.5
    assert widget.log.evaluate("log => log.scrollWidth <= log.clientWidth")
    panel, view = box(widget.panel), page.viewport_size
    assert view
    assert panel["y"] >= 0
    assert panel["y"] + panel["height"] <= view["height"] + 0.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{"width": 1280, "height": 800}, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(visited: HubProcess, browser: Browser, scheme: Any, size: Any) -> None:
    page = browser.new_page(color_scheme=scheme, viewport=size, reduced_motion="reduce")
    widget = Widget(page, visited.url).open()
    assert violations(page) == []
    widget.ask("hello", "")
    widget.ask()
    assert violations(page) == []
    assert_geometry(page, widget)
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="End conversation").click()
    widget.log.locator(".rating label").nth(2).click()
    expect(widget.log.get_by_role("button", name="Send rating")).to_be_visible()
    assert violations(page) == []
    page.close()


@pytest.mark.parametrize("width", [320, 390, 479, 480, 768, 1440])
def test_geometry_with_long_words(visited: HubProcess, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    widget = Widget(page, visited.url).open()
    widget.say(LONG)
    widget.say(f"https://shop.example/{LONG}")
    expect(widget.own).to_have_count(2)
    expect(widget.log.get_by_role("link")).to_have_count(1)
    assert_geometry(page, widget)


def test_the_panel_shrinks_on_a_low_screen(visited: HubProcess, page: Page) -> None:
    page.set_viewport_size({"width": 900, "height": 420})
    widget = Widget(page, visited.url).open()
    widget.ask()
    assert_geometry(page, widget)


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_phone_shows_nothing_but_the_chat(visited: HubProcess, host: Host, page: Page, side: str) -> None:
    page.set_viewport_size(PHONE)
    page.emulate_media(reduced_motion="reduce")
    widget = Widget(page, host.url).open(host.page(embed(visited.url, key="demo", position=side)))
    assert box(widget.panel) == {"x": 0, "y": 0, **PHONE}
    expect(widget.launcher).to_be_hidden()
    assert widget.input.evaluate("input => getComputedStyle(input).fontSize") == "16px"


HOSTILE = """
* { all: unset !important; color: red !important; font: 40px cursive !important; letter-spacing: 9px !important }
button, textarea, section, div { display: none !important; background: red !important; rotate: 9deg !important }
body { transform: scale(0.5); zoom: 2; direction: rtl }
frontdesk-widget { display: none !important; position: absolute !important; opacity: 0 !important; --gray-1: red }
html { --accent: red; --gray-1: red; font-size: 4px }
"""


def test_hostile_host_styles_change_nothing(visited: HubProcess, host: Host, browser: Browser) -> None:
    look = """() => {
        const root = document.querySelector('frontdesk-widget').shadowRoot;
        return ['.panel', '.bubble', '.own .bubble', '.send', 'textarea', '.head', '.launcher'].map(name => {
            const e = root.querySelector(name), s = getComputedStyle(e), b = e.getBoundingClientRect();
            const box = [b.width, b.height, s.display, s.direction, s.opacity];
            return [name, s.color, s.backgroundColor, s.fontSize, s.fontFamily, s.letterSpacing, ...box];
        });
    }"""
    looks = []
    for style in ("", f"<style>{HOSTILE}</style>"):
        page = browser.new_page(reduced_motion="reduce")
        widget = Widget(page, host.url).open(host.page(style + embed(visited.url, key="demo")))
        widget.ask()
        looks.append(page.evaluate(look))
        page.close()
    assert looks[0] == looks[1]


def test_a_strict_policy_lets_it_all_through(visited: HubProcess, host: Host, page: Page) -> None:
    csp = (
        f"default-src 'none'; script-src {visited.url}; img-src {visited.url}; "
        f"connect-src {visited.url} {visited.url.replace('http', 'ws')}; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    widget = Widget(page, host.url).open(host.page(embed(visited.url, key="demo"), csp))
    widget.ask()
    assert box(widget.panel)["width"] == 380
    assert widget.errors == []


def test_arabic_is_mirrored(visited: HubProcess, host: Host, browser: Browser) -> None:
    page = browser.new_page(locale="ar", viewport={"width": 1000, "height": 760})
    page.goto(host.url + host.page(embed(visited.url, key="demo", locale="ar")))
    page.locator("button.launcher").click()
    field = page.get_by_role("textbox", name="اكتب رسالة")
    field.fill("مرحبا 123 shop")
    field.press("Enter")
    own = page.locator(".own .bubble")
    expect(own).to_have_text("مرحبا 123 shop")
    expect(page.locator(".other .bubble").first).to_be_visible()
    panel, mine, theirs = (box(page.locator(name).first) for name in (".panel", ".own .bubble", ".other .bubble"))
    assert panel["x"] < 40, "the panel stands on the left"
    assert mine["x"] < theirs["x"] + theirs["width"]
    assert mine["x"] - panel["x"] < 40
    name, face = box(page.locator(".who bdi")), box(page.locator(".face"))
    assert face["x"] > name["x"]
    assert abs(name["x"] + name["width"] - face["x"]) < 24
    assert violations(page) == []
    page.close()


def test_japanese_words_and_shapes(visited: HubProcess, host: Host, browser: Browser) -> None:
    page = browser.new_page(locale="ja-JP")
    page.goto(host.url + host.page(embed(visited.url, key="demo", locale="ja")))
    page.locator("button.launcher").click()
    field = page.get_by_role("textbox", name="メッセージを入力")
    field.fill("営業時間を教えてください")
    field.press("Enter")
    expect(page.locator(".own .bubble")).to_have_text("営業時間を教えてください")
    expect(page.locator(".other:not(.typing) .bubble").first).to_be_visible()
    assert page.locator(".frontdesk").get_attribute("lang") == "ja"
    assert "CJK JP" in page.locator(".panel").evaluate("panel => getComputedStyle(panel).fontFamily")
    page.close()


def test_a_brand_colour_stays_readable(visited: HubProcess, host: Host, page: Page) -> None:
    widget = Widget(page, host.url).open(host.page(embed(visited.url, key="demo", color="#ffd400")))
    widget.ask()
    assert widget.own.evaluate("bubble => getComputedStyle(bubble).backgroundColor") == "rgb(255, 212, 0)"
    assert violations(page) == []


def test_the_frame_is_the_same_chat(visited: HubProcess, page: Page) -> None:
    page.set_viewport_size(PHONE)
    widget = Widget(page, visited.url).open("/frame?key=demo")
    widget.ask()
    expect(page.get_by_role("button", name="Close chat")).to_have_count(0)
    assert_geometry(page, widget)
    assert violations(page) == []


def test_the_script_interface(visited: HubProcess, host: Host, page: Page) -> None:
    page.goto(host.url + host.page(embed(visited.url)))
    page.evaluate("""() => {
        window.seen = [];
        window.frontdesk ??= function () { (window.frontdesk.q ??= []).push(arguments) };
        for (const name of ['ready', 'open', 'close', 'message']) frontdesk('on', name, () => window.seen.push(name));
        frontdesk('boot', {key: 'demo', position: 'left', bottom: 90});
        frontdesk('show');
    }""")
    widget = Widget(page, visited.url)
    widget.ask()
    assert box(widget.panel)["x"] == 20
    page.evaluate("frontdesk('hide')")
    expect(widget.panel).to_be_hidden()
    page.evaluate("frontdesk('update', {locale: 'de'}); frontdesk('toggle')")
    expect(page.get_by_role("textbox", name="Nachricht schreiben")).to_be_visible()
    assert page.evaluate("window.seen") == ["open", "ready", "message", "close", "open"]
    page.evaluate("frontdesk('shutdown')")
    expect(widget.launcher).to_have_count(0)
    assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('frontdesk:demo'))") == []
    assert not page.evaluate("document.body.inert")
