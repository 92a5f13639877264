"""The customer record: everything said, on every channel, under one person, and never joined by guessing."""

from typing import Any

import httpx

from tests.support.hub import AGENT, HubProcess
from tests.support.texting import Line, new_phone, new_sid, until
from tests.support.visitor import agent, visitor

PAGE = {
    "url": "https://shop.example/orders/10234?email=kim@shop.example#top",
    "title": "Your order",
    "referrer": "https://search.example/?q=tents",
}


def timeline(http: httpx.Client, contact: str) -> list[dict[str, Any]]:
    """The whole timeline, oldest first."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = http.get(f"/api/contacts/{contact}/timeline", params={"cursor": cursor} if cursor else {}).json()
        items += page["items"]
        cursor = page["cursor"]
        if cursor is None:
            return items[::-1]


def record(http: httpx.Client, contact: str) -> dict[str, Any]:
    """A contact."""
    found: dict[str, Any] = http.get(f"/api/contacts/{contact}").json()
    return found


def reply(http: httpx.Client, summary: dict[str, Any], text: str) -> None:
    """Answer a conversation."""
    said = {"client_id": new_sid("reply"), "text": text, "version": summary["version"]}
    assert http.post(f"/api/conversations/{summary['id']}/messages", json=said).status_code == 201


async def chat(hub: HubProcess, http: httpx.Client, words: str) -> dict[str, Any]:
    """A visitor asks, gives the number, wants a person, and gets an answer; returns the conversation."""
    async with visitor(hub) as guest, agent(hub) as desk:
        assert (await guest.call("page", PAGE))["ok"] is True
        await guest.say("where is my order")
        await guest.wait_text("order number")
        await guest.say("FD-10234")
        await guest.wait_text("FD-10234 can be followed")
        ack = await guest.say("I want to talk to a person")
        summary = await desk.wait("conversation", status="open", id=ack["conversation"])
        reply(http, summary, "Mika here. " + words)
        await guest.wait_text("Mika here")
        await guest.say("Thank you, that is all")
    return summary


async def test_the_record_shows_everything(hub: HubProcess) -> None:
    """Every message with time, inbox, reading and page; the hand-over with its reason and what the bot knew."""
    with hub.client() as http:
        contact = (await chat(hub, http, "It comes tomorrow."))["contact"]
        items = timeline(http, contact)
        channels = {one["id"]: one["channel"] for one in http.get("/api/inboxes").json()}
    spoken = [(item["sender"], item["text"]) for item in items if item["kind"] == "text"]
    theirs = [text for sender, text in spoken if sender == "contact"]
    assert theirs == ["where is my order", "FD-10234", "I want to talk to a person", "Thank you, that is all"]
    assert [text for sender, text in spoken if sender == "agent"] == ["Mika here. It comes tomorrow."]
    assert len([text for sender, text in spoken if sender == "bot"]) >= 3
    assert [item["seq"] for item in items] == list(range(1, len(items) + 1))
    assert [item["at"] for item in items] == sorted(item["at"] for item in items)
    assert {channels[item["inbox"]] for item in items} == {"Website chat"}
    asked = items[0]
    assert asked["trace"]["intent"] == "order_status"
    assert 0.5 < asked["trace"]["confidence"] <= 1.0
    assert asked["trace"]["model"]
    page = {"url": "https://shop.example/orders/10234", "title": "Your order", "referrer": "https://search.example/"}
    assert asked["page"] == page
    (moved,) = [item["activity"] for item in items if item["activity"] and item["activity"]["what"] == "handed_over"]
    assert moved["reason"]
    assert moved["brief"]["asked"] == "I want to talk to a person"
    assert moved["brief"]["slots"]["order_number"] == "FD-10234"
    assert [item["author"]["name"] for item in items if item["sender"] == "agent"] == ["Mika"]


async def test_one_person_on_two_channels(hub: HubProcess, line: Line) -> None:
    """# S-2: a claimed number only suggests; an agent links, and can undo it."""
    phone, http = new_phone(), line.http
    web = (await chat(hub, http, f"May I text you at {phone}?"))["contact"]
    assert record(http, web)["suggestions"] == []
    line.text(phone, "what are your opening hours")
    until(lambda: line.messages(phone, "bot"))
    texted = line.thread(phone)["contact"]
    assert texted["id"] != web
    assert (texted["phone"], texted["suggestions"], record(http, web)["suggestions"]) == (phone, [], [])

    claim = {"attributes": {"phone": phone}}
    claimed = http.patch(f"/api/contacts/{web}", json=claim).json()
    (attribute,) = [one for one in claimed["attributes"] if one["name"] == "phone"]
    assert (attribute["value"], attribute["source"], attribute["by"]) == (phone, "agent", "Mika")
    (suggestion,) = claimed["suggestions"]
    (identity,) = texted["identities"]
    assert (suggestion["contact"], suggestion["identity"]) == (texted["id"], identity["id"])
    assert [one["contact"] for one in record(http, texted["id"])["suggestions"]] == [web]
    assert line.thread(phone)["contact"]["id"] == texted["id"]

    link = {"identity": identity["id"], "reason": "same number"}
    whole = http.post(f"/api/contacts/{web}/link", json=link).json()
    assert len(whole["identities"]) == 2
    (linked,) = [one for one in whole["identities"] if one["id"] == identity["id"]]
    assert (linked["address"], linked["proven"], linked["linked_by"]) == (phone, True, "Mika")
    assert linked["linked_at"]
    assert whole["suggestions"] == []
    items = timeline(http, web)
    assert len({item["conversation"] for item in items}) == len({item["inbox"] for item in items}) == 2
    assert {"where is my order", "what are your opening hours"} <= {item["text"] for item in items}
    assert line.thread(phone)["contact"]["id"] == web

    apart = http.post(f"/api/contacts/{web}/unlink", json={"identity": identity["id"]}).json()
    assert len(apart["identities"]) == 1
    assert len({item["conversation"] for item in timeline(http, web)}) == 1
    assert line.thread(phone)["contact"]["id"] == texted["id"]
    assert len([item for item in timeline(http, texted["id"]) if item["kind"] == "text"]) == 2


