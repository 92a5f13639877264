"""The built-in engine: reads a Rasa-format assistant, needs no service. ``serving/`` runs in its child process."""

from collections.abc import Mapping
from typing import Any

from bots.embedded.engine import Config, EmbeddedEngine


def create(config: Mapping[str, Any]) -> EmbeddedEngine:
    """Return the engine. Keys: ``limit``, seconds a turn may take (3); ``python``, the interpreter of its processes."""
    return EmbeddedEngine(Config.model_validate(config))
