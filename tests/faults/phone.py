"""A customer who texts: each text reaches the hub five times, shuffled, at whichever process."""

import asyncio
from random import Random

from tests.faults.engines.counter import PERSON
from tests.faults.provider import Provider

TIMES = 5
"""How often each webhook comes (INV-7)."""
SPREAD = 2.0
"""Seconds over which it does."""


class Phone:
    """Writes numbered texts. ``taken``: the provider's ids of those that were answered with 2xx, once for each."""

    def __init__(self, number: str, provider: Provider, random: Random, *, wants_person_at: int = -1) -> None:
        self.number = number
        self.taken: list[str] = []
        self._provider = provider
        self._random = random
        self._wants_person_at = wants_person_at
        self._count = 0
        self._posts: set[asyncio.Task[None]] = set()

    @property
    def waiting(self) -> int:
        """Webhooks that are on their way."""
        return len(self._posts)

    async def write(self, pause: tuple[float, float]) -> None:
        """Write until cancelled."""
        while True:
            await asyncio.sleep(self._random.uniform(*pause))
            sid = f"SM{self.number[1:]}{self._count:016x}"
            body = f"{self.number} {self._count}" + (f" {PERSON}" if self._count == self._wants_person_at else "")
            self._count += 1
            for _ in range(TIMES):
                task = asyncio.create_task(self._post(sid, body, self._random.uniform(0.0, SPREAD)))
                self._posts.add(task)
                task.add_done_callback(self._posts.discard)

    async def close(self) -> None:
        """Give up what is still on its way."""
        for task in list(self._posts):
            task.cancel()
        await asyncio.gather(*self._posts, return_exceptions=True)

    async def _post(self, sid: str, body: str, after: float) -> None:
        """Again and again until it is taken, as a provider would."""
        await asyncio.sleep(after)
        while True:
            if await self._provider.text(self.number, body, sid):
                self.taken.append(sid)
                return
            await asyncio.sleep(0.3)
