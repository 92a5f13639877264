"""``bots/rasa.py`` against a recorded server: what each answer means, and every way a server fails."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bots import Bot, BotError, ProjectError, load
from models.turns import Turn
from tests.bots.peer import Play, RecordedRasa, sample
from tests.bots.projects import SMALL, write

NOWHERE = Path("model")
LATER: dict[str, Any] = {"version": 1, "slots": {"order_id": "42"}, "loop": None, "requested": None, "language": None}


@pytest.fixture
def peer() -> Iterator[RecordedRasa]:
    server = RecordedRasa()
    yield server
    server.close()


@pytest.fixture
async def rasa(peer: RecordedRasa) -> AsyncIterator[Bot]:
    bot = await load("rasa", {"url": peer.url, "limit": 5.0}).open(NOWHERE)
    yield bot
    await bot.close()


@pytest.fixture
async def hasty(peer: RecordedRasa) -> AsyncIterator[Bot]:
    bot = await load("rasa", {"url": peer.url, "limit": 1.0}).open(NOWHERE)
    yield bot
    await bot.close()


def turn(text: str = "hello", **facts: Any) -> Turn:
    return Turn(**{"id": "t1", "conversation": "s1", "text": text} | facts)


async def failure(bot: Bot, one: Turn | None = None) -> str:
    with pytest.raises(BotError) as refused:
        await bot.answer(one or turn())
    return refused.value.kind


async def test_greeting(peer: RecordedRasa, rasa: Bot) -> None:
    answer = await rasa.answer(turn("hello", channel="chat", language="en", attributes={"plan": "gold"}))
    assert [message.text for message in answer.messages] == ["Hello! How can I help?"]
    assert answer.slots == {"order_id": "42", "vip": False}
    assert answer.reading
    assert (answer.reading.intent, round(answer.reading.confidence, 3)) == ("order_status", 0.739)
    assert len(answer.reading.ranking) == 6
    assert (answer.fallback, answer.hand_over, answer.waiting_for) == (False, None, None)
    assert rasa.model == "8bdbbc12b55d4332a044e27674c621df"
    facts = {"turn": "t1", "language": "en", "attributes": {"plan": "gold"}}
    sent = {"sender": "s1", "message": "hello", "metadata": facts, "input_channel": "chat"}
    assert peer.asked("POST webhook") == [sent]
    assert len(json.dumps(answer.tracker)) < 300


async def test_buttons_image_and_custom(peer: RecordedRasa, rasa: Bot) -> None:
    peer.plays("POST webhook", sample("rest_buttons_image_custom"))
    messages = (await rasa.answer(turn())).messages
    assert [button.payload for button in messages[0].buttons] == ["/order_status", '/inform{"order_id":"42"}']
    assert [(message.text, message.image) for message in messages[1:3]] == [
        ("Here is a picture", None), ("", "https://example.com/x.png"),
    ]  # fmt: skip
    assert messages[3].custom
    assert messages[3].custom["type"] == "video"


async def test_hand_over(peer: RecordedRasa, rasa: Bot) -> None:
    peer.plays("POST webhook", sample("rest_hand_over"))
    answer = await rasa.answer(turn())
    assert answer.hand_over
    assert answer.hand_over.reason == "The customer asked for a person"
    assert len(answer.messages) == 1


async def test_message_that_a_form_took(peer: RecordedRasa, rasa: Bot) -> None:
    """The tracker's last message is then the one before; its events have ours."""
    peer.plays("POST webhook", sample("rest_form_taken"))
    peer.plays("GET tracker", sample("tracker_form_taken_none"), sample("tracker_form_taken_events"))
    answer = await rasa.answer(turn("FD-10234", id="t2"))
    assert answer.reading
    assert (answer.reading.text, answer.reading.intent) == ("FD-10234", "inform")
    assert answer.slots["order_number"] == "FD-10234"
    assert not answer.fallback
    assert peer.queries[-1]["include_events"] == ["AFTER_RESTART"]


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ({"text": "/restart"}, "restart"),
        ({"text": " / //restart"}, "restart"),
        ({"text": ""}, "/nlu_fallback"),
        ({"text": "   "}, "/nlu_fallback"),
        ({"payload": '/inform{"order_id":"42"}'}, '/inform{"order_id":"42"}'),
        ({"payload": "opening hours"}, "opening hours"),
    ],
)
async def test_only_payloads_command(said: dict[str, str], sent: str, peer: RecordedRasa, rasa: Bot) -> None:
    await rasa.answer(turn(**({"text": ""} | said)))
    assert [body["message"] for body in peer.asked("POST webhook")] == [sent]