async def test_a_linked_person_writes_on(hub: HubProcess, line: Line) -> None:
    """After a link, both channels go on in their own conversations and in one record."""
    phone, http = new_phone(), line.http
    web = (await chat(hub, http, "Anything else?"))["contact"]
    line.text(phone, "hello")
    identity = line.thread(phone)["contact"]["identities"][0]["id"]
    http.post(f"/api/contacts/{web}/link", json={"identity": identity, "reason": ""})
    line.text(phone, "what are your opening hours")
    until(lambda: len(line.messages(phone, "bot")) == 2)
    texts = [item["text"] for item in timeline(http, web) if item["sender"] == "contact"]
    assert texts[-2:] == ["hello", "what are your opening hours"]
    assert timeline(http, web)[-2]["trace"]["intent"] == "opening_hours"


async def test_nobody_links_by_a_forged_text(hub: HubProcess, line: Line) -> None:
    """# S-18: a text whose signature is wrong is nobody's: no contact, no suggestion."""
    phone, http = new_phone(), line.http
    web = (await chat(hub, http, "May I have your number?"))["contact"]
    http.patch(f"/api/contacts/{web}", json={"attributes": {"phone": phone}})
    forged = f"From=%2B{phone[1:]}&Body=hello&MessageSid={new_sid()}"
    assert line.post(forged, secret="guessed").status_code == 403
    assert record(http, web)["suggestions"] == []
    assert line.find(phone) == []


def test_links_that_make_no_sense(hub: HubProcess, line: Line) -> None:
    """An unknown identity or contact, a link to where it is already, an undo of nothing: refused, nothing changed."""
    phone = new_phone()
    line.text(phone, "hello")
    contact = line.thread(phone)["contact"]
    identity = contact["identities"][0]["id"]
    with hub.client(AGENT) as http:
        for path, body, code in [
            (f"/api/contacts/{contact['id']}/link", {"identity": identity}, 409),
            (f"/api/contacts/{contact['id']}/link", {"identity": "nobody"}, 409),
            ("/api/contacts/nobody/link", {"identity": identity}, 409),
            (f"/api/contacts/{contact['id']}/unlink", {"identity": identity}, 409),
            (f"/api/contacts/{contact['id']}/link", {"identity": {"id": identity}}, 400),
        ]:
            answer = http.post(path, json=body)
            assert (answer.status_code, answer.json()["field"]) == (code, "identity"), path
    assert line.thread(phone)["contact"]["identities"] == contact["identities"]
