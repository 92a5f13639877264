"""Text messages end to end: the provider's own signatures and SDK against a running hub, on both databases."""

import io
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlencode

import httpx
import pytest
from PIL import Image
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]  # the SDK ships no types

from tests.support.hub import HubProcess
from tests.support.scale import scaled
from tests.support.texting import ACCOUNT, KEY, TOKEN, Answer, Line, Provider, new_phone, new_sid, until

PAYLOADS = Path(__file__).parents[1] / "payloads" / "sms"
PHONE = "+15005550100"
ASK = "what are your opening hours"
PEOPLE = scaled(6, 100)
SOON = scaled(3, 1)
"""Seconds in which 99 of 100 webhooks must be answered: what the most hurried provider waits, or what we want."""


def recorded(name: str) -> str:
    """Body of a recorded request."""
    saved = json.loads((PAYLOADS / f"{name}.json").read_text())
    return str(saved.get("raw_body") or urlencode(saved["params"]))


def error(name: str, **headers: str) -> Answer:
    """A recorded refusal."""
    saved = json.loads((PAYLOADS / f"twilio_error_{name}.json").read_text())
    return Answer(saved["status"], saved["body"], {key.replace("_", "-"): value for key, value in headers.items()})


def test_recorded_messages(line: Line) -> None:
    """# S-18: each recorded message is verified, stored once, and acknowledged as the provider wants it."""
    for name in ("twilio_sms_inbound", "twilio_whatsapp_inbound", "twilio_whatsapp_button", "twilio_stop_inbound"):
        answer = line.post(recorded(name))
        assert (answer.status_code, answer.text) == (200, "<Response/>"), name
        assert answer.headers["content-type"].startswith("text/xml")
    texts = [message["text"] for message in line.messages(PHONE, "contact")]
    assert texts == ["Where is my order? 👍 ", "STOP"]
    assert [message["text"] for message in line.messages(f"whatsapp:{PHONE}", "contact")] == ["hola", "Yes"]
    thread = line.thread(PHONE)
    assert thread["contact"]["phone"] == PHONE
    assert [one["proven"] for one in thread["contact"]["identities"]] == [True]
    assert thread["conversation"]["opted_out"] is True


def test_recorded_message_with_a_shared_key(line: Line) -> None:
    """# S-18: the newer signature, for the same message again: it is known."""
    body = recorded("twilio_sms_inbound_sha256_sharedkey")
    fields = json.loads((PAYLOADS / "twilio_sms_inbound_sha256_sharedkey.json").read_text())["params"]
    signature = RequestValidator(TOKEN).compute_signature(line.hub.url + line.path, fields, "HMAC_SHA256")
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": signature,
        "x-twilio-webhooks-signature-settings": f"key={KEY},algorithm=HMAC_SHA256",
    }
    assert httpx.post(line.hub.url + line.path, content=body, headers=headers).status_code == 200
    assert [m["text"] for m in line.messages(PHONE, "contact")].count("Where is my order? 👍 ") == 1
    headers["x-twilio-webhooks-signature-settings"] = "key=other,algorithm=HMAC_SHA256"
    assert httpx.post(line.hub.url + line.path, content=body, headers=headers).status_code == 403


def test_recorded_status_callbacks(line: Line, provider: Provider) -> None:
    """What the provider reports reaches the message; a failure after delivery changes nothing."""
    phone = new_phone()
    provider.tell(phone, Answer(sid="SM" + "a" * 32))
    line.text(phone, ASK)
    provider.wait(phone)
    seen = []
    for name in ("twilio_status_sent", "twilio_status_delivered", "twilio_status_failed"):
        assert line.post(recorded(name), "/status").status_code == 200
        seen.append(line.messages(phone, "bot")[0]["state"])
    assert seen == ["sent", "delivered", "delivered"]


def test_stored_once(line: Line, provider: Provider) -> None:
    """# INV-7: every text posted five times, shuffled and in parallel, is one message with one answer."""
    phones = [new_phone() for _ in range(PEOPLE)]
    posts = [(phone, f"{ASK} {number}", new_sid()) for phone in phones for number in range(2)] * 5
    random.Random(7).shuffle(posts)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda post: line.text(*post), posts))
    assert {answer.status_code for answer in answers} == {200}
    assert quantiles([answer.elapsed.total_seconds() for answer in answers], n=100, method="inclusive")[98] < SOON
    for phone in phones:
        texts = [message["text"] for message in line.messages(phone, "contact")]
        assert sorted(texts) == [f"{ASK} 0", f"{ASK} 1"]
        provider.wait(phone, "9:00", count=2)
        assert len(provider.texts(phone)) == 2


