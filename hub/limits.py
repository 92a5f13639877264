"""Rate limits in this process: token buckets that are forgotten once full again."""

import time
from collections import OrderedDict
from collections.abc import Callable


class Limit:
    """At most *burst* at once and *burst* per *seconds* on average, per key; at most *keys* keys are remembered."""

    def __init__(
        self, burst: int, seconds: float, *, keys: int = 100_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst = burst
        self._each = seconds / burst
        self._keys = keys
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def wait(self, key: str) -> float:
        """Take one; 0 if there was one, else the seconds until there will be (nothing is taken then)."""
        now = self._clock()
        full_at = max(self._full_at.pop(key, now), now)
        over = full_at + self._each - now - self._burst * self._each
        if over <= 1e-9:
            full_at += self._each
            over = 0.0
        self._full_at[key] = full_at
        if len(self._full_at) > self._keys:
            self._full_at.popitem(last=False)
        return over
