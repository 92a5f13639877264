"""A bot's turn: quick bots are left alone, slow ones are announced, hung ones are cut off (INV-13)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import channels
from bots import BotError, Finding, Report
from hub import turns
from hub.aftermath import Aftermath, Promises
from hub.bell import NoBell
from hub.emitter import Emitter
from hub.inboxes import load_config
from hub.registry import Registry
from hub.turns import TurnTaker
from hub.worker import Retry
from models import heads, inboxes
from models.inboxes import NewInbox, TrainedModel
from models.turns import Answer, BotMessage, Reading, Turn
from tests.support.stage import Stage


class MoodyBot:
    """Does what it is told."""

    model = "moody-1"
    limit = 0.1

    async def answer(self, turn: Turn) -> Answer:
        if turn.text == "busy":
            raise BotError("busy", "loading")
        if turn.text == "broken":
            raise LookupError
        if turn.text == "deaf":
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                await asyncio.sleep(0)
        await asyncio.sleep({"think": 0.25, "hang": 30.0}.get(turn.text, 0.0))
        return Answer(messages=[BotMessage(text=f"you said {turn.text} by {turn.channel}")])

    async def parse(self, texts: Sequence[str]) -> list[Reading]:
        raise NotImplementedError

    async def close(self) -> None:
        return None


class MoodyEngine:
    """Opens the one bot."""

    kind = "moody"

    def check(self, project: Path) -> list[Finding]:
        raise NotImplementedError

    async def train(self, project: Path, out: Path, progress: Callable[[str], None]) -> Report:
        raise NotImplementedError

    async def open(self, model: Path) -> MoodyBot:
        return MoodyBot()


class Tab:
    """What a visitor's browser is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    def hears(self, identity: str) -> bool:
        return True

    def to_visitor(self, identity: str, event: str, data: Any) -> None:
        self.told.append((event, data))

    def to_agents(self, event: str, data: Any) -> None:
        return None

    def to_agent(self, user: str, event: str, data: Any) -> None:
        return None

    def typing(self) -> list[bool]:
        return [data["on"] for event, data in self.told if event == "typing"]

    def answers(self) -> list[str]:
        return [data["text"] for event, data in self.told if event == "message" and data["sender"] == "bot"]


class Booth:
    """A turn taker over a real log, with a moody bot."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.tab = Tab()
        self._registry = Registry(
            stage.db, channels.load, lambda _kind, _config: MoodyEngine(), partial(load_config, vault=None), Path()
        )
        emitter = Emitter(self.tab, partial(stage.db.read, heads.news), lambda _file: "", lambda _id: None)
        aftermath = Aftermath(emitter, Promises(), NoBell(), lambda: None)
        self.taker = TurnTaker(stage.db, self._registry, aftermath, self.tab, "owner")

    async def open(self) -> None:
        trained = TrainedModel("moody", "moody", "1", "model", {}, {})
        assistant = self.stage.db.write_now(inboxes.promote, trained)
        self.stage.inbox = self.stage.db.write_now(inboxes.add, NewInbox("web", "Shop", "k", {}, assistant=assistant))
        await self._registry.refresh()

    async def hear(self, text: str, address: str = "v:1") -> Retry | None:
        """A customer says *text*; the bot takes its turn."""
        change = self.stage.say(text, address, has_bot=True).change
        assert change is not None
        return await self.taker.take(change.promises[0])


@pytest.fixture
async def booth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Booth]:
    monkeypatch.setattr(turns, "GRACE", 0.3)
    stage = Stage(f"sqlite:///{tmp_path}/test.db")
    made = Booth(stage)
    await made.open()
    yield made
    stage.close()


async def test_a_quick_bot_is_not_announced(booth: Booth) -> None:
    for _ in range(5):
        await booth.hear("hello")
    await asyncio.sleep(turns.THINKING * 3)
    assert booth.tab.typing() == []
    assert booth.tab.answers() == ["you said hello by web"] * 5


async def test_a_bot_that_thinks_is_announced_and_no_longer(booth: Booth) -> None:
    await booth.hear("think")
    assert booth.tab.typing() == [True, False]
    assert booth.tab.answers() == ["you said think by web"]
    await asyncio.sleep(turns.THINKING * 3)
    assert booth.tab.typing() == [True, False]


@pytest.mark.parametrize("mood", ["hang", "broken", "deaf"])
async def test_a_bot_that_fails_costs_its_limit(booth: Booth, mood: str, caplog: pytest.LogCaptureFixture) -> None:
    # INV-13
    async with asyncio.timeout(3):
        await booth.hear(mood)
    assert "Sorry" in booth.tab.answers()[0] or mood == "deaf"
    assert booth.tab.typing() == ([] if mood == "broken" else [True, False])
    assert mood not in caplog.text.replace("bot broken", "")
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_many_are_asked_at_once_and_each_has_its_own_limit(booth: Booth) -> None:
    # INV-13
    moods = ["hang", "hello", "think"] * 5
    async with asyncio.timeout(5):
        await asyncio.gather(*(booth.hear(mood, f"v:{number}") for number, mood in enumerate(moods)))
    answers = booth.tab.answers()
    assert sorted(answers).count("you said hello by web") == answers.count("you said think by web") == 5
    assert len([text for text in answers if "Sorry" in text]) == 5


async def test_a_busy_bot_waits_and_is_no_failure(booth: Booth) -> None:
    assert await booth.hear("busy") == Retry(turns.BUSY_RETRY, "busy", free=True)
    assert booth.tab.answers() == []


async def test_a_hub_that_stops_does_not_apologise(booth: Booth) -> None:
    asking = asyncio.create_task(booth.hear("hang"))
    await asyncio.sleep(turns.THINKING / 2)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert booth.tab.answers() == []
