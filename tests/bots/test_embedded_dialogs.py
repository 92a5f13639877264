"""The sample assistant on the built-in engine: the same dialogues that a real Rasa server plays in ``tests/rasa``."""

from pathlib import Path

import yaml

from bots import Bot, Report
from bots.embedded.engine import EmbeddedEngine
from tests.bots.dialog import ASSISTANTS, play_all

HELD_OUT = yaml.safe_load((Path(__file__).parent / "heldout.yml").read_text("utf-8"))


async def test_dialogs(bot: Bot) -> None:
    count, wrong = await play_all(bot, "embedded")
    assert count > 20
    assert not wrong, "\n".join(wrong)


def test_sample_assistant_is_faultless(engine: EmbeddedEngine) -> None:
    found = engine.check(ASSISTANTS / "webshop")
    assert [str(finding) for finding in found if finding.level != "info"] == []


def test_training_reports(webshop: Report) -> None:
    assert webshop.scores["intents"] == 15
    assert webshop.scores["accuracy"] > 0.85
    assert webshop.scores["calibration_error"] < 0.05


async def test_reads_what_it_was_never_taught(bot: Bot) -> None:
    for language, intents in HELD_OUT.items():
        wanted = [(intent, text) for intent, texts in intents.items() for text in texts]
        readings = await bot.parse([text for _, text in wanted])
        right = sum(reading.intent == intent for (intent, _), reading in zip(wanted, readings, strict=True))
        assert right / len(wanted) >= 0.85, language
