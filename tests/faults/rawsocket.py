"""A Socket.IO client of bare frames, which may say what no library would, or nothing at all."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect

from tests.support.hub import Door

CONNECT = '40/visitor,{"v":1,"key":"demo"}'
TINY = 4_096
"""Bytes of a receive buffer that fills at once."""


@asynccontextmanager
async def dialled(hub: Door, *, tiny: bool = False) -> AsyncIterator[ClientConnection]:
    """A websocket past the Engine.IO handshake, without CONNECT. *tiny*: it can hold next to nothing unread."""
    sock = socket.socket()
    if tiny:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TINY)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", hub.port))
    address = f"ws://127.0.0.1:{hub.port}/socket.io/?EIO=4&transport=websocket"
    async with connect(address, sock=sock, compression=None, max_queue=1, ping_interval=None, close_timeout=1) as raw:
        opened = await raw.recv()
        assert str(opened).startswith("0")
        yield raw


@asynccontextmanager
async def visiting(hub: Door, *, token: str | None = None, tiny: bool = False) -> AsyncIterator[ClientConnection]:
    """The same, connected to ``/visitor`` and told ``ready``."""
    async with dialled(hub, tiny=tiny) as raw:
        auth = {"v": 1, "key": "demo", **({"token": token} if token else {})}
        await raw.send(f"40/visitor,{json.dumps(auth)}")
        async with asyncio.timeout(10):
            while not str(await raw.recv()).startswith('42/visitor,["ready"'):
                pass
        yield raw
