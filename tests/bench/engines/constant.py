"""A bot that takes no time: one sentence and the end of what was said, so that an answer can be told from another's."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bots import Bot, Finding, Report
from models.turns import Answer, BotMessage, Reading, Turn

VERSION = "constant-1"
ENDING = 24
"""Characters of the customer's text that the answer repeats."""


class _ConstantBot:
    model = VERSION
    limit = 3.0

    async def answer(self, turn: Turn) -> Answer:
        return Answer(messages=[BotMessage(text=f"Your parcel is on its way. {turn.text[-ENDING:]}")])

    async def parse(self, texts: Sequence[str]) -> list[Reading]:
        return [Reading(text=text, intent="constant", confidence=1.0) for text in texts]

    async def close(self) -> None:
        return None


class _Constant:
    kind = "constant"

    def check(self, project: Path) -> list[Finding]:
        return []

    async def train(self, project: Path, out: Path, progress: Callable[[str], None]) -> Report:
        return Report(out, VERSION, 0.0)

    async def open(self, model: Path) -> Bot:
        return _ConstantBot()


def create(config: Mapping[str, Any]) -> _Constant:
    """Make the engine."""
    return _Constant()
