"""A bot that answers in milliseconds and needs no model, so that a killed hub is back at once.

Its tracker counts turns: an answer's number tells whether turns ran one at a time, each on what the last one left.
"""

import asyncio
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bots import Bot, Finding, Report
from models.turns import Answer, BotMessage, HandOver, Reading, Turn

PERSON = "a person, please"
"""What makes this bot hand over."""
SLOWEST = 0.02
"""Seconds a turn takes at most; long enough for a kill to meet it."""


class _CounterBot:
    model = "counter-1"
    limit = 3.0

    async def answer(self, turn: Turn) -> Answer:
        await asyncio.sleep(zlib.crc32(turn.id.encode()) % 100 / 100 * SLOWEST)
        if PERSON in turn.text:
            return Answer(hand_over=HandOver(reason="asked"))
        count = (turn.tracker or {}).get("count", 0) + 1
        messages = [BotMessage(text=f"answer {count}")]
        if count % 3 == 0:
            messages.append(BotMessage(text=f"more of answer {count}"))
        reading = Reading(text=turn.text, intent="chat", confidence=0.9)
        return Answer(messages=messages, tracker={"count": count}, reading=reading)

    async def parse(self, texts: Sequence[str]) -> list[Reading]:
        return [Reading(text=text, intent="chat", confidence=0.9) for text in texts]

    async def close(self) -> None:
        return None


class _Counter:
    kind = "counter"

    def check(self, project: Path) -> list[Finding]:
        return []

    async def train(self, project: Path, out: Path, progress: Callable[[str], None]) -> Report:
        return Report(out, _CounterBot.model, 0.0)

    async def open(self, model: Path) -> Bot:
        return _CounterBot()


def create(config: Mapping[str, Any]) -> _Counter:
    """Make the engine."""
    return _Counter()
