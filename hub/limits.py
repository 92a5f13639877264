"""Rate limits: token buckets that are forgotten once full again. Each process decides by itself, at once.

Where several processes share a Redis, :class:`Tally` adds up behind their backs what all of them let in.
"""

import asyncio
import hashlib
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence

EVERY = 0.25
"""Seconds between two tallies: so long one process does not know what the others let in."""
PAUSE = 1.0
"""Rest in seconds after Redis failed; meanwhile each process limits what it sees itself."""


class Limit:
    """At most *burst* at once and *burst* per *seconds* on average, per key; at most *keys* keys are remembered."""

    def __init__(
        self, burst: int, seconds: float, *, keys: int = 100_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst = burst
        self.each = seconds / burst
        """Seconds in which one more is allowed."""
        self._keys = keys
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._taken: dict[str, int] | None = None

    def wait(self, key: str) -> float:
        """Take one; 0 if there was one, else the seconds until there will be (nothing is taken then)."""
        now = self._clock()
        full_at = max(self._full_at.pop(key, now), now)
        over = full_at + self.each - now - self._burst * self.each
        if over <= 1e-9:
            full_at += self.each
            over = 0.0
            if self._taken is not None:
                self._taken[key] = self._taken.get(key, 0) + 1
        self._full_at[key] = full_at
        if len(self._full_at) > self._keys:
            self._full_at.popitem(last=False)
        return over

    def taken(self) -> Mapping[str, int]:
        """How many were taken of each key since it was last asked; from the first time on it is counted."""
        taken, self._taken = self._taken, {}
        return taken or {}

    def learn(self, key: str, full_in: float) -> None:
        """All processes together have taken so many that the bucket is full again in *full_in* seconds."""
        full_at = self._clock() + full_in
        if full_at > self._full_at.get(key, 0.0):
            self._full_at[key] = full_at


Add = Callable[[Sequence[tuple[str, int, float]]], Awaitable[Sequence[float]]]
"""Adds ``(key, number, seconds each)`` to buckets that processes share; returns in how many seconds each is full."""


class Tally:
    """Tells the *limits* of this process what was taken in all of them. *secret* hides addresses that are keys."""

    def __init__(self, add: Add, secret: str, limits: Mapping[str, Limit]) -> None:
        self._add = add
        self._secret = secret.encode()
        self._limits = limits

    async def run(self) -> None:
        """Add up until cancelled."""
        while True:
            rest = EVERY if await self.once() else PAUSE
            await asyncio.sleep(rest * random.uniform(0.9, 1.1))  # noqa: S311 - jitter is no secret

    async def once(self) -> bool:
        """Add up what was taken since the last time; False if nobody could be asked. What was taken is then let go."""
        rows = [(limit, name, key, n) for name, limit in self._limits.items() for key, n in limit.taken().items()]
        if not rows:
            return True
        try:
            full = await self._add([(self._hidden(name, key), n, limit.each) for limit, name, key, n in rows])
        except (OSError, TimeoutError):
            return False
        for (limit, _, key, _), seconds in zip(rows, full, strict=True):
            limit.learn(key, seconds)
        return True

    def _hidden(self, name: str, key: str) -> str:
        return hashlib.blake2b(f"{name}\0{key}".encode(), key=self._secret, digest_size=16).hexdigest()
