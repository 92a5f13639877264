"""Leaving without anybody noticing: a process told to stop sends its clients to the others, a few at a time.

It takes nothing new by then. Clients redial by themselves, each after its own moment; what had no ack yet they send
again. (A single process has nobody to send them to: there they are sent away at once.)
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping
from socket import socket
from typing import Any

import uvicorn
from engineio.exceptions import SocketIsClosedError
from starlette.types import Message, Send

PACE = 500
"""Sockets sent away in a second: as many as a process takes up in one."""
SHORTEST, LONGEST = 1.0, 8.0
"""Seconds it takes, however few or many they are."""
STEP = 0.02


class Server(uvicorn.Server):
    """uvicorn that, before it ends what is left, waits until clients are sent away."""

    def __init__(self, config: uvicorn.Config, leave: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._leave = leave

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Stop listening, send clients away, then shut down as ever."""
        for server in self.servers:
            server.close()
        if not self.force_exit:
            await self._leave()
        await super().shutdown(sockets)


async def send_away(sockets: Mapping[str, Any]) -> None:
    """Close Engine.IO *sockets* one after another, spread over some seconds."""
    loop = asyncio.get_running_loop()
    left = list(sockets.values())
    random.shuffle(left)
    number = len(left)
    seconds = min(LONGEST, max(SHORTEST, number / PACE))
    began = loop.time()
    while (passed := loop.time() - began) < seconds or left:
        due = int(number * max(0.0, 1 - passed / seconds))
        while len(left) > due:
            with contextlib.suppress(SocketIsClosedError):
                await left.pop().close(wait=False)
        await asyncio.sleep(STEP)


def last(send: Send) -> Send:
    """Answer, and ask to be asked elsewhere from now on."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await send(message)

    return told
