"""What one process counts for whoever watches it; ``/metrics`` shows it. Counting costs well under a microsecond."""

import time
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of a :class:`Spread`'s buckets, in seconds; one more takes the rest."""


class Spread:
    """How long something took: a histogram."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self.total = 0.0

    def note(self, seconds: float) -> None:
        """Count one; what a clock set back makes negative counts as nothing."""
        self._counts[bisect_left(BOUNDS, seconds)] += 1
        self.total += max(0.0, seconds)

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bound and how many took no longer, as Prometheus wants them."""
        return list(zip([*map(str, BOUNDS), "+Inf"], map(float, accumulate(self._counts)), strict=True))


@dataclass(slots=True)
class Figures:
    """Counts since the start of this process."""

    delivery: Spread = field(default_factory=Spread)
    """From the moment this process wrote a change until it told its sockets."""
    bell: Spread = field(default_factory=Spread)
    """The same for what another process wrote, or was told late: the bell's delay, or the sweep's."""
    syncs: Counter[str] = field(default_factory=Counter)
    """``sync`` requests by whether they found something missed: ``missed`` or ``whole``."""
    channel_errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By kind of channel and what was wrong."""
    ahead: float = 0.0
    """Milliseconds by which the database's clock is before this machine's."""

    def clock(self, database: int) -> None:
        """Compare clocks: what the database's says now, in milliseconds."""
        self.ahead = database - time.time() * 1_000

    def told(self, changed_at: int, late: bool) -> None:
        """Sockets were told of a change of this moment (the database's milliseconds)."""
        lag = (time.time() * 1_000 + self.ahead - changed_at) / 1_000
        (self.bell if late else self.delivery).note(lag)

    def synced(self, answer: dict[str, Any]) -> None:
        """A client asked what it missed, and was answered."""
        self.syncs["missed" if answer["messages"] or answer["changed"] else "whole"] += 1
