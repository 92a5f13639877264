"""Say/expect dialogues that hold what a bot must do, played on an open bot by ``frontdesk bot test``.

A file is a list of ``{dialog, language, steps}``. A step says something (``say``) or chooses a button of the last
answer by its title (``choose``), optionally after ``idle`` seconds. It may expect: ``intent``; ``bot``, pieces of text
in this order; ``never``, pieces that must not come; ``buttons``, their titles; ``slots``, a part of them;
``waiting_for``; ``hand_over`` and ``fallback``, both false if not named (``fallback: null`` leaves it open).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from bots import Bot
from models.turns import Answer, BotButton, Turn


class DialogError(Exception):
    """A dialogue file that cannot be read; the message names the file and the place."""


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Pieces = Annotated[list[str], BeforeValidator(_as_list)]


class Step(BaseModel):
    """One turn: what is said, and what must come of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    say: str | None = None
    choose: str | None = None
    idle: float = 0.0
    intent: Pieces | None = None
    bot: Pieces = []
    never: Pieces = []
    buttons: list[str] = []
    slots: dict[str, Any] = {}
    waiting_for: str | None = None
    hand_over: bool = False
    fallback: bool | None = False

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Step":
        if (self.say is None) == (self.choose is None):
            raise ValueError("a step has either say or choose")
        return self


class Dialog(BaseModel):
    """A conversation from its beginning."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(alias="dialog")
    language: str | None = None
    steps: list[Step]


_FILE = TypeAdapter(list[Dialog])


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that went otherwise."""

    step: int
    said: str
    wrong: Sequence[str]


def read(path: Path) -> list[Dialog]:
    """Return the dialogues of one file; raise :class:`DialogError`."""
    try:
        return _FILE.validate_python(YAML(typ="safe", pure=True).load(path))
    except (OSError, YAMLError) as error:
        raise DialogError(f"{path.name}: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DialogError(f"{path.name}: {place}: {first['msg']}") from None


async def play(bot: Bot, dialog: Dialog, conversation: str) -> Failure | None:
    """Play a dialogue as a conversation that is new to the bot; return the first step that failed.

    Raises ``BotError``.
    """
    last = Answer()
    for number, step in enumerate(dialog.steps, 1):
        said = step.say if step.say is not None else step.choose or ""
        payload = _payload(last, said) if step.choose is not None else None
        if step.choose is not None and payload is None:
            return Failure(number, said, ["the last answer has no such button"])
        last = await bot.answer(
            Turn(
                id=f"{conversation}.{number}",
                conversation=conversation,
                text=step.say or "",
                payload=payload,
                language=dialog.language,
                channel="chat",
                tracker=last.tracker,
                idle_seconds=step.idle,
            )
        )
        if wrong := list(_mismatches(step, last)):
            return Failure(number, said, wrong)
    return None


def _mismatches(step: Step, answer: Answer) -> Iterator[str]:
    said = "\n".join(message.text for message in answer.messages)
    yield from _out_of_place(step.bot, said)
    yield from (f"the bot said {piece!r}" for piece in step.never if piece in said)
    intent = answer.reading.intent if answer.reading else None
    if step.intent is not None and intent not in step.intent:
        yield f"the intent is {intent}"
    titles = [button.title for button in _buttons(answer)]
    yield from (f"there is no button {title!r}" for title in step.buttons if title not in titles)
    for name, value in step.slots.items():
        if answer.slots.get(name) != value:
            yield f"the slot {name} is {answer.slots.get(name)!r}"
    if "waiting_for" in step.model_fields_set and answer.waiting_for != step.waiting_for:
        yield f"it waits for {answer.waiting_for!r}"
    if bool(answer.hand_over) != step.hand_over:
        yield "it hands over" if answer.hand_over else "it does not hand over"
    if step.fallback not in (None, answer.fallback):
        yield "it fell back" if answer.fallback else "it did not fall back"


def _out_of_place(pieces: Sequence[str], said: str) -> Iterator[str]:
    place = 0
    for piece in pieces:
        at = said.find(piece, place)
        if at < 0:
            yield f"the bot did not say {piece!r} in its place"
        place = max(at, place)


def _payload(answer: Answer, title: str) -> str | None:
    return next((button.payload for button in _buttons(answer) if button.title == title), None)


def _buttons(answer: Answer) -> list[BotButton]:
    return [button for message in answer.messages for button in message.buttons]
