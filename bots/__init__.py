"""Bot engines: the protocols they fulfil and :func:`load`. One engine a file or folder; its name is its kind.

An engine module offers ``create(config) -> Engine``. The hub asks nothing else of it.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from models.turns import Answer, Reading, Turn


class BotError(Exception):
    """A turn could not be answered. ``kind`` decides what the hub does; the message names no customer text."""

    def __init__(self, kind: Literal["timeout", "down", "busy", "broken", "no_model"], message: str) -> None:
        super().__init__(message)
        self.kind = kind
        """``busy`` (a model is loading) waits and is no failure; every other kind counts as one."""


class ProjectError(Exception):
    """An assistant that cannot be loaded; ``findings`` say where and what to do."""

    def __init__(self, findings: "Sequence[Finding]") -> None:
        super().__init__("; ".join(str(finding) for finding in findings if finding.level == "error"))
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark about an assistant, with the place it is about."""

    level: Literal["error", "warning", "info"]
    file: str
    line: int | None
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.level}: {self.message}"


@dataclass(frozen=True, slots=True)
class Report:
    """What training produced: the model's folder, its version (a hash), the time in seconds, and scores."""

    model: Path
    version: str
    seconds: float
    findings: Sequence[Finding] = ()
    scores: Mapping[str, Any] = field(default_factory=dict)


class Bot(Protocol):
    """An open model that answers turns."""

    @property
    def model(self) -> str:
        """Version of the model that answers, stored with every reading."""

    @property
    def limit(self) -> float:
        """Seconds a turn may take before the hub gives up on it."""

    async def answer(self, turn: Turn) -> Answer:
        """Answer one turn, or raise :class:`BotError`. The same turn may come twice; ``turn.id`` tells."""

    async def parse(self, texts: Sequence[str]) -> list[Reading]:
        """Read texts without a conversation."""

    async def close(self) -> None:
        """Let go of processes and connections."""


class Engine(Protocol):
    """A kind of bot."""

    kind: str

    def check(self, project: Path) -> list[Finding]:
        """Say what is wrong with a Rasa-format project, with file and line."""

    async def train(self, project: Path, out: Path, progress: Callable[[str], None]) -> Report:
        """Train *project* into a new folder below *out*; raise :class:`ProjectError` if it cannot be."""

    async def open(self, model: Path) -> Bot:
        """Open a trained model."""


def kinds() -> list[str]:
    """Names of the engines that exist: the files and folders beside this one that hold no data only."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def load(kind: str, config: Mapping[str, Any]) -> Engine:
    """Return the engine called *kind*, or raise ``ValueError`` naming the known ones."""
    if kind not in kinds():
        raise ValueError(f"unknown bot engine {kind!r}; known: {', '.join(kinds())}")
    engine: Engine = importlib.import_module(f"bots.{kind}").create(config)
    return engine
