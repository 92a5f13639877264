"""Engine.IO, hardened: how a connection begins, what it may send, and how much may wait for it.

A websocket that begins as one is a :class:`~hub.fastpath.FastSocket`; long polling, the upgrade from it and whatever is
refused are the library's. Where the fast path cannot be used, the library's queues are bounded instead.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from itertools import repeat
from typing import Any, Protocol
from urllib.parse import parse_qs

import engineio
import orjson
from engineio import packet
from engineio.exceptions import SocketIsClosedError
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol as Websocket

from hub import fastpath, strictjson
from hub.fastpath import MAX_BYTES, MAX_FRAMES, FastSocket

SID = "frontdesk.sid"
"""Where a connection's environment keeps its Engine.IO id."""


class BoundedQueue(asyncio.Queue[Any]):
    """A library socket's outgoing packets. When full the socket is dropped: it resumes by ``sync``, nothing is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.full_up: Callable[[], None] = _unbound
        self.bytes = 0

    def _put(self, item: Any) -> None:
        super()._put(item)
        self.bytes += _size(item)

    def _get(self) -> Any:
        item = super()._get()
        self.bytes -= _size(item)
        return item

    def put_nowait(self, item: Any) -> None:
        """Add a packet, or refuse it and drop the socket. The closing ``None`` always fits."""
        if item is not None and (self.qsize() >= MAX_FRAMES or self.bytes + _size(item) > MAX_BYTES):
            self.full_up()
            raise SocketIsClosedError
        super().put_nowait(item)

    async def put(self, item: Any) -> None:
        """Like :meth:`put_nowait`: nobody waits for a reader."""
        self.put_nowait(item)


def _unbound() -> None:
    return None


def _size(item: Any) -> int:
    data = getattr(item, "data", None)
    return len(data) if isinstance(data, str | bytes) else 0


class Json:
    """Strict in, fast out, with the keyword arguments the libraries pass."""

    @staticmethod
    def dumps(value: Any, **_options: Any) -> str:
        """Write JSON."""
        return orjson.dumps(value).decode()

    @staticmethod
    def loads(text: str, **_options: Any) -> Any:
        """Read JSON that means one thing only; raise ``ValueError``."""
        return strictjson.loads(text)


class Gate(fastpath.Gate, Protocol):
    """What connections need of the server behind them."""

    fast: bool
    """Whether new websockets are fast sockets."""

    def slower(self, reason: str) -> None:
        """Leave all further sockets to the library."""

    def origin_may_shake_hands(self, origin: str | None) -> bool:
        """Whether a page of *origin* may connect at all."""


class Transports(engineio.AsyncServer):  # type: ignore[misc]  # the library ships no types
    """An Engine.IO server whose sockets cannot eat the memory, whoever does not read them."""

    gate: Gate
    cork: fastpath.Cork

    def create_queue(self, *_args: Any, **_kwargs: Any) -> BoundedQueue:
        """Return what waits for a library socket."""
        return BoundedQueue()

    def handle_request(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[Any]:
        """Take one request. A plain function, so that a socket's life is not one coroutine deeper."""
        if scope["type"] == "websocket" and self.gate.fast:
            if websocket := fastpath.protocol_of(send):
                origin = ",".join(_header(scope, b"origin")) or None
                if _begins(scope) and self.gate.origin_may_shake_hands(origin):
                    return self._serve(websocket, scope, receive, send, origin)
            else:
                self.gate.slower("this is not the websocket of uvicorn that it knows")
        answer: Awaitable[Any] = super().handle_request(scope, receive, send)
        return answer

    async def _serve(
        self, websocket: Websocket, scope: Scope, receive: Receive, send: Send, origin: str | None
    ) -> None:
        """What the library does with a new websocket, for one of ours."""
        environ = {"asgi.scope": scope, "asgi.receive": receive, "asgi.send": send, "HTTP_ORIGIN": origin}
        socket = FastSocket(self, self.generate_id(), websocket, self.gate, self.cork)
        self.sockets[socket.sid] = socket
        try:
            await receive()
            await self._trigger_event("connect", socket.sid, environ, run_async=False)
            await send({"type": "websocket.accept"})
            _forget_handshake(websocket, scope)
            hello = {
                "sid": socket.sid, "upgrades": [], "pingTimeout": int(self.ping_timeout * 1000),
                "pingInterval": int(self.ping_interval * 1000), "maxPayload": self.max_http_buffer_size,
            }  # fmt: skip
            await socket.send(packet.Packet(packet.OPEN, hello))
            socket.schedule_ping()
            await socket.run(receive)
        finally:
            await socket.close(abort=True, reason=self.reason.TRANSPORT_CLOSE)
            self.sockets.pop(socket.sid, None)
            _forget_parser(websocket)

    async def _handle_connect(self, environ: dict[str, Any], transport: str, jsonp_index: int | None = None) -> Any:
        try:
            return await super()._handle_connect(environ, transport, jsonp_index)
        except ValueError as error:  # a frame that is no packet at all: the library would leave its socket behind
            socket = self.sockets[environ[SID]]
            await self.gate.failed(socket.sid, "", error)
            socket.queue.put_nowait(None)
            return ""


def _forget_handshake(websocket: Websocket, scope: Scope) -> None:
    """Let go of the request's headers, of which a browser sends a kilobyte that is kept thrice."""
    scope["headers"] = []
    websocket.request = websocket.response = None  # type: ignore[assignment]  # it does not look at them again


def _forget_parser(websocket: Websocket) -> None:
    """Break the circle of a connection that is over, so that its memory is free now and not when circles are sought."""
    if websocket.transport.is_closing():
        websocket.conn.parser = repeat(None)  # type: ignore[assignment]  # whatever still comes is not parsed


def _header(scope: Scope, name: bytes) -> Iterable[str]:
    return (value.decode("latin-1") for key, value in scope["headers"] if key == name)


def _begins(scope: Scope) -> bool:
    """Whether this is a new connection by websocket, in the protocol the library speaks."""
    query = parse_qs(scope["query_string"].decode("latin-1"))
    return query.get("transport") == ["websocket"] and query.get("EIO") == ["4"] and not {"sid", "j"} & query.keys()


def quiet() -> logging.Logger:
    """Engine.IO's log without tracebacks for what a client sent wrong."""
    logger = logging.getLogger("frontdesk.engineio")
    logger.setLevel(logging.CRITICAL)
    return logger
