"""The hot loop of a websocket: python-socketio's protocol without a task, a queue or a timer per packet.

The library starts a task for every packet it reads and for every recipient it writes to. Here a client's events are
handled in place, one after another; an event is encoded once, and what a socket is sent in one turn of the event loop
goes to its transport in one piece. Nothing waits for a recipient: whoever lets :data:`MAX_FRAMES` or :data:`MAX_BYTES`
pile up, or takes nothing for :data:`PATIENCE` seconds, is dropped and resumes by ``sync``.

Only what is frequent is done here: reading a frame, an event with its ack, pings, writing. CONNECT, DISCONNECT, acks
of clients, binary packets, anything odd, long polling and the upgrade from it stay the library's own code. All this
leans on names that the libraries do not promise: :func:`unfamiliar` and :func:`protocol_of` look whether they are the
ones it was written for, and the library does everything where they are not.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine
from importlib.metadata import version
from types import CoroutineType
from typing import Any, Protocol

import orjson
from engineio import packet
from engineio.async_socket import AsyncSocket
from engineio.exceptions import UnknownPacketError
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from hub import strictjson

KNOWN = {"python-socketio": "5.18.1", "python-engineio": "4.15.1"}
"""Versions whose inner names this was written for."""
NAMES = ("transport", "writable", "close_sent", "request", "response", "conn")
"""What this uses of uvicorn's websocket besides ``send`` and ``receive``."""
MAX_FRAMES = 200
"""Frames that may wait for one slow reader."""
MAX_BYTES = 768 << 10
"""Bytes that may wait for one slow reader; with the allocator's share it costs 1 MiB at most (INV-17)."""
PATIENCE = 20.0
"""Seconds a reader may take nothing while something waits for it."""
PIECE = 1 << 16
"""Bytes of one socket that do not wait for the end of the turn."""
RESERVED = frozenset({"connect", "disconnect", "connect_error"})
"""Names that are no events: the library would run its own handlers for them (S-5)."""
_EVENT = re.compile(r"42(/[a-z]+),(0|[1-9][0-9]{0,14})?(?=\[)")
"""An event in a namespace, perhaps with the number of the ack it asks for, up to its JSON."""
_TEXT, _BINARY, _PING, _PONG = 0x81, 0x82, b"\x81\x012", "3"
_log = logging.getLogger("frontdesk.sockets")


def unfamiliar() -> str | None:
    """Say what is installed that this was not written for; None if all is."""
    return ", ".join(f"{name} is not {known}" for name, known in KNOWN.items() if version(name) != known) or None


def protocol_of(send: Any) -> WebSocketsSansIOProtocol | None:
    """Return uvicorn's end of the websocket *send* writes to, if this knows it and nothing stands in between."""
    end = getattr(send, "__self__", None)
    return end if isinstance(end, WebSocketsSansIOProtocol) and all(hasattr(end, name) for name in NAMES) else None


