"""The bell tells other processes that a conversation moved. It carries an id and may be lost: the log is the truth."""

from typing import Protocol


class Bell(Protocol):
    """Rings after a commit; never awaited, never a fault."""

    def ring(self, conversation: str) -> None:
        """Say that *conversation* moved."""


class NoBell:
    """One process has nobody to tell."""

    def ring(self, conversation: str) -> None:
        """Do nothing: this process's emitter has told its sockets already."""
