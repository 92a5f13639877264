"""Small assistants for tests, and an encoder that needs no weights."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np

from bots.embedded import train
from bots.embedded.checks import checked
from bots.embedded.serving.dialogue import Dialogue
from bots.embedded.serving.encoder import Floats
from bots.embedded.serving.model import open_model

_SMALL = {
    "config.yml": """\
        language: en
        pipeline:
          - name: FallbackClassifier
            threshold: 0.3
            ambiguity_threshold: 0.0
        policies:
          - name: RulePolicy
        """,
    "domain.yml": """\
        version: "3.1"
        intents: [hello, bye]
        responses:
          utter_hello:
            - text: Hello!
          utter_bye:
            - text: Bye!
        """,
    "data/nlu.yml": """\
        version: "3.1"
        nlu:
          - intent: hello
            examples: |
              - hello
              - good day
              - hi there
          - intent: bye
            examples: |
              - bye
              - see you
              - farewell
        """,
    "data/rules.yml": """\
        version: "3.1"
        rules:
          - rule: hello
            steps:
              - intent: hello
              - action: utter_hello
          - rule: bye
            steps:
              - intent: bye
              - action: utter_bye
        """,
}
SMALL = {name: dedent(text) for name, text in _SMALL.items()}


def write(folder: Path, **files: str) -> Path:
    """Write the small assistant, with some files replaced (``domain``, ``nlu``, ``rules``, ``config``)."""
    names = {"domain": "domain.yml", "config": "config.yml", "nlu": "data/nlu.yml", "rules": "data/rules.yml"}
    contents = SMALL | {names[key]: text for key, text in files.items()}
    for name, text in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


class HashEncoder:
    """Vectors from hashed words: enough to tell the small assistants' intents apart."""

    name = "hash"
    size = 32

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> Floats:
        self.encoded += texts
        rows = np.zeros((len(texts), self.size), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row[hashlib.sha256(word.encode()).digest()[0] % self.size] += 1
        return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1))


def dialogue(folder: Path, out: Path) -> Dialogue:
    """Train the project in *folder* in this process and open it."""
    project = checked(folder)
    assert not project.remarks.failed, [str(finding) for finding in project.remarks.findings]
    coder = HashEncoder()
    made = train.train(project, out, lambda: coder, lambda _: None)
    return open_model(Path(made["folder"]), coder)


class Talk:
    """A conversation with an open assistant: keeps the tracker between turns."""

    def __init__(self, opened: Dialogue, **facts: Any) -> None:
        self.opened = opened
        self.facts: dict[str, Any] = {"conversation": "c", "channel": "chat"} | facts
        self.tracker: Any = None

    def turn(self, text: str = "", **facts: Any) -> dict[str, Any]:
        answer = self.opened.answer(self.facts | {"text": text, "tracker": self.tracker} | facts)
        self.tracker = answer["tracker"]
        return answer

    def say(self, text: str = "", **facts: Any) -> list[str]:
        """Return the texts of the answer."""
        return [message["text"] for message in self.turn(text, **facts)["messages"] if "text" in message]