async def test_language_and_slots_are_posted_once(peer: RecordedRasa) -> None:
    domain = json.loads(sample("domain").body)
    domain["slots"]["language"] = {"type": "text"}
    domain["responses"]["utter_x"] = [{"text": "x", "condition": [{"type": "slot", "name": "language", "value": "ja"}]}]
    peer.plays("GET /domain", Play(json.dumps(domain).encode()))
    bot = await load("rasa", {"url": peer.url}).open(NOWHERE)
    first = await bot.answer(turn("こんにちは", language="en-US", slots={"vip": True, "unknown": 1}))
    events = [{"event": "slot", "name": "vip", "value": True}, {"event": "slot", "name": "language", "value": "ja"}]
    assert peer.asked("POST events") == [events]
    assert first.tracker
    held = first.tracker | {"slots": first.tracker["slots"] | {"language": "ja"}}
    await bot.answer(turn("12345", language="en-US", tracker=held))
    assert len(peer.asked("POST events")) == 1
    await bot.close()


async def test_forgotten_conversation_gets_its_slots_back(peer: RecordedRasa, rasa: Bot) -> None:
    peer.plays("GET tracker", sample("tracker_unknown_sender"), sample("tracker_none"))
    await rasa.answer(turn("42", tracker=LATER | {"loop": "order_form", "requested": "order_id"}))
    assert peer.asked("POST events") == [
        [
            {"event": "slot", "name": "order_id", "value": "42"},
            {"event": "active_loop", "name": "order_form"},
            {"event": "slot", "name": "requested_slot", "value": "order_id"},
        ]
    ]


async def test_remembered_conversation_is_left_alone(peer: RecordedRasa, rasa: Bot) -> None:
    await rasa.answer(turn("42", tracker=LATER))
    assert peer.asked("POST events") == []


async def test_session_ends_by_our_clock(peer: RecordedRasa, rasa: Bot) -> None:
    peer.plays("POST webhook", sample("session_start"), sample("rest_greet"))
    answer = await rasa.answer(turn("hello", tracker=LATER, idle_seconds=3_601.0))
    assert [body["message"] for body in peer.asked("POST webhook")] == ["/session_start", "hello"]
    assert answer.messages


async def test_paused_conversation_is_resumed_once(peer: RecordedRasa, rasa: Bot) -> None:
    tracker = json.loads(sample("tracker_none").body)
    peer.plays("POST webhook", sample("rest_while_paused"), sample("rest_after_resume"))
    peer.plays("GET tracker", Play(json.dumps(tracker | {"paused": True}).encode()), sample("tracker_none"))
    peer.plays("POST events", sample("append_event_resume"))
    answer = await rasa.answer(turn())
    assert answer.messages
    assert peer.asked("POST events") == [[{"event": "resume"}]]


async def test_nothing_to_say_is_an_unanswered_turn(peer: RecordedRasa, rasa: Bot) -> None:
    peer.plays("POST webhook", Play(b"[]"))
    answer = await rasa.answer(turn())
    assert (answer.messages, answer.fallback) == ([], True)
    assert answer.reading


async def test_no_model(peer: RecordedRasa, rasa: Bot) -> None:
    peer.plays("POST webhook", sample("rest_no_model"))
    peer.plays("GET tracker", sample("tracker_unknown_sender"))
    peer.plays("GET /status", sample("status_no_model"))
    assert await failure(rasa) == "no_model"
    with pytest.raises(BotError) as refused:
        await load("rasa", {"url": peer.url}).open(NOWHERE)
    assert refused.value.kind == "no_model"


BROKEN = [
    b"not json", b"{}", b"null", b'"text"', b"[1]", b"\xff\xfe", b'[{"text": 7}]', b'[{"buttons": 3}]',
    b'[{"buttons": [{"title": 1}]}]', b'[{"text": "a", "buttons": ["b"]}]', b'[{"image": [1]}]',
    b'[{"custom": {"hand_over": {"team": 4}}}]',
]  # fmt: skip