def test_the_bot_answers(line: Line, provider: Provider) -> None:
    """A form by text message: the question, the number, the answer; each with the callback's address."""
    phone = new_phone()
    line.text(phone, "where is my order")
    asked = provider.wait(phone, "order number")
    assert asked.callback == f"{line.hub.url}{line.path}/status"
    line.text(phone, "FD-10234")
    provider.wait(phone, "FD-10234")
    until(lambda: all(m["state"] == "sent" for m in line.messages(phone, "bot")))


@pytest.mark.parametrize("answer", ["1", " opening HOURS ", "2."])
def test_a_menu_by_number_or_label(line: Line, provider: Provider, answer: str) -> None:
    """Buttons go out as numbered lines, and a reply of the number or the label chooses one."""
    phone = new_phone()
    line.text(phone, "hello")
    menu = provider.wait(phone, "2. Opening hours")
    assert menu.body.endswith("\n1. Where is my order?\n2. Opening hours\n3. Talk to a person")
    line.text(phone, answer)
    provider.wait(phone, "order number" if answer == "1" else "9:00")
    chosen = line.messages(phone, "contact")[1]
    assert (chosen["text"], chosen["chosen"]) == (answer, [line.messages(phone, "bot")[0]["seq"], int(answer != "1")])


def test_a_picture_comes_in(line: Line, provider: Provider) -> None:
    """# S-20: a file is fetched from the provider with its credentials after the 2xx, and kept."""
    phone, drawn = new_phone(), io.BytesIO()
    Image.new("RGB", (8, 6), "teal").save(drawn, "PNG")
    provider.files["/media/1"] = ("image/png", drawn.getvalue())
    media = {"NumMedia": "1", "MediaUrl0": f"{provider.url}/media/1", "MediaContentType0": "image/png"}
    assert line.text(phone, "", **media).status_code == 200

    def ready() -> dict[str, object] | None:
        (file,) = line.messages(phone, "contact")[0]["attachments"]
        return file if file["state"] == "ready" else None

    file = until(ready)
    assert (file["media_type"], file["width"], file["height"]) == ("image/png", 8, 6)
    assert ("/media/1", f"{ACCOUNT}:{TOKEN}") in provider.fetched
    kept = httpx.get(f"{line.hub.url}{file['url']}")
    assert Image.open(io.BytesIO(kept.content)).size == (8, 6)


def test_stop_and_start(line: Line, provider: Provider) -> None:
    """After STOP nobody writes, bot or agent; START allows it again and reopens nothing."""
    phone = new_phone()
    line.text(phone, ASK)
    provider.wait(phone)
    line.text(phone, "STOP")
    refused = line.reply(phone, "one more thing")
    assert (refused.status_code, refused.json()["code"]) == (409, "opted_out")
    line.text(phone, ASK)
    until(lambda: len(line.messages(phone, "bot")) == 2)
    until(lambda: line.messages(phone, "bot")[1]["state"] == "failed")
    assert line.messages(phone, "bot")[1]["error"] == "opted_out"
    assert len(provider.texts(phone)) == 1
    line.act(phone, "claim")
    assert line.act(phone, "resolve").json()["status"] == "resolved"
    line.text(phone, "START")
    thread = line.thread(phone)
    assert (thread["conversation"]["status"], thread["conversation"]["opted_out"]) == ("resolved", False)
    done = [m["activity"]["what"] for m in thread["messages"] if m["activity"]]
    assert [what for what in done if what.startswith("opted")] == ["opted_out", "opted_in"]
    line.text(phone, ASK)
    assert line.reply(phone, "Welcome back").status_code == 201
    provider.wait(phone, "Welcome back")


def test_a_blocked_number(line: Line, provider: Provider) -> None:
    """The provider knows of a STOP that we do not: the message failed, and nothing more is sent."""
    phone = new_phone()
    provider.tell(phone, error("21610"))
    line.text(phone, ASK)
    until(lambda: line.messages(phone, "bot") and line.state(phone, "9:00") == ("failed", "21610"))
    assert line.thread(phone)["conversation"]["opted_out"] is True
    assert line.reply(phone, "are you there").json()["code"] == "opted_out"
    assert len(provider.texts(phone)) == 1


