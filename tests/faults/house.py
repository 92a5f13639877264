"""A hub of one or more processes with the servers it stands on, and the hand that breaks them."""

import asyncio
import contextlib
import os
import time
from collections import Counter
from collections.abc import Iterable

from tests.faults.servers import OwnPostgres
from tests.faults.storm import Blow
from tests.support.hub import HubProcess
from tests.support.redis import RedisServer

KNOCKS = 2_000
"""How often to try, every 20 ms, whether a process listens yet. Times a machine stands still do not count."""
STARTING = 5.0
"""Seconds after its start in which a process may end because its database does."""
LOOK = 0.05
"""Seconds between two looks whether every process lives."""


class House:
    """``fell`` names processes that ended by themselves; ``blows`` counts what broke, by kind."""

    def __init__(self, hub: HubProcess, postgres: OwnPostgres | None = None, redis: RedisServer | None = None) -> None:
        self.hub = hub
        self.fell: list[str] = []
        self.blows: Counter[str] = Counter()
        self._postgres = postgres
        self._redis = redis
        self._processes = range(len(hub.doors))
        self._born = [0.0 for _ in self._processes]
        self._killed: set[int] = set()
        self._database = asyncio.Event()
        self._database.set()
        self._crashed = 0.0

    async def suffer(self, blows: Iterable[Blow]) -> None:
        """Take *blows* one after the other, servers being mended meanwhile; return when everything is up again."""
        async with asyncio.TaskGroup() as mending:
            mended = mending.create_task(asyncio.sleep(0))
            for blow in blows:
                if blow.kind == "hub kill":
                    await self._kill(blow)
                    continue
                await asyncio.sleep(blow.after)
                await mended
                mended = mending.create_task(self._break(blow))
                self.blows[blow.kind] += 1
        for number in self._processes:
            await self._listening(number)

    async def _kill(self, blow: Blow) -> None:
        if not blow.early:
            await self._listening(blow.process)
        await asyncio.sleep(blow.after)
        self._killed.add(blow.process)
        self.hub.kill(blow.process)
        self.blows[blow.kind] += 1

    async def supervise(self) -> None:
        """Start what ended, once there is a database: any supervisor can be told so."""
        while True:
            await asyncio.sleep(LOOK)
            for number in self._processes:
                if number not in self._killed and self._lives(number):
                    continue
                await self._database.wait()
                self._killed.discard(number)
                self._born[number] = time.monotonic()
                self.hub.spawn(number)

    def _lives(self, number: int) -> bool:
        try:
            os.kill(self.hub.pid_of(number), 0)
        except ProcessLookupError:
            if not 0 <= self._crashed - self._born[number] < STARTING:
                self.fell.append(f"process {number}")
            return False
        return True

    async def _break(self, blow: Blow) -> None:
        """Break a server and, after a while, mend it."""
        if blow.kind == "postgres stop":
            assert self._postgres is not None
            self._database.clear()
            self._crashed = time.monotonic()
            await asyncio.to_thread(self._postgres.crash)
            await asyncio.sleep(blow.lasts)
            await asyncio.to_thread(self._postgres.start)
            self._database.set()
            return
        assert self._redis is not None
        match blow.kind:
            case "redis kill":
                self._redis.kill()
                await asyncio.sleep(blow.lasts)
                await asyncio.to_thread(self._redis.start)
            case "redis freeze":
                self._redis.freeze()
                await asyncio.sleep(blow.lasts)
                self._redis.thaw()
            case "redis flush":
                await asyncio.to_thread(self._redis.flush)

    async def _listening(self, number: int) -> None:
        """Return when a process takes connections."""
        for _ in range(KNOCKS):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.hub.doors[number].port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            return
        raise AssertionError(f"process {number} does not listen")
