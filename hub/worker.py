"""Keeps the outbox's promises: each conversation's turns and deliveries one at a time, in order; others in parallel."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.aftermath import Promises
from models import outbox
from models.book import LEASE, Promise
from models.db import Database, DatabaseUnavailableError

SWEEP = 1.0
"""Seconds between two looks for due promises."""
AT_ONCE = 200
"""Lines of promises worked on at the same time."""

_log = logging.getLogger("frontdesk.worker")


@dataclass(frozen=True, slots=True)
class Retry:
    """What a handler returns when a promise must wait: seconds, why, and whether the try counts."""

    after: float
    why: str
    free: bool = False


@dataclass(slots=True)
class _Line:
    """Promises of one conversation and kind, and the task that keeps them one after the other."""

    waiting: deque[Promise]
    task: "asyncio.Task[None]"


Handler = Callable[[Promise], Awaitable[Retry | None]]
"""Works on a promise. It drops the promise in the transaction that records its result, or returns a Retry."""


class Worker:
    """Works on promises handed over by this process's commits, and on due ones found in the outbox."""

    def __init__(
        self,
        db: Database,
        promises: Promises,
        handlers: Mapping[str, Handler],
        give_up: Handler,
        owner: str,
        backoff: Callable[[int], float],
    ) -> None:
        self._db = db
        self._promises = promises
        self._handlers = handlers
        self._give_up = give_up
        self._owner = owner
        self._backoff = backoff
        self._lines: dict[tuple[str, str], _Line] = {}
        self._held: set[str] = set()
        self._stopping = False
        promises.wake = self._wake

    async def run(self) -> None:
        """Sweep and renew until cancelled."""
        renew_at = 0.0
        loop = asyncio.get_running_loop()
        while True:
            try:
                await self._sweep()
                if self._held and loop.time() >= renew_at:
                    await self._db.write(outbox.renew, (self._owner, list(self._held)), self._owner)
                    renew_at = loop.time() + LEASE / 3000
            except DatabaseUnavailableError:
                pass
            except Exception:
                _log.exception("sweep failed")
            await asyncio.sleep(SWEEP)

    async def drain(self, seconds: float) -> None:
        """Take nothing new, let what is under way finish, and give back the rest: others may take it at once."""
        self._stopping = True
        tasks = [line.task for line in self._lines.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for task in tasks:
            task.cancel()
        try:
            await self._db.write(outbox.release_all, self._owner, self._owner)
        except DatabaseUnavailableError:
            _log.warning("promises were not given back: others take them when their leases run out")

    async def _sweep(self) -> None:
        if self._stopping or len(self._lines) >= AT_ONCE:
            return
        for promise in await self._db.write(outbox.claim, outbox.Claim(self._owner), self._owner):
            if promise.id not in self._held:
                self._add(promise)

    def _wake(self) -> None:
        for promise in self._promises.take():
            self._add(promise)

    def _add(self, promise: Promise) -> None:
        if self._stopping:
            return
        self._held.add(promise.id)
        key = (promise.conversation, promise.kind) if promise.kind in ("turn", "deliver") else (promise.id, "")
        line = self._lines.get(key)
        if line is not None:
            promise.context = None
            line.waiting.append(promise)
            return
        waiting = deque((promise,))
        self._lines[key] = _Line(waiting, asyncio.create_task(self._work(key, waiting)))

    async def _work(self, key: tuple[str, str], line: deque[Promise]) -> None:
        try:
            while line:
                promise = line[0]
                try:
                    kept = await self._try(promise)
                except DatabaseUnavailableError:
                    kept = False
                if kept:
                    line.popleft()
                    self._held.discard(promise.id)
                else:
                    await self._put_back(line)
        finally:
            self._held.difference_update(waiting.id for waiting in line)
            del self._lines[key]

    async def _put_back(self, line: deque[Promise]) -> None:
        """A delayed promise and those behind it wait in the outbox, which keeps their order."""
        while line:
            ids = [promise.id for promise in line]
            try:
                await self._db.write(outbox.release, (self._owner, ids), self._owner)
            except DatabaseUnavailableError:
                await asyncio.sleep(SWEEP)
                continue
            for _ in ids:
                line.popleft()
            self._held.difference_update(ids)

    async def _try(self, promise: Promise) -> bool:
        """Work on a promise; False if it must wait and so must those behind it."""
        try:
            retry = await self._handlers[promise.kind](promise)
        except DatabaseUnavailableError:
            raise
        except Exception as error:
            _log.exception("%s %s of conversation %s failed", promise.kind, promise.id, promise.conversation)
            retry = Retry(self._backoff(promise.attempts), type(error).__name__)
        if retry is None:
            return True
        if not retry.free and promise.attempts + 1 >= outbox.MAX_ATTEMPTS:
            return await self._bury(promise, retry.why)
        later = outbox.Later(promise.id, self._owner, int(retry.after * 1000), retry.why, free=retry.free)
        await self._db.write(outbox.later, later, promise.conversation or promise.id)
        return False

    async def _bury(self, promise: Promise, why: str) -> bool:
        """After the last try a promise becomes a dead letter, visible, and the line goes on (INV-19)."""
        _log.error("%s %s of conversation %s given up: %s", promise.kind, promise.id, promise.conversation, why)
        try:
            await self._give_up(promise)
        except Exception:
            _log.exception("dead letter %s was not shown", promise.id)
        arg: Any = (promise.id, "dead", why)
        await self._db.write(outbox.bury, arg, promise.conversation or promise.id)
        return True
