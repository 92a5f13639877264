"""A turn starts from what the answer before it left, whatever else the writer has to do in the same transaction."""

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import channels
from bots import Bot, Finding, Report
from hub.aftermath import Aftermath, Promises
from hub.bell import NoBell
from hub.emitter import Emitter
from hub.registry import Registry
from hub.service import Hub
from hub.turns import TurnTaker
from hub.worker import Worker
from models import heads, inboxes
from models.inbound import Inbound
from models.inboxes import NewInbox, TrainedModel
from models.turns import Answer, BotMessage, Reading, Turn
from tests.support.stage import Stage

ME = "this process"


class _Bot:
    """Counts its turns in the tracker, and answers when it is told to."""

    model = "waiting-1"
    limit = 5.0

    def __init__(self) -> None:
        self.turns: asyncio.Queue[Turn] = asyncio.Queue()
        self.go = asyncio.Event()

    async def answer(self, turn: Turn) -> Answer:
        await self.turns.put(turn)
        await self.go.wait()
        count = (turn.tracker or {}).get("count", 0) + 1
        return Answer(messages=[BotMessage(text=f"answer {count}")], tracker={"count": count})

    async def parse(self, texts: Sequence[str]) -> list[Reading]:
        return []

    async def close(self) -> None:
        return None


class _Engine:
    kind = "waiting"

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    def check(self, project: Path) -> list[Finding]:
        return []

    async def train(self, project: Path, out: Path, progress: Callable[[str], None]) -> Report:
        return Report(out, "", 0.0)

    async def open(self, model: Path) -> Bot:
        return self._bot


class _Nobody:
    """No screen."""

    def hears(self, identity: str) -> bool:
        return False

    def to_visitor(self, identity: str, event: str, data: Any) -> None:
        return None

    def to_agents(self, event: str, data: Any) -> None:
        return None

    def to_agent(self, user: str, event: str, data: Any) -> None:
        return None


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    stage = Stage(f"sqlite:///{tmp_path}/test.db")
    yield stage
    await asyncio.to_thread(stage.close)


async def _hub(stage: Stage, bot: Bot, folder: Path) -> Callable[[str], "asyncio.Task[Any]"]:
    """A hub with one inbox; what it returns lets the visitor of an address write."""
    assistant = stage.db.write_now(inboxes.promote, TrainedModel("bot", "waiting", "1", "model", {}, {}))
    stage.db.write_now(inboxes.add, NewInbox("web", "Shop", "shop", {}, assistant=assistant))
    registry = Registry(
        stage.db, channels.load, lambda *_: _Engine(bot), lambda channel, _inbox: channel.Config(), folder
    )
    await registry.refresh()
    promises, screens = Promises(), _Nobody()
    emitter = Emitter(screens, partial(stage.db.read, heads.news), lambda _file: "", lambda _conversation: None)
    aftermath = Aftermath(emitter, promises, NoBell(), lambda: None)
    turns = TurnTaker(stage.db, registry, aftermath, screens, ME)
    Worker(stage.db, promises, {"turn": turns.take}, turns.take, ME, float)
    hub = Hub(stage.db, registry, aftermath, lambda _owner, text: asyncio.sleep(0, text), ME)
    live = registry.by_key("shop")
    assert live is not None

    def say(address: str) -> "asyncio.Task[Any]":
        said = Inbound(address=address, client_id=uuid.uuid4().hex, text="hello")
        return asyncio.create_task(hub.receive(live, said))

    return say


async def test_turn_knows_the_answer_before_it(stage: Stage, tmp_path: Path) -> None:
    """# INV-13: a stranger's message, an answer and what its reader says to it wait for one busy writer."""
    bot = _Bot()
    say = await _hub(stage, bot, tmp_path)
    begun, ended = threading.Event(), threading.Event()

    def busy(_conn: Any, _arg: None) -> None:
        begun.set()
        ended.wait(5)

    async with asyncio.timeout(10):
        await say("v:1")
        assert (await bot.turns.get()).tracker is None
        writing = asyncio.create_task(stage.db.write(busy, None, "busy"))
        await asyncio.to_thread(begun.wait)
        stranger = say("v:2")
        await _queued(stage, 1)
        bot.go.set()
        await _queued(stage, 2)
        more = say("v:1")
        await _queued(stage, 3)
        ended.set()
        await asyncio.gather(writing, stranger, more)
        trackers = [(await bot.turns.get()).tracker for _ in range(2)]
    assert sorted(map(str, trackers)) == ["None", "{'count': 1}"]


async def _queued(stage: Stage, jobs: int) -> None:
    """Return when so many jobs wait for the writer."""
    (line,) = stage.db._lines
    while True:
        if line.jobs.qsize() >= jobs:
            return
        await asyncio.sleep(0.001)
