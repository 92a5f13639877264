"""What rules, forms, slots, responses and sessions mean, on small assistants in this process."""

import time
from pathlib import Path

import pytest

from bots.embedded.serving import budget, language
from bots.embedded.serving.dialogue import Dialogue
from bots.embedded.serving.responses import choose, fill, render
from models.turns import Answer
from tests.bots.projects import SMALL, Talk, dialogue, write

ORDER = {
    "domain": """\
version: "3.1"
intents: [hello, bye, order, inform, stop, {faq: {use_entities: []}}]
entities: [size, colour]
slots:
  language: {type: text, influence_conversation: false, mappings: [{type: custom}]}
  size: {type: float, mappings: [{type: from_entity, entity: size}]}
  colour:
    type: text
    mappings:
      - {type: from_entity, entity: colour}
  note:
    type: text
    mappings:
      - {type: from_text, not_intent: stop, conditions: [{active_loop: order_form, requested_slot: note}]}
  gift:
    type: bool
    mappings:
      - {type: from_trigger_intent, intent: order, value: true}
  tags: {type: list, mappings: [{type: from_entity, entity: colour}]}
forms:
  order_form:
    required_slots: [size, colour, note]
    ignored_intents: [bye]
responses:
  utter_hello: [{text: "Hello!"}]
  utter_bye: [{text: "Bye!"}]
  utter_ask_size: [{text: "Which size?"}]
  utter_ask_order_form_colour: [{text: "Which colour?"}]
  utter_ask_note: [{text: "A note?"}]
  utter_done: [{text: "Size {size}, {colour}, {note}.", image: "https://example.com/a.png"}]
  utter_stopped: [{text: "Stopped."}]
  utter_faq/price: [{text: "It costs ten."}]
  utter_faq/time: [{text: "It takes a day."}]
session_config: {session_expiration_time: 10, carry_over_slots_to_new_session: false}
""",
    "nlu": """\
version: "3.1"
nlu:
  - {intent: hello, examples: "- hello\\n- good day\\n"}
  - {intent: bye, examples: "- bye\\n- see you\\n"}
  - {intent: order, examples: "- I want to order\\n- order something please\\n"}
  - intent: inform
    examples: |
      - size [42](size)
      - in [red](colour) please
      - the [crimson]{"entity": "colour", "value": "red"} one
      - [dark blue](colour)
  - {intent: stop, examples: "- stop it\\n- cancel this\\n"}
  - {intent: faq/price, examples: "- what does it cost\\n- how expensive\\n"}
  - {intent: faq/time, examples: "- how long does it take\\n- when is it ready\\n"}
  - {regex: size, examples: "- \\\\d{2}"}
  - {lookup: colour, examples: "- green\\n- 緑\\n"}
  - {synonym: green, examples: "- 緑\\n"}
""",
    "rules": """\
version: "3.1"
rules:
  - {rule: hello, steps: [{intent: hello}, {action: utter_hello}]}
  - {rule: bye, steps: [{intent: bye}, {action: utter_bye}]}
  - {rule: faq, steps: [{intent: faq}, {action: utter_faq}]}
  - {rule: order, steps: [{intent: order}, {action: order_form}, {active_loop: order_form}]}
  - rule: done
    condition: [{active_loop: order_form}]
    steps: [{action: order_form}, {active_loop: null}, {slot_was_set: [{requested_slot: null}]}, {action: utter_done}]
  - rule: stop
    condition: [{active_loop: order_form}]
    steps: [{intent: stop}, {action: utter_stopped}, {action: action_deactivate_loop}, {active_loop: null}]
""",
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Dialogue:
    folder = tmp_path_factory.mktemp("talk")
    return dialogue(write(folder / "shop", **ORDER), folder / "out")


def test_form_from_start_to_end(shop: Dialogue) -> None:
    talk = Talk(shop)
    assert talk.say("I want to order") == ["Which size?"]
    assert talk.say("size 42") == ["Which colour?"]
    assert talk.say("in red please") == ["A note?"]
    answer = talk.turn("leave it at the door")
    assert answer["messages"] == [
        {"text": "Size 42.0, red, leave it at the door.", "buttons": []},
        {"image": "https://example.com/a.png"},
    ]
    assert answer["slots"] == {
        "language": "en", "size": 42.0, "colour": "red", "note": "leave it at the door", "gift": True, "tags": ["red"],
    }  # fmt: skip
    assert (answer["waiting_for"], answer["fallback"]) == (None, False)
    Answer.model_validate(answer)


def test_form_takes_what_comes_early_and_out_of_order(shop: Dialogue) -> None:
    talk = Talk(shop)
    assert talk.say(payload='/order{"size": "42"}') == ["Which colour?"]
    assert talk.say("the crimson one") == ["A note?"]
    assert talk.tracker["slots"]["colour"] == "red"


def test_interruption_asks_again_and_cancelling_does_not(shop: Dialogue) -> None:
    talk = Talk(shop)
    talk.say("I want to order")
    assert talk.say("hello") == ["Hello!", "Which size?"]
    assert talk.say("stop it") == ["Stopped."]
    assert talk.say("hello") == ["Hello!"]


def test_ignored_intent_fills_nothing(shop: Dialogue) -> None:
    talk = Talk(shop, tracker=None)
    talk.say(payload='/order{"size": "42"}')
    talk.say("green")
    assert talk.tracker["slots"]["colour"] == "green"
    assert talk.say("bye") == ["Bye!", "A note?"]


def test_retrieval_intents(shop: Dialogue) -> None:
    talk = Talk(shop)
    assert talk.say("what does it cost") == ["It costs ten."]
    assert talk.say("when is it ready") == ["It takes a day."]


def test_payload_is_a_command_and_text_never(shop: Dialogue) -> None:
    talk = Talk(shop)
    talk.say("I want to order")
    assert talk.say(payload='/inform{"size": "41"}') == ["Which colour?"]
    assert talk.tracker["slots"]["size"] == 41.0
    answer = talk.turn('/inform{"colour": "black"}')
    assert "colour" not in answer["slots"]
    assert answer["reading"]["text"] == 'inform{"colour": "black"}'
    for payload in ("/nobody", "/inform{", "/inform[1]", "/", "/inform{}extra"):
        Answer.model_validate(talk.turn(payload=payload))


def test_restart_and_session(shop: Dialogue) -> None:
    talk = Talk(shop)
    assert talk.turn(payload='/order{"size": "42"}')["slots"]["size"] == 42.0
    answer = talk.turn("hello", idle_seconds=600.0)
    assert [message["text"] for message in answer["messages"]] == ["Hello!"]
    assert "size" not in answer["slots"]
    talk.say("I want to order")
    talk.turn(payload="/restart")
    assert talk.tracker["slots"] == {}


def test_people_set_slots(shop: Dialogue) -> None:
    talk = Talk(shop)
    answer = talk.turn("I want to order", slots={"size": 39, "unknown": 1})
    assert answer["waiting_for"] == "colour"
    assert "unknown" not in answer["slots"]


def test_same_turn_same_answer_and_any_tracker_is_safe(shop: Dialogue) -> None:
    talk = Talk(shop)
    first = talk.turn("I want to order")
    assert talk.turn("size 42", tracker=first["tracker"]) == talk.turn("size 42", tracker=first["tracker"])
    hostile = {"version": 1, "turn": "x", "history": [1, "i/"], "slots": [], "loop": "nope", "language": 3}
    for state in ({}, {"version": 9}, hostile, hostile | {"loop": "order_form", "history": "abc"}):
        Answer.model_validate(talk.turn("hello", tracker=state))


def test_tracker_stays_small(shop: Dialogue) -> None:
    talk = Talk(shop)
    for _ in range(60):
        talk.say("hello")
    assert len(str(talk.tracker)) < 2_000


def test_entities(shop: Dialogue) -> None:
    def found(text: str) -> list[tuple[str, str, str]]:
        return [
            (item["entity"], text[item["start"] : item["end"]], item["value"]) for item in shop.read(text)["entities"]
        ]

    assert found("GREEN or Dark Blue, evergreen") == [
        ("colour", "GREEN", "GREEN"),
        ("colour", "Dark Blue", "Dark Blue"),
    ]
    assert found("緑のをください 42") == [("colour", "緑", "green"), ("size", "42", "42")]
    assert found("") == []


def test_repeated_conversation_start_and_wait(project: Path, tmp_path: Path) -> None:
    rules = (
        SMALL["data/rules.yml"]
        + """\
  - rule: first hello
    conversation_start: true
    steps:
      - intent: hello
      - action: utter_welcome
    wait_for_user_input: false
  - rule: after the welcome
    steps:
      - action: utter_welcome
      - action: utter_hello
"""
    )
    domain = SMALL["domain.yml"] + "  utter_welcome:\n    - text: Welcome!\n"
    talk = Talk(dialogue(write(project, rules=rules, domain=domain), tmp_path / "out"))
    assert talk.say("hello") == ["Welcome!", "Hello!"]
    assert talk.say("hello") == ["Hello!"]


def test_stories_follow_what_happened(project: Path, tmp_path: Path) -> None:
    rules = """\
version: "3.1"
stories:
  - {story: twice, steps: [{intent: hello}, {action: utter_hello}, {intent: hello}, {action: utter_again}]}
  - story: bye
    steps: [{or: [{intent: bye}, {intent: hello}]}, {action: utter_hello}, {intent: bye}, {action: utter_bye}]
"""
    domain = SMALL["domain.yml"] + "  utter_again:\n    - text: Again?\n"
    talk = Talk(dialogue(write(project, rules=rules, domain=domain), tmp_path / "out"))
    assert talk.say("hello") == ["Hello!"]
    assert talk.say("hello") == ["Again?"]
    other = Talk(talk.opened)
    other.say("hello")
    assert other.say("bye") == ["Bye!"]


def test_endless_rules_stop(project: Path, tmp_path: Path) -> None:
    rules = (
        SMALL["data/rules.yml"]
        + """\
  - {rule: loop, wait_for_user_input: false, steps: [{action: utter_spin}, {action: utter_spin}]}
  - {rule: spin, wait_for_user_input: false, steps: [{intent: spin}, {action: utter_spin}]}
"""
    )
    domain = SMALL["domain.yml"].replace("bye]", "bye, spin]") + "  utter_spin:\n    - text: Spin\n"
    nlu = SMALL["data/nlu.yml"] + "  - {intent: spin, examples: '- turn around'}\n"
    talk = Talk(dialogue(write(project, rules=rules, domain=domain, nlu=nlu), tmp_path / "out"))
    assert talk.say("turn around") == ["Spin"] * 10


def test_variations() -> None:
    def variation(text: str, channel: str | None = None, **slots: str) -> dict[str, object]:
        condition = [{"name": name, "value": value} for name, value in slots.items()]
        return {"text": text, "channel": channel, "condition": condition, "buttons": [], "image": None, "custom": None}

    items = [variation("a"), variation("b"), variation("ja", language="ja"), variation("chat", channel="chat")]

    def chosen(slots: dict[str, str], channel: str, seed: str = "1") -> object:
        found = choose(items, slots, channel, seed)
        return found and found["text"]

    assert {chosen({}, "phone", str(seed)) for seed in range(40)} == {"a", "b"}
    assert chosen({"language": "JA"}, "phone") == "ja"
    assert chosen({"language": "ja"}, "chat") == "chat"
    assert choose(items[2:3], {}, "chat", "1") is None
    assert render(items[0], {}) == [{"text": "a", "buttons": []}]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hello {name}!", "Hello Ada!"),
        ("Hello {nobody}!", "Hello!"),
        ('/inform{{"a": "{name}"}}', '/inform{"a": "Ada"}'),
        ('/inform{"a": "b"}', '/inform{"a": "b"}'),
        ("{name.__class__} {0}", ""),
    ],
)
def test_fill(text: str, filled: str) -> None:
    assert fill(text, {"name": "Ada"}) == filled


