"""The line between a deployment's processes: one Redis channel for the bell, and for hints such as "is typing".

Nothing that matters is only here. Redis may be killed, frozen or flushed at any moment: nobody waits for it, what it
lost is found by the sweep, and within a second of its return the line stands again.
"""

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from hub.bell import Rung, rung_by
from models.book import Change

SECONDS = 1.0
"""Longest wait for Redis to connect, to answer, or to say that it is still there."""
PAUSE = (0.1, 0.5)
"""Shortest and longest rest after a failure, in seconds."""
GATHER = 0.004
"""Rest after each message sent, in which what comes next is gathered: at most 250 a second, however many commits."""
MOST_RUNG = 5_000
"""Conversations whose bell waits; more are left to the sweep."""
MOST_SAID = 1_000
"""Hints that wait; the oldest are forgotten."""
_BUCKET = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + math.ceil(ARGV[1] * ARGV[2] * 1000)
redis.call('SET', KEYS[1], string.format('%d', full), 'PX', full - now)
return full - now
"""
"""Takes ARGV[1] tokens, each of which takes ARGV[2] seconds to come back; answers in how many milliseconds all are."""
GONE = (RedisError, OSError, TimeoutError)

_log = logging.getLogger("frontdesk.line")


def connect(url: str) -> Redis:
    """A client that gives up within a second and tries nothing twice: callers decide what a failure means."""
    return Redis.from_url(
        url,
        protocol=2,
        socket_timeout=SECONDS,
        socket_connect_timeout=SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


class RedisLine:
    """A bell that rings in all processes of a deployment, and carries hints between them.

    *channel* is the deployment's own; *me* names this process, which does not hear itself. Set ``heard`` (bells of
    others), ``joined`` (the line stands, again) and what :meth:`on` asks for before :meth:`run`.
    """

    def __init__(self, redis: Redis, channel: str, me: str) -> None:
        self._redis = redis
        self._channel = channel
        self._me = me
        self._rung: dict[str, Rung] = {}
        self._said: deque[tuple[str, Any]] = deque(maxlen=MOST_SAID)
        self._something = asyncio.Event()
        self._topics: dict[str, Callable[[str, Any], None]] = {}
        self._up = True
        self.heard: Callable[[Iterable[Rung]], None] = _nothing
        self.joined: Callable[[], None] = _nobody

    def ring(self, change: Change) -> None:
        """Say that a conversation moved; what waits to be said of it becomes one."""
        new = rung_by(change)
        old = self._rung.get(new.conversation)
        if old is None and len(self._rung) >= MOST_RUNG:
            return
        if old is not None:
            new = new._replace(
                before=min(old.before, new.before),
                seq=min(old.seq, new.seq),
                rev=max(old.rev, new.rev),
                queue=old.queue or new.queue,
            )
        self._rung[new.conversation] = new
        self._something.set()

    def say(self, topic: str, data: Any) -> None:
        """Give the other processes a hint (JSON) that may be lost."""
        self._said.append((topic, data))
        self._something.set()

    async def add(self, taken: Sequence[tuple[str, int, float]]) -> list[float]:
        """Take tokens from buckets that the deployment's processes share; see :data:`hub.limits.Add`."""
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                for key, number, each in taken:
                    pipe.execute_command("EVAL", _BUCKET, 1, f"{self._channel}:{key}", number, each)
                return [milliseconds / 1000 for milliseconds in await pipe.execute()]
        except RedisError as error:
            raise ConnectionError(type(error).__name__) from None

    def on(self, topic: str, do: Callable[[str, Any], None]) -> None:
        """Call ``do(process, data)`` with the hints of a topic that others give."""
        self._topics[topic] = do

    async def run(self) -> None:
        """Send and listen until cancelled."""
        try:
            await asyncio.gather(self._keep(self._send), self._keep(self._listen))
        finally:
            with contextlib.suppress(*GONE):
                await self._redis.aclose()

    async def _keep(self, work: Callable[[], Any]) -> None:
        """Do *work* again and again: it only ever ends by a failure."""
        shortest, longest = PAUSE
        while True:
            try:
                await work()
            except GONE as error:
                if self._up:
                    self._up = False
                    _log.warning("redis is gone (%s): others are told by the sweep meanwhile", type(error).__name__)
            except Exception:
                _log.exception("the line to other processes broke")
            await asyncio.sleep(random.uniform(shortest, longest))  # noqa: S311 - jitter is no secret

    async def _send(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            rung, self._rung = self._rung, {}
            said = list(self._said)
            self._said.clear()
            body = orjson.dumps({"by": self._me, "rung": [[*one] for one in rung.values()], "said": said})
            await self._redis.publish(self._channel, body)
            await asyncio.sleep(GATHER)

    async def _listen(self) -> None:
        async with self._redis.pubsub() as line:
            await line.subscribe(self._channel)
            if await line.get_message(timeout=SECONDS) is None:
                raise TimeoutError
            if not self._up:
                self._up = True
                _log.info("redis is back")
            self.joined()
            while True:
                await self._next(line)

    async def _next(self, line: PubSub) -> None:
        """Take one message; a line that is silent is asked for a sign of life."""
        message = await line.get_message(timeout=SECONDS)
        if message is None:
            await line.ping()
            message = await line.get_message(timeout=SECONDS)
        if message is None:
            raise TimeoutError
        if message["type"] == "message":
            self._hear(message["data"])

    def _hear(self, body: bytes) -> None:
        try:
            said = orjson.loads(body)
            if said["by"] == self._me:
                return
            self.heard([Rung(*rung) for rung in said["rung"]])
            for topic, data in said["said"]:
                if topic in self._topics:
                    self._topics[topic](said["by"], data)
        except (ValueError, TypeError, KeyError) as error:
            _log.warning("not understood on the line: %s", type(error).__name__)


def _nothing(_rung: Iterable[Rung]) -> None:
    return None


def _nobody() -> None:
    return None