@pytest.mark.parametrize("body", BROKEN)
async def test_malformed_answers(body: bytes, peer: RecordedRasa, rasa: Bot) -> None:
    peer.plays("POST webhook", Play(body))
    assert await failure(rasa) == "broken"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"latest_message": {}}', b'{"latest_message": 1, "slots": {}}',
        b'{"latest_message": {"text": "x", "intent": {"name": 3}}, "slots": {}, "paused": false}',
        b'{"latest_message": {"text": "x", "intent": {"name": "a", "confidence": NaN}}, "slots": {}, "paused": false}',
        b'{"latest_message": {"text": "x", "intent": []}, "slots": [], "paused": false}',
    ],
)  # fmt: skip
async def test_malformed_trackers(body: bytes, peer: RecordedRasa, rasa: Bot) -> None:
    peer.plays("GET tracker", Play(body))
    assert await failure(rasa) == "broken"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Play(b"{}", 500), "broken"), (Play(b"", 503), "down"), (Play(b"", 401), "broken"), (Play(b"", 307), "broken"),
        (Play(b"", drop=True), "down"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("route", ["POST webhook", "GET tracker"])
async def test_faults(route: str, fault: Play, kind: str, peer: RecordedRasa, rasa: Bot) -> None:  # INV-13
    peer.plays(route, fault)
    assert await failure(rasa) == kind
    peer.plays(route, sample("rest_greet" if route == "POST webhook" else "tracker_none"))
    assert (await rasa.answer(turn())).messages


@pytest.mark.parametrize("waits", [(1.6, 0.0), (0.0, 1.6), (0.8, 0.8)])
async def test_slow_pieces_add_up_to_one_limit(waits: tuple[float, float], peer: RecordedRasa, hasty: Bot) -> None:
    peer.plays("POST webhook", sample("rest_greet", wait=waits[0]))
    peer.plays("GET tracker", sample("tracker_none", wait=waits[1]))
    assert await failure(hasty) == "timeout"


async def test_server_that_is_not_there() -> None:
    with pytest.raises(BotError) as refused:
        await load("rasa", {"url": "http://127.0.0.1:9"}).open(NOWHERE)
    assert refused.value.kind == "down"


async def test_busy_while_a_model_loads(peer: RecordedRasa, tmp_path: Path) -> None:
    model = tmp_path / "m.tar.gz"
    model.write_bytes(b"x")
    engine = load("rasa", {"url": peer.url, "limit": 5.0})
    bot = await engine.open(NOWHERE)
    peer.plays("PUT /model", sample("put_model", wait=2.0))
    loading = asyncio.create_task(engine.open(model))
    await asyncio.sleep(0.1)
    assert await failure(bot) == "busy"
    new = await loading
    assert peer.asked("PUT /model") == [{"model_file": str(model)}]
    assert (await bot.answer(turn())).messages
    peer.plays("PUT /model", sample("put_model_missing"))
    with pytest.raises(BotError):
        await engine.open(model)
    await bot.close()
    await new.close()


async def test_parse(peer: RecordedRasa, rasa: Bot) -> None:
    peer.plays("POST /model/parse", sample("parse_text"), sample("parse_role"), sample("parse_no_model"))
    first, second, third = await rasa.parse(["/where is my order 1234", "", "from Paris"])
    assert peer.asked("POST /model/parse")[0] == {"text": "where is my order 1234"}
    assert [(item["entity"], item["value"]) for item in first.entities] == [("order_id", "1234")]
    assert second.intent == "nlu_fallback"
    assert {item["role"] for item in third.entities} == {"from", "to"}
    with pytest.raises(BotError):
        await rasa.parse(["hello"])


async def test_token_goes_to_the_api_and_into_no_log(
    peer: RecordedRasa, caplog: pytest.LogCaptureFixture
) -> None:  # S-28
    caplog.set_level(logging.DEBUG)
    bot = await load("rasa", {"url": peer.url, "token": "s3cret"}).open(NOWHERE)
    await bot.answer(turn("my words"))
    routes = [route for route, _, _ in peer.seen]
    with_token = {route for route, query in zip(routes, peer.queries, strict=True) if "token" in query}
    assert with_token == {"GET /status", "GET /domain", "GET tracker"}
    logged = " ".join(record.getMessage() for record in caplog.records if record.name != "httpcore.http11")
    assert "s3cret" not in logged
    assert "my words" not in logged
    await bot.close()


async def test_conversation_ids_stay_in_the_path(peer: RecordedRasa, rasa: Bot) -> None:
    await rasa.answer(turn(conversation="a/../b?c"))
    assert [path for route, path, _ in peer.seen if route == "GET tracker"] == ["/conversations/a%2F..%2Fb%3Fc/tracker"]


async def test_training_is_honest(project: Path, tmp_path: Path) -> None:
    write(project)
    with pytest.raises(BotError, match="rasa train"):
        await load("rasa", {"url": "http://127.0.0.1:9"}).train(project, tmp_path, lambda _: None)
    engine = load("rasa", {"url": "http://127.0.0.1:9", "command": ["false"]})
    with pytest.raises(BotError, match="failed"):
        await engine.train(project, tmp_path, lambda _: None)
    write(project, rules=SMALL["data/rules.yml"].replace("utter_bye", "utter_by"))
    with pytest.raises(ProjectError):
        await engine.train(project, tmp_path, lambda _: None)


@pytest.mark.parametrize(
    "config", [{}, {"url": "ftp://x"}, {"url": "http://x", "limit": 0}, {"url": "http://x", "x": 1}]
)
def test_bad_config_names_the_field(config: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        load("rasa", config)
