"""The bell tells other processes that a conversation moved. It carries ids, never a word of it, and may be lost.

The log is the truth: whoever hears the bell reads what happened there, and looks there each second anyway.
"""

from typing import NamedTuple, Protocol

from models.book import Change


class Rung(NamedTuple):
    """One or several commits to a conversation: its visitor, and the revs they raised from ``before`` to ``rev``.

    ``seq`` is the last seq before them. ``queue``: somebody entered or left the queue.
    """

    conversation: str
    identity: str
    before: int
    seq: int
    rev: int
    queue: bool


def rung_by(change: Change) -> Rung:
    """What the bell says of a commit."""
    seq = change.row["last_seq"] - len(change.messages)
    return Rung(change.conversation, change.identity, change.before, seq, change.rev, change.queue_moved)


class Bell(Protocol):
    """Rings after a commit; never awaited, never a fault."""

    def ring(self, change: Change) -> None:
        """Say that a conversation moved."""


class NoBell:
    """One process has nobody to tell."""

    def ring(self, change: Change) -> None:
        """Do nothing: this process's emitter has told its sockets already."""
