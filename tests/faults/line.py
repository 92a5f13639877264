"""A Socket.IO connection that dials again whenever it breaks, as the browser's does."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import aiohttp
import socketio
from socketio.exceptions import SocketIOError

PATIENCE = 3.0
"""Seconds to wait for a connection, a ``ready`` or an ack."""

QUIET = logging.Logger("clients", logging.CRITICAL)  # noqa: LOG001 - nobody shall hear it, not even the root
"""A connection that breaks is no news here."""

Hear = Callable[[str, Any], Awaitable[None]]
Pick = Callable[[], str]
"""Names the hub process to dial next, as a proxy in front of several would choose one."""


class Line:
    """Keeps one namespace connected. *hear* gets every event; *up* runs after each (re)connection."""

    def __init__(
        self,
        pick: Pick,
        namespace: str,
        auth: dict[str, Any],
        http: aiohttp.ClientSession,
        random: Random,
        hear: Hear,
        up: Callable[[], Awaitable[None]],
    ) -> None:
        self.auth = auth
        self.dials = 0
        self.connections = 0
        self._pick = pick
        self._namespace = namespace
        self._http = http
        self._random = random
        self._hear = hear
        self._up = up
        self._client: Any = None
        self._caught_up = False
        self._asked: set[asyncio.Future[dict[str, Any]]] = set()

    @property
    def connected(self) -> bool:
        """Whether the line is up and :attr:`up` has done its work."""
        return self._caught_up

    async def run(self) -> None:
        """Stay connected until cancelled; redial with jitter."""
        while True:
            with contextlib.suppress(SocketIOError, TimeoutError, ConnectionError, aiohttp.ClientError):
                await self._once()
            await asyncio.sleep(self._random.uniform(0.05, 0.2))

    async def _once(self) -> None:
        gone = asyncio.Event()
        self.dials += 1
        client = socketio.AsyncClient(reconnection=False, http_session=self._http, engineio_logger=QUIET)

        async def left(*_reason: Any) -> None:
            gone.set()

        client.on("*", self._hear, namespace=self._namespace)
        client.on("disconnect", left, namespace=self._namespace)
        try:
            await client.connect(
                self._pick(),
                auth=self.auth,
                namespaces=[self._namespace],
                transports=["websocket"],
                wait_timeout=PATIENCE,
            )
            self._client = client
            self.connections += 1
            await self._up()
            self._caught_up = True
            await gone.wait()
        finally:
            self._client, self._caught_up = None, False
            for answer in self._asked:
                if not answer.done():
                    answer.set_exception(ConnectionResetError())
            await client.disconnect()

    async def send(self, event: str, data: Any, acked: Callable[[Any], None]) -> None:
        """Send, if connected; *acked* gets the answer, perhaps never."""
        if self._client is not None:
            with contextlib.suppress(SocketIOError):
                await self._client.emit(event, data, namespace=self._namespace, callback=acked)

    async def ask(self, event: str, data: Any) -> dict[str, Any]:
        """Send and return the answer; ``TimeoutError`` or ``ConnectionError`` if none comes."""
        if self._client is None:
            raise ConnectionResetError
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

        def acked(data: dict[str, Any]) -> None:
            if not answer.done():
                answer.set_result(data)

        self._asked.add(answer)
        try:
            await self.send(event, data, acked)
            async with asyncio.timeout(PATIENCE):
                return await answer
        finally:
            self._asked.discard(answer)
