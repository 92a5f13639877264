"""The sample assistant on a real Rasa server: the same dialogues as on the built-in engine, and real faults."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bots import Bot, BotError, load
from models.turns import Answer, Turn
from tests.bots.dialog import play_all

URL = os.environ.get("FRONTDESK_TEST_RASA_URL", "")
RUN = f"{time.time():.0f}"
pytestmark = [
    pytest.mark.rasa,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not URL, reason="make rasa-test starts one"),
]


@pytest.fixture
async def rasa() -> AsyncIterator[Bot]:
    bot = await load("rasa", {"url": URL, "limit": 10.0}).open(Path("model"))
    yield bot
    await bot.close()


async def ask(bot: Bot, name: str, text: str, last: Answer | None = None) -> Answer:
    conversation = f"{RUN}-{name}"
    tracker = last.tracker if last else None
    return await bot.answer(
        Turn(id=f"{conversation}{time.time()}", conversation=conversation, text=text, tracker=tracker)
    )


async def test_dialogs(rasa: Bot) -> None:
    count, wrong = await play_all(rasa, f"{RUN}-d")
    assert count > 20
    assert not wrong, "\n".join(wrong)


async def test_every_message_is_read(rasa: Bot) -> None:
    """Also one that a form takes, which Rasa's tracker forgets."""
    first = await ask(rasa, "read", "where is my order")
    second = await ask(rasa, "read", "FD-10234", first)
    assert first.reading
    assert second.reading
    assert (first.reading.intent, second.reading.text) == ("order_status", "FD-10234")


async def test_forgotten_form_goes_on(rasa: Bot) -> None:
    """As after a restart of a server that keeps its conversations in memory."""
    asked = await ask(rasa, "before", "where is my order")
    answer = await ask(rasa, "after", "FD-10234", asked)
    assert "orders/FD-10234" in answer.messages[0].text
    assert answer.waiting_for is None


async def test_paused_conversation_answers(rasa: Bot) -> None:
    first = await ask(rasa, "pause", "hello")
    async with httpx.AsyncClient(base_url=URL) as http:
        await http.post(f"/conversations/{RUN}-pause/tracker/events", json={"event": "pause"})
    assert (await ask(rasa, "pause", "when are you open?", first)).messages


async def test_parse(rasa: Bot) -> None:
    readings = await rasa.parse(["where is my order FD-10234", "", "/restart"])
    assert readings[0].entities[0]["value"] == "FD-10234"
    assert readings[1].intent == "nlu_fallback"
    assert readings[2].text == "restart"


async def test_frozen_server_is_a_timeout_and_then_goes_on() -> None:
    bot = await load("rasa", {"url": URL, "limit": 1.0}).open(Path("model"))
    pid = int(os.environ["FRONTDESK_TEST_RASA_PID"])
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises(BotError) as refused:
            await ask(bot, "frozen", "hello")
        assert refused.value.kind == "timeout"
    finally:
        os.kill(pid, signal.SIGCONT)
    await asyncio.sleep(1)
    assert (await ask(bot, "thawed", "hello")).messages
    await bot.close()


async def test_without_a_model_then_busy_then_back() -> None:
    engine = load("rasa", {"url": URL, "limit": 10.0})
    bot = await engine.open(Path("model"))
    async with httpx.AsyncClient(base_url=URL) as http:
        await http.delete("/model")
    with pytest.raises(BotError) as refused:
        await ask(bot, "none", "hello")
    assert refused.value.kind == "no_model"
    loading = asyncio.create_task(engine.open(Path(os.environ["FRONTDESK_TEST_RASA_MODEL"])))
    await asyncio.sleep(0.2)
    with pytest.raises(BotError) as refused:
        await ask(bot, "busy", "hello")
    assert refused.value.kind == "busy"
    new = await loading
    assert (await ask(new, "back", "hello")).messages
    assert (await ask(bot, "back again", "hello")).messages
    await bot.close()
    await new.close()
