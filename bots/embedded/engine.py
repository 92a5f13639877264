"""The built-in engine: checks, trains and opens Rasa-format assistants without any service."""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bots import BotError, Finding, ProjectError, Report
from bots.embedded.process import CLOSED, Child, environment
from bots.embedded.serving.manifest import ModelError, manifest
from models.turns import Answer, Reading, Turn

TEXTS_A_CALL = 64
LONGEST_LINE = 16 << 20
"""Bytes of findings that training may print."""
PACKAGES = Path(__file__).resolve().parents[2]


class Config(BaseModel):
    """Settings of the engine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: float = Field(default=3.0, gt=0, le=60)
    python: str = sys.executable


class EmbeddedBot:
    """An open model; many share the engine's one process."""

    def __init__(self, engine: "EmbeddedEngine", handle: str, model: str) -> None:
        self._engine = engine
        self._handle = handle
        self.model = model
        self.limit = engine.config.limit

    async def answer(self, turn: Turn) -> Answer:
        """Answer one turn in the child process."""
        found = await self._call({"op": "answer", "turn": turn.model_dump()})
        try:
            return Answer.model_validate(found)
        except ValidationError as error:
            raise BotError("broken", f"{error.error_count()} invalid fields in the answer") from None

    async def parse(self, texts: Sequence[str]) -> list[Reading]:
        """Read texts without a conversation."""
        readings: list[Reading] = []
        for start in range(0, len(texts), TEXTS_A_CALL):
            found = await self._call({"op": "parse", "texts": list(texts[start : start + TEXTS_A_CALL])})
            readings += [Reading.model_validate(item) for item in found]
        return readings

    async def close(self) -> None:
        """Close the model; the last one takes the process with it."""
        await self._engine.let_go(self._handle)

    async def _call(self, request: dict[str, Any]) -> Any:
        return await self._engine.child.call(request | {"model": self._handle}, self.limit)


class EmbeddedEngine:
    """Kind ``embedded``. Holds one child process while a model is open."""

    kind = "embedded"

    def __init__(self, config: Config) -> None:
        self.config = config
        self._child: Child | None = None
        self._handles = itertools.count(1)
        self._opening = 0

    @property
    def child(self) -> Child:
        """The process of the open models."""
        if self._child is None:
            raise BotError("down", CLOSED)
        return self._child

    def check(self, project: Path) -> list[Finding]:
        """Return all findings about a project, in order of file and line."""
        from bots.embedded.checks import checked  # noqa: PLC0415 - answering needs no YAML, which costs 5 MB

        return sorted(checked(project).remarks.findings, key=lambda item: (item.file, item.line or 0))

    async def train(self, project: Path, out: Path, progress: Callable[[str], None]) -> Report:
        """Train in a process of its own; raise :class:`ProjectError`, or :class:`BotError` when the process fails."""
        started = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            self.config.python, "-m", "bots.embedded.train", str(project), str(out), limit=LONGEST_LINE,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, env=_training_environment(),
        )  # fmt: skip
        try:
            result = await _follow(process, progress)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
        findings = [Finding(*item) for item in result["findings"]]
        made = result["manifest"]
        if made is None:
            raise ProjectError(findings)
        seconds = round(time.monotonic() - started, 3)
        return Report(Path(made["folder"]), made["version"], seconds, findings, made["scores"])

    async def open(self, model: Path) -> EmbeddedBot:
        """Open a trained model, starting the process for the first; raise ``no_model`` if it is not whole."""
        try:
            version = str(manifest(model)["version"])
        except ModelError as error:
            raise BotError("no_model", str(error)) from None
        if self._child is None:
            self._child = Child(self.config.python)
        handle = f"{version}.{next(self._handles)}"
        self._opening += 1
        try:
            await self._child.open(handle, model)
        except BaseException:
            self._opening -= 1
            await self.let_go(handle)
            raise
        self._opening -= 1
        return EmbeddedBot(self, handle, version)

    async def let_go(self, handle: str) -> None:
        """Close one model."""
        child = self._child
        if child and not await child.forget(handle) and not self._opening:
            self._child = None
            await child.stop()


def _training_environment() -> dict[str, str]:
    known = environment()
    paths = [str(PACKAGES), *filter(None, [known.get("PYTHONPATH")])]
    return known | {"PYTHONPATH": ":".join(paths)}


async def _follow(process: asyncio.subprocess.Process, progress: Callable[[str], None]) -> Mapping[str, Any]:
    assert process.stdout  # noqa: S101 - narrows the type; it was asked for as a pipe
    async for line in process.stdout:
        told = json.loads(line)
        if "progress" not in told:
            return dict(told)
        progress(told["progress"])
    raise BotError("broken", "training ended without a result; its error is above")