def test_slot_values_are_not_templates() -> None:  # S-14
    assert (
        fill("Hello {name}!", {"name": "{{7*7}} {other} {name}", "other": "secret"}) == "Hello {{7*7}} {other} {name}!"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("こんにちは", "ja"), ("担当者", "ja"), ("FD-10234", None), ("OK", None), ("thank you", "en"), ("", None),
        ("안녕하세요", None), ("where is my order", "en"), ("FD-10234です", "ja"),
    ],
)  # fmt: skip
def test_language_by_script(text: str, told: str | None) -> None:
    assert language.by_script(text, ["en", "ja"]) == told


def test_two_latin_languages_are_not_told_apart() -> None:
    assert language.by_script("where is my order", ["en", "de"]) is None
    assert language.base("pt-BR") == "pt"
    assert language.base(None) is None


@pytest.mark.parametrize("text", ["/restart", " / /restart", "／restart", "\n/restart", "//restart"])
def test_typed_slashes_go(text: str) -> None:
    assert language.spoken(text) == "restart"


def test_exploding_pattern_costs_its_turn_only(project: Path, tmp_path: Path) -> None:  # S-24
    nlu = SMALL["data/nlu.yml"] + "  - {regex: evil, examples: '- (a+)+$'}\n"
    domain = SMALL["domain.yml"] + "entities: [evil]\n"
    talk = Talk(dialogue(write(project, nlu=nlu, domain=domain), tmp_path / "out"))
    started = time.monotonic()
    talk.turn("a" * 60 + "!")
    assert time.monotonic() - started < budget.REGEX_SECONDS + 2
    assert talk.say("hello") == ["Hello!"]