def frame(payload: bytes, kind: int = _TEXT) -> bytes:
    """Return *payload* as a server's websocket frame (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((kind, size)) + payload
    if size < 1 << 16:
        return bytes((kind, 126, size >> 8, size & 255)) + payload
    return bytes((kind, 127)) + size.to_bytes(8, "big") + payload


class Gate(Protocol):
    """What a socket needs of the server it belongs to."""

    def sid(self, eio_sid: str, namespace: str) -> str | None:
        """Id of a socket in a namespace, if it is connected to it."""

    def handler(self, namespace: str, sid: str, event: list[Any]) -> tuple[Callable[..., Any] | None, tuple[Any, ...]]:
        """Who takes an event, and with which arguments."""

    async def failed(self, eio_sid: str, data: str | bytes, error: Exception) -> None:
        """A packet could not be handled."""

    def overflow(self, eio_sid: str) -> None:
        """A socket was dropped because it does not read."""


class FastSocket(AsyncSocket):  # type: ignore[misc]  # the library ships no types
    """An Engine.IO socket whose frames go straight to and from uvicorn's websocket."""

    def __init__(self, engine: Any, sid: str, protocol: WebSocketsSansIOProtocol, gate: Gate, cork: "Cork") -> None:
        self.server, self.sid = engine, sid  # not by the base class, whose queue would be of no use
        self.connected = self.upgraded = True
        self.upgrading = self.closing = self.closed = False
        self.last_ping: float | None = None
        self.session: dict[str, Any] = {}
        self._protocol, self._transport = protocol, protocol.transport
        self._gate, self._cork = gate, cork
        self._out: list[bytes] = []
        self._size = 0
        self._behind = 0
        self._since = 0.0
        self._ping_at = 0.0

    async def run(self, receive: Callable[[], Awaitable[Any]]) -> None:
        """Read until either side ends it."""
        while not self.closed:
            message = await receive()
            data = message.get("text")
            if data is None and (data := message.get("bytes")) is None:
                return
            try:
                if len(data) > self.server.max_http_buffer_size:
                    raise ValueError("packet is too large")
                if data == _PONG:
                    self.schedule_ping()
                elif type(data) is not str or not await self._event(data):
                    await self._unusual(data)
            except Exception as error:
                await self._gate.failed(self.sid, data, error)

    async def _event(self, text: str) -> bool:
        """Handle an event in place and write its ack; False if it is anything but a plain event."""
        head = _EVENT.match(text)
        sid = self._gate.sid(self.sid, head[1]) if head else None
        event = _plain(text[head.end() :]) if head and sid else None
        if not head or not sid or not event:
            return False
        handler, args = self._gate.handler(head[1], sid, event)
        if handler is None:
            return False
        answer = handler(*args)
        if type(answer) is CoroutineType:
            answer = await answer
        if head[2]:
            args = answer if isinstance(answer, tuple) else () if answer is None else (answer,)
            self.write(frame(b"43%b,%b%b" % (head[1].encode(), head[2].encode(), orjson.dumps(args))))
        return True

    async def _unusual(self, data: str | bytes) -> None:
        try:
            await self.receive(packet.Packet(encoded_packet=data))
        except UnknownPacketError:
            return

    def write(self, data: bytes) -> None:
        """Send a frame, together with whatever else this socket is sent in this turn of the event loop."""
        if self.closed:
            return
        if not self._out:
            if not self._cork:
                asyncio.get_running_loop().call_soon(_pull, self._cork)
            self._cork.append(self)
        self._out.append(data)
        self._size += len(data)
        if self._size > PIECE:
            self.flush()

    def flush(self) -> None:
        """Hand what is written to the transport, and drop a socket that does not read."""
        out, self._out, self._size = self._out, [], 0
        if not out or self._transport.is_closing():
            return
        self._transport.write(b"".join(out))
        if self._protocol.writable.is_set():
            self._behind = 0
            return
        if not self._behind:
            self._since = asyncio.get_running_loop().time()
        self._behind += len(out)
        if self._behind > MAX_FRAMES or self._transport.get_write_buffer_size() > MAX_BYTES:
            self._drop()

    def _drop(self) -> None:
        self._transport.abort()
        self._gate.overflow(self.sid)

    async def send(self, pkt: packet.Packet) -> None:
        """Write a packet of the library's."""
        data = pkt.encode()
        self.write(frame(data, _BINARY) if isinstance(data, bytes) else frame(data.encode()))

    def schedule_ping(self) -> None:
        """A pong came, or the socket is new: the next ping is due later."""
        self.last_ping = None
        self._ping_at = asyncio.get_running_loop().time() + self.server.ping_interval

    async def check_ping_timeout(self) -> bool:
        """Look after this socket, about once a second: ping it, or end it if it is silent or does not read."""
        now = asyncio.get_running_loop().time()
        if self._behind and not self._protocol.writable.is_set() and now - self._since > PATIENCE:
            self._drop()
        elif self.last_ping is not None:
            if now - self.last_ping > self.server.ping_timeout:
                await self.close(abort=True, reason=self.server.reason.PING_TIMEOUT)
                self._transport.abort()
        elif now >= self._ping_at:
            self.last_ping = now
            self.write(_PING)
        return not self.closed

    async def close(self, wait: bool = True, abort: bool = False, reason: Any = None) -> None:  # noqa: ARG002 - the library's signature
        """Tell the handlers, then the client; a client who cannot be told at once is cut off."""
        await super().close(wait=False, abort=abort, reason=reason)
        self.flush()
        if self._transport.is_closing() or self._protocol.close_sent:
            return
        if not _at_once(self._protocol.send({"type": "websocket.close", "code": 1000, "reason": None})):
            self._transport.abort()


Cork = list[FastSocket]
"""The sockets of a server that were written to in this turn of the event loop."""


def _pull(cork: Cork) -> None:
    written = cork.copy()
    cork.clear()
    for socket in written:
        try:
            socket.flush()
        except Exception:  # one socket's fault is not the others'
            _log.exception("socket %s could not be written to", socket.sid)


def _plain(text: str) -> list[Any] | None:
    """The event in a packet; None if it is not strictly one, which the library's guards then judge."""
    try:
        event = strictjson.loads(text)
    except ValueError:
        return None
    usable = type(event) is list and event and type(event[0]) is str and event[0] not in RESERVED
    return event if usable else None


def _at_once(work: Coroutine[Any, Any, None]) -> bool:
    """Run *work* unless it has to wait for something; say whether it ran."""
    try:
        work.send(None)
    except StopIteration:
        return True
    except OSError:  # the client was faster
        return True
    work.close()
    return False
