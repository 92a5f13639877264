"""One connection of the load: websocket, Engine.IO 4 and Socket.IO 5 by hand, up to the first event that matters.

Made to cost little: a burst of frames is taken apart in one go, and nothing is decoded that need not be understood.
"""

import asyncio
import contextlib
import socket
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.bench.frames import CLOSE, COMPRESSED, PING, PONG, TEXT, frame, split

PATH = "/socket.io/?EIO=4&transport=websocket"
OPEN_PACKET, PING_PACKET, MESSAGE_PACKET = b"024"
_TAIL = b"\x00\x00\xff\xff"


@dataclass(frozen=True, slots=True)
class Door:
    """Where to connect and what to say first.

    ``namespace`` is empty or such as ``/visitor``; ``auth`` is CONNECT's JSON; with ``ready`` the line is up once an
    event of that name has come, else once CONNECT is answered. ``deflate`` offers compression, as every browser does.
    """

    port: int
    namespace: str = ""
    auth: str = ""
    ready: str = ""
    deflate: bool = False

    @property
    def prefix(self) -> str:
        """What stands between a packet's type and its body."""
        return f"{self.namespace}," if self.namespace else ""

    def request(self) -> bytes:
        """The HTTP request that asks for a websocket."""
        origin = f"http://127.0.0.1:{self.port}"
        lines = [f"GET {PATH} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", f"Origin: {origin}"]
        if self.deflate:
            lines.append("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
        return "\r\n".join([*lines, "", ""]).encode()


class Line(asyncio.Protocol):
    """A connection. *hear* gets (data, start, end) of each Socket.IO packet once the line is up.

    *up* is told once, *lost* with a reason when the connection ends, whether or not it was up.
    """

    __slots__ = (
        "_hear",
        "_inflate",
        "_lost",
        "_ready",
        "_rest",
        "_up",
        "_upgraded",
        "door",
        "live",
        "transport",
        "welcome",
    )

    def __init__(
        self,
        door: Door,
        hear: Callable[[bytes, int, int], None],
        up: Callable[[], None],
        lost: Callable[[str], None],
    ) -> None:
        self.door = door
        self.live = False
        self.welcome = b""
        """The packet that brought the line up."""
        self.transport: Any = None
        self._hear = hear
        self._up = up
        self._lost = lost
        self._rest = b""
        self._upgraded = False
        self._inflate: Any = None
        self._ready = f'42{door.prefix}["{door.ready}"'.encode() if door.ready else f"40{door.prefix}".encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.transport.write(self.door.request())

    def connection_lost(self, exc: Exception | None) -> None:
        self.live = False
        self._lost(str(exc) if exc else "closed")

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        if not self._upgraded:
            self._rest, data = data, self._upgrade(data)
            if not self._upgraded:
                return
        frames, rest = split(data)
        for first, start, end in frames:
            if self.live and first == TEXT and data[start] == MESSAGE_PACKET:
                self._hear(data, start, end)
            else:
                self._other(first, data[start:end])
        self._rest = data[rest:]

    def send(self, packet: bytes) -> None:
        """Send one packet."""
        self.transport.write(frame(packet))

    def drop(self) -> None:
        """Be gone, without a word."""
        if self.transport is not None:
            self.transport.abort()

    def _upgrade(self, data: bytes) -> bytes:
        head, found, rest = data.partition(b"\r\n\r\n")
        if not found:
            return b""
        if not head.startswith(b"HTTP/1.1 101"):
            self._refuse(head.partition(b"\r\n")[0])
            return b""
        if b"permessage-deflate" in head.lower():
            self._inflate = zlib.decompressobj(wbits=-15)
        self._upgraded = True
        return rest

    def _other(self, first: int, payload: bytes) -> None:
        if first & COMPRESSED and self._inflate:
            self._other(first & ~COMPRESSED, self._inflate.decompress(payload + _TAIL))
        elif first == PING:
            self.transport.write(frame(payload, PONG))
        elif first == CLOSE:
            self.transport.close()
        elif self.live and payload[0] == MESSAGE_PACKET:
            self._hear(payload, 0, len(payload))
        elif payload[0] == PING_PACKET:
            self.send(b"3" + payload[1:])
        elif payload[0] == OPEN_PACKET:
            self.send(f"40{self.door.prefix}{self.door.auth}".encode())
        elif payload.startswith(self._ready):
            self.welcome = payload
            self.live = True
            self._up()
        elif payload.startswith((b"44", b"41")):
            self._refuse(payload)

    def _refuse(self, why: bytes) -> None:
        self._hear, self._up = _deaf, _quiet
        lost, self._lost = self._lost, _ignore
        lost(why[:200].decode(errors="replace"))
        self.drop()


def _deaf(_data: bytes, _start: int, _end: int) -> None:
    return None


def _quiet() -> None:
    return None


def _ignore(_why: str) -> None:
    return None


async def dial(line: Line, buffer: int = 0) -> None:
    """Open the connection, with *buffer* bytes of the kernel's for what arrives; ``OSError`` if nobody listens."""
    with contextlib.ExitStack() as undo:
        plug = undo.enter_context(socket.socket())
        plug.setblocking(False)
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if buffer:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(plug, ("127.0.0.1", line.door.port))
        await loop.create_connection(lambda: line, sock=plug)
        undo.pop_all()
