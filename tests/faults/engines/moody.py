"""A bot that does what the text asks of it: answers, fails, hangs, or says what nobody can store."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bots import Bot, BotError, Finding, Report
from models.turns import Answer, BotButton, BotMessage, HandOver, Reading, Turn

LIMIT = 0.4
"""Seconds a turn may take."""
SLOW = 0.8
"""Seconds of a slow turn: longer than the limit, and within what the hub adds to it."""


class _MoodyBot:
    model = "moody-1"

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._asked: dict[str, int] = {}

    async def answer(self, turn: Turn) -> Answer:
        mood = turn.text.split()[0]
        tries = self._asked[turn.id] = self._asked.get(turn.id, 0) + 1
        if mood == "crash":
            raise RuntimeError("out of order")
        if mood == "down":
            raise BotError("down", "nobody there")
        if mood == "busy" and tries < 2:
            raise BotError("busy", "a model is loading")
        if mood == "hang":
            await asyncio.Event().wait()
        if mood == "slow":
            await asyncio.sleep(SLOW)
        return _ANSWERS.get(mood, _plain)(turn)

    async def parse(self, texts: Sequence[str]) -> list[Reading]:
        return [_read(text) for text in texts]

    async def close(self) -> None:
        return None


def _read(text: str) -> Reading:
    return Reading(text=text, intent="mood", confidence=0.9)


def _plain(turn: Turn) -> Answer:
    said = BotMessage(text=f"yes: {turn.text}")
    return Answer(messages=[said], tracker={"last": turn.text}, reading=_read(turn.text))


def _unstorable(turn: Turn) -> Answer:
    return Answer(messages=[BotMessage(text="yes")], tracker={"what": {1, 2, 3}})


def _lost(turn: Turn) -> Answer:
    return Answer(messages=[BotMessage(text="what?")], fallback=True, reading=_read(turn.text))


def _menu(turn: Turn) -> Answer:
    buttons = [BotButton(title="One", payload="/one"), BotButton(title="Two", payload="/two")]
    return Answer(messages=[BotMessage(text="choose", buttons=buttons)], slots={"size": "L"})


def _person(turn: Turn) -> Answer:
    return Answer(hand_over=HandOver(reason="asked"))


_ANSWERS: dict[str, Callable[[Turn], Answer]] = {
    "unstorable": _unstorable, "lost": _lost, "menu": _menu, "person": _person,
}  # fmt: skip


class _Moody:
    kind = "moody"

    def __init__(self, limit: float) -> None:
        self._limit = limit

    def check(self, project: Path) -> list[Finding]:
        return []

    async def train(self, project: Path, out: Path, progress: Callable[[str], None]) -> Report:
        return Report(out, _MoodyBot.model, 0.0)

    async def open(self, model: Path) -> Bot:
        return _MoodyBot(self._limit)


def create(config: Mapping[str, Any]) -> _Moody:
    """Make the engine. ``limit``: seconds a turn may take."""
    return _Moody(float(config.get("limit", LIMIT)))
