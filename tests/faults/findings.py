"""What an audit may find."""

from dataclasses import dataclass
from typing import Literal

Fault = Literal[
    "lost", "moved", "doubled", "hole", "chain", "reordered", "heard", "shown", "stray", "unanswered", "turns",
    "foreign", "fence", "leased", "refused", "fell", "unsent", "sent twice", "sent blindly", "sent reordered",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise."""

    fault: Fault
    where: str
    what: str