def test_an_unclear_send_is_shown_and_not_repeated(line: Line, provider: Provider) -> None:
    """# INV-8: the provider hangs up, so the text may be on its way; what comes after it is not held up."""
    phone = new_phone()
    provider.tell(phone, Answer(status=0))
    line.text(phone, ASK)
    until(lambda: line.messages(phone, "bot") and line.state(phone, "9:00")[0] == "uncertain")
    line.act(phone, "claim")
    assert line.reply(phone, "the next one").status_code == 201
    provider.wait(phone, "the next one")
    time.sleep(2.5)
    assert len(provider.texts(phone)) == 2
    assert line.state(phone, "9:00")[0] == "uncertain"


def test_a_hub_killed_while_sending(own_hub: HubProcess, provider: Provider) -> None:
    """# INV-8: nobody knows whether the text arrived, so it is shown as unclear and not sent again."""
    phone = new_phone()
    provider.tell(phone, Answer(hold=3.0))
    with own_hub.client() as http:
        line = Line(own_hub, provider, http)
        line.text(phone, ASK)
        provider.wait(phone)
        own_hub.kill()
        own_hub.start()
        until(lambda: line.state(phone, "9:00") == ("uncertain", "interrupted"), seconds=30)
    assert len(provider.texts(phone)) == 1


def test_too_many_requests(line: Line, provider: Provider) -> None:
    """# INV-9: a provider's Retry-After is waited for, and the text behind stays behind."""
    phone = new_phone()
    provider.tell(phone, error("20429", retry_after="2"))
    line.text(phone, ASK)
    provider.wait(phone)
    time.sleep(0.5)  # the hub has put it off by now, so that the next one meets no line to stand in
    line.act(phone, "claim")
    line.reply(phone, "second")
    provider.wait(phone, "second")
    first, again, second = provider.taken[phone]
    assert (first.body, again.body, second.body) == (again.body, first.body, "second")
    assert again.at - first.at >= 2.0
    until(lambda: line.state(phone, "9:00")[0] == "sent")


def test_reports_out_of_order(line: Line, provider: Provider) -> None:
    """States only rise, whatever the order of the callbacks, even before the provider has answered us."""
    phone, sid = new_phone(), new_sid()
    provider.tell(phone, Answer(sid=sid, hold=0.5))
    line.text(phone, ASK)
    provider.wait(phone)
    assert line.status(sid, "delivered").status_code == 200
    until(lambda: line.state(phone, "9:00")[0] == "delivered")
    for late in ("sent", "queued", "sending", "failed", "undelivered"):
        assert line.status(sid, late, ErrorCode="30008").status_code == 200
    assert line.state(phone, "9:00") == ("delivered", None)


def test_a_failed_delivery_says_why(line: Line, provider: Provider) -> None:
    """The provider's reason is shown beside the message."""
    phone, sid = new_phone(), new_sid()
    provider.tell(phone, Answer(sid=sid))
    line.text(phone, ASK)
    until(lambda: line.messages(phone, "bot") and line.state(phone, "9:00")[0] == "sent")
    line.status(sid, "undelivered", ErrorCode="30006")
    assert line.state(phone, "9:00") == ("failed", "30006")


def test_a_bad_signature(line: Line) -> None:
    """# S-18: forged, missing, of another address or another body: 403, one line in the log, nothing stored."""
    phone = new_phone()
    url, body = line.hub.url + line.path, urlencode({"From": phone, "Body": "forged", "MessageSid": new_sid()})
    good = RequestValidator(TOKEN).compute_signature(url, {"From": phone, "Body": "forged"})
    elsewhere = RequestValidator(TOKEN).compute_signature("https://evil.example" + line.path, {})
    before = line.hub.log().count("bad signature")
    for signature in (None, "", good, elsewhere, "\xe9" * 20):
        headers = {"content-type": "application/x-www-form-urlencoded"}
        raw = {**headers, "x-twilio-signature": signature.encode("latin-1")} if signature is not None else headers
        assert httpx.post(url, content=body, headers=raw).status_code == 403  # type: ignore[arg-type]  # raw bytes on purpose
    assert line.post(body, secret="wrong").status_code == 403
    assert line.hub.log().count("bad signature") - before == 6
    assert line.find(phone) == []
    assert phone not in line.hub.log()


def test_a_very_long_text(line: Line) -> None:
    """A text that no browser may send is kept whole as a file, its beginning is the message."""
    phone, sid = new_phone(), new_sid()
    whole = "I want to talk to a person \x01 " + "ありがとう " * 2_000
    for _ in range(2):
        assert line.text(phone, whole, sid).status_code == 200
    (message,) = line.messages(phone, "contact")
    assert message["text"] == whole[:8_000]
    (file,) = message["attachments"]
    assert (file["state"], file["media_type"]) == ("ready", "text/plain")
    assert httpx.get(f"{line.hub.url}{file['url']}").content.decode() == whole
