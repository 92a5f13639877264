"""The runner of say/expect dialogues notices every kind of difference."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hub.dialogs import Dialog, DialogError, play, read
from models.turns import Answer, BotButton, BotMessage, HandOver, Reading, Turn

ANSWER = Answer(
    messages=[
        BotMessage(text="First this.", buttons=[BotButton(title="Yes", payload="/affirm")]),
        BotMessage(text="Then that."),
    ],
    tracker={"turns": 1},
    slots={"order": "1"},
    reading=Reading(text="hi", intent="greet", confidence=0.9),
    waiting_for="order",
)


class Scripted:
    """A bot that says what it is told to, and remembers what it was asked."""

    model = "scripted"
    limit = 1.0

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.turns: list[Turn] = []

    async def answer(self, turn: Turn) -> Answer:
        self.turns.append(turn)
        return self._answers[min(len(self.turns), len(self._answers)) - 1]

    async def parse(self, texts: Sequence[str]) -> list[Reading]:
        return [Reading(text=text, intent="greet", confidence=1.0) for text in texts]

    async def close(self) -> None:
        self._answers.clear()


def _dialog(*steps: dict[str, Any]) -> Dialog:
    return Dialog.model_validate({"dialog": "d", "language": "en", "steps": list(steps)})


async def test_what_is_expected_passes_and_the_conversation_goes_on() -> None:
    bot = Scripted(ANSWER, ANSWER.model_copy(update={"hand_over": HandOver(reason="asked"), "fallback": True}))
    dialog = _dialog(
        {"say": "hi", "intent": ["greet", "hello"], "bot": ["First", "that"], "never": "Other", "buttons": ["Yes"],
         "slots": {"order": "1"}, "waiting_for": "order"},
        {"choose": "Yes", "idle": 60, "hand_over": True, "fallback": None},
    )  # fmt: skip
    assert await play(bot, dialog, "c") is None
    first, second = bot.turns
    assert (first.text, first.payload, first.tracker, first.language) == ("hi", None, None, "en")
    assert (second.text, second.payload, second.tracker, second.idle_seconds) == ("", "/affirm", {"turns": 1}, 60.0)
    assert first.conversation == second.conversation
    assert first.id != second.id


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"bot": ["that", "First"]}, "did not say 'First' in its place"),
        ({"bot": "Nothing"}, "did not say 'Nothing'"),
        ({"never": ["Then"]}, "the bot said 'Then'"),
        ({"intent": "goodbye"}, "the intent is greet"),
        ({"buttons": ["No"]}, "there is no button 'No'"),
        ({"slots": {"order": None}}, "the slot order is '1'"),
        ({"waiting_for": None}, "it waits for 'order'"),
        ({"hand_over": True}, "it does not hand over"),
        ({"fallback": True}, "it did not fall back"),
    ],
)
async def test_every_difference_is_named(step: dict[str, Any], said: str) -> None:
    failure = await play(Scripted(ANSWER), _dialog({"say": "hi"}, {"say": "again", **step}), "c")
    assert failure is not None
    assert (failure.step, failure.said) == (2, "again")
    assert said in "; ".join(failure.wrong)


async def test_what_nobody_expected_fails_too() -> None:
    surprise = ANSWER.model_copy(update={"hand_over": HandOver(reason="asked"), "fallback": True})
    failure = await play(Scripted(surprise), _dialog({"say": "hi"}), "c")
    assert failure is not None
    assert failure.wrong == ["it hands over", "it fell back"]
    missing = await play(Scripted(ANSWER), _dialog({"say": "hi"}, {"choose": "No"}), "c")
    assert missing is not None
    assert missing.wrong == ["the last answer has no such button"]


def test_the_projects_own_dialogues_are_read() -> None:
    files = sorted((Path(__file__).parents[1] / "dialogs").glob("*.yml"))
    assert files
    assert all(dialog.steps for file in files for dialog in read(file))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("- dialog: x\n  steps: [{say: a, bots: b}]", "0.steps.0.bots"),
        ("- dialog: x\n  steps: [{say: a, choose: b}]", "either say or choose"),
        ("- dialog: x\n  steps: [{intent: a}]", "either say or choose"),
        ("- steps: []", "0.dialog"),
        ("{", "bad.yml"),
        ("", "bad.yml"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "bad.yml").write_text(content)
    with pytest.raises(DialogError) as caught:
        read(tmp_path / "bad.yml")
    assert said in str(caught.value)
    assert "bad.yml" in str(caught.value)
