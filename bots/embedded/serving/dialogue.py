"""One turn of a conversation: read it, fill slots, act until it is the customer's turn again."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from . import language, tracker
from .entities import Entities
from .intents import Intents
from .policy import LISTEN, Policy
from .responses import choose, render
from .slots import Filler
from .tracker import REQUESTED, Tracker

FALLBACK = "nlu_fallback"
MOST_ACTIONS = 10
RANKED = 10
Json = dict[str, Any]


class Dialogue:
    """An assistant that can answer. Holds no conversation: the tracker comes and goes with the turn."""

    def __init__(self, assistant: Mapping[str, Any], intents: Intents, entities: Entities) -> None:
        self.assistant = assistant
        self.intents = intents
        self.entities = entities
        self.slots: Mapping[str, Any] = assistant["slots"]
        self.initial = {name: slot["initial"] for name, slot in self.slots.items()}
        self.forms: Mapping[str, Any] = assistant["forms"]
        self.filler = Filler(self.slots, self.forms)
        self.policy = Policy(assistant["rules"], assistant["stories"], self.slots)

    def read(self, text: str) -> Json:
        """Return how a typed text is understood: intent, confidence, ranking, entities."""
        ranking = self.intents.rank(text) if text else []
        chances = [chance for _, chance in ranking[:2]] + [0.0, 0.0]
        limits = self.assistant["fallback"]
        if not ranking or chances[0] < limits["threshold"] or chances[0] - chances[1] < limits["ambiguity"]:
            ranking = [(FALLBACK, 1.0 - chances[0]), *ranking]
        scores: list[Json] = [{"name": name, "confidence": chance} for name, chance in ranking[:RANKED]]
        best = scores[0]
        entities = self.entities.find(text) if text else []
        return {
            "text": text,
            "intent": best["name"],
            "confidence": best["confidence"],
            "ranking": scores,
            "entities": entities,
        }

    def command(self, payload: str) -> Json:
        """Return what a chosen button means: ``/intent{"entity": value}``; anything else is read as text."""
        if not payload.startswith("/"):
            return self.read(language.spoken(payload))
        name, brace, rest = payload[1:].partition("{")
        name = name.strip()
        if name not in self.assistant["intents"]:
            return {"text": payload, "intent": FALLBACK, "confidence": 1.0, "ranking": [], "entities": []}
        facts = {"start": 0, "end": len(payload), "extractor": "payload"}
        entities = [
            {"entity": entity, "value": item, **facts}
            for entity, value in _json_object(brace + rest).items()
            for item in (value if isinstance(value, list) else [value])
        ]
        ranking = [{"name": name, "confidence": 1.0}]
        return {"text": payload, "intent": name, "confidence": 1.0, "ranking": ranking, "entities": entities}

    def answer(self, turn: Mapping[str, Any]) -> Json:
        """Return the Answer to one Turn, both as JSON."""
        state = tracker.load(turn.get("tracker"), self.initial, self.forms)
        session = self.assistant["session"]
        expires = session["minutes"] * 60
        if expires and turn.get("idle_seconds", 0.0) >= expires:
            state.begin_session(self.initial, session["carry_over"])
        state.turn += 1
        state.slots |= {name: value for name, value in turn.get("slots", {}).items() if name in self.slots}
        payload = turn.get("payload")
        text = None if payload else language.spoken(turn.get("text", ""))
        self._set_language(state, turn.get("language"), text)
        reading = self.command(payload) if payload else self.read(text or "")
        return TakeTurn(self, state, reading, text, turn).run()

    def _set_language(self, state: Tracker, tag: str | None, text: str | None) -> None:
        seen = language.by_script(text, self.assistant["languages"]) if text else None
        state.language = seen or state.language
        spoken = state.language or language.base(tag)
        if spoken and "language" in self.slots:
            state.slots["language"] = spoken


class TakeTurn:
    """The work of one turn: what was said so far, and the actions that follow from it."""

    def __init__(
        self, dialogue: Dialogue, state: Tracker, reading: Json, text: str | None, turn: Mapping[str, Any]
    ) -> None:
        self.dialogue = dialogue
        self.state = state
        self.reading = reading
        self.full_intent: str = reading["intent"]
        self.intent = self.full_intent.partition("/")[0]
        self.text = text
        self.turn = turn
        self.given: set[str] = set()
        self.rejected = False
        self.done: list[str] = []
        self.messages: list[Json] = []
        self.hand_over: Json | None = None
        self.fell_back = False

    def run(self) -> Json:
        """Act, at most ten times, and return the Answer."""
        state, reading = self.state, self.reading
        asked = state.slots.get(REQUESTED)
        state.history.append(f"i/{self.intent}")
        self.given = self.dialogue.filler.fill(state, self.intent, reading["entities"], self.text)
        for _ in range(MOST_ACTIONS):
            action = self.next_action()
            if action == LISTEN:
                break
            self.act(action)
        missed = self.fell_back or self.intent == FALLBACK
        return {
            "messages": self.messages,
            "tracker": state.dump(),
            "slots": {name: value for name, value in state.slots.items() if value is not None and name != REQUESTED},
            "hand_over": self.hand_over,
            "reading": reading,
            "fallback": missed and asked not in self.given,
            "waiting_for": state.slots.get(REQUESTED),
        }

    def next_action(self) -> str:
        """Return what is due: default intents, the running form, rules, stories, at last a fallback."""
        state = self.state
        if not self.done and self.intent in DEFAULT_INTENTS:
            return DEFAULT_INTENTS[self.intent]
        again = state.loop if state.loop and self.done[-1:] != [state.loop] else LISTEN
        if self.fell_back or (state.loop and not self.rejected):
            return again
        entities = [entity["entity"] for entity in self.reading["entities"]]
        rule = self.dialogue.policy.rule(state, entities)
        if rule and rule.action == LISTEN and rule.any_loop:
            return again
        found = rule or self.dialogue.policy.story(state, entities)
        if found:
            return found.action
        return again if self.done else "action_default_fallback"

    def act(self, action: str) -> None:
        """Carry out one action."""
        state = self.state
        if action in self.dialogue.forms:
            self.run_form(action)
            return
        self.done.append(action)
        if action == "action_deactivate_loop":
            state.history.append(f"a/{action}")
            self.end_loop()
        elif action in ("action_default_fallback", "action_two_stage_fallback"):
            self.fell_back = True
            self.say("utter_default")
            del state.history[-1:]
        elif action in ("action_restart", "action_session_start"):
            state.begin_session(self.dialogue.initial, carry_over=False)
            self.say("utter_restart" if action == "action_restart" else "utter_session_start")
        else:
            self.say(action)
            state.history.append(f"a/{action}")

    def run_form(self, name: str) -> None:
        """Take what the message gave, then ask for the next slot, or end. One that gave nothing is refused once."""
        state = self.state
        required: Sequence[str] = self.dialogue.forms[name]["slots"]
        starting = state.loop != name
        if starting:
            state.loop = name
            self.given |= self.dialogue.filler.trigger(state, self.intent)
            self.given |= self.dialogue.filler.fill(state, self.intent, self.reading["entities"], self.text)
        elif not self.done and not self.given.intersection(required):
            self.rejected = True
            return
        self.rejected = False
        self.done.append(name)
        state.history.append(f"a/{name}")
        missing = next((slot for slot in required if state.slots.get(slot) is None), None)
        state.slots[REQUESTED] = missing
        if missing is None:
            self.end_loop()
            return
        if starting:
            state.history.append(f"l/{name}")
        if not self.say(f"utter_ask_{name}_{missing}"):
            self.say(f"utter_ask_{missing}")

    def end_loop(self) -> None:
        """Leave the running form."""
        if self.state.loop:
            self.state.history.append("l/")
        self.state.loop = None
        self.state.slots[REQUESTED] = None

    def say(self, name: str) -> bool:
        """Add the response called *name*; tell whether there is one."""
        responses = self.dialogue.assistant["responses"]
        names = (name, f"utter_{self.full_intent}") if name == f"utter_{self.intent}" else (name,)
        variations = next((responses[known] for known in names if known in responses), None)
        if variations is None:
            return False
        seed = f"{self.turn.get('conversation')}:{self.state.turn}:{name}"
        chosen = choose(variations, self.state.slots, self.turn.get("channel", ""), seed)
        for message in render(chosen, self.state.slots) if chosen else ():
            wish = (message.get("custom") or {}).get("hand_over")
            if isinstance(wish, dict):
                self.hand_over = {"reason": str(wish.get("reason") or "asked for a person"), "team": wish.get("team")}
            else:
                self.messages.append(message)
        return True


DEFAULT_INTENTS = {"restart": "action_restart", "session_start": "action_session_start"}


def _json_object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
