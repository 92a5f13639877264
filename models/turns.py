"""Wire types between the hub and a bot engine. An engine answers one Turn with one Answer."""

from typing import Any

from pydantic import Field

from models.wire import Entity, IntentScore, Json, Wire


class Turn(Wire):
    """One thing a customer said, and all an engine may know about it.

    ``text`` is typed text without leading slashes; ``payload`` is set instead when the customer chose something the
    bot offered (Rasa form: ``/intent{"entity":"value"}``). ``tracker`` is what the last Answer of this conversation
    returned. ``slots`` were set by people since (an agent handing back). ``idle_seconds`` since the last message let
    the engine judge whether its session is over.
    """

    id: str
    conversation: str
    text: str = ""
    payload: str | None = None
    language: str | None = None
    channel: str = ""
    attributes: Json = Field(default_factory=dict)
    slots: Json = Field(default_factory=dict)
    tracker: Json | None = None
    idle_seconds: float = 0.0


class Reading(Wire):
    """How an engine understood a text. ``ranking`` is sorted, best first; entity offsets are code points."""

    text: str
    intent: str
    confidence: float
    ranking: list[IntentScore] = Field(default_factory=list)
    entities: list[Entity] = Field(default_factory=list)


class BotButton(Wire):
    """A button the bot offers; ``payload`` comes back as ``Turn.payload`` when it is chosen."""

    title: str
    payload: str = ""
    url: str | None = None


class BotMessage(Wire):
    """One part of an Answer."""

    text: str = ""
    buttons: list[BotButton] = Field(default_factory=list)
    image: str | None = None
    custom: Json | None = None


class HandOver(Wire):
    """The bot wishes a person to take over."""

    reason: str
    team: str | None = None


class Answer(Wire):
    """What the bot says to one Turn. ``fallback``: it did not understand; two in a row bring a person."""

    messages: list[BotMessage] = Field(default_factory=list)
    tracker: Json | None = None
    slots: dict[str, Any] = Field(default_factory=dict)
    hand_over: HandOver | None = None
    reading: Reading | None = None
    fallback: bool = False
    waiting_for: str | None = None
    """The slot a form asked for, so that a hand-over's brief can say what was asked and not yet got."""
