"""python-socketio, hardened: what its 5.18 series lets a hostile client do, and we do not.

Any client may fire the ``connect`` and ``disconnect`` handlers by naming an event so; a reader that never reads grows
the server's memory without end; a socket may stay for ever without CONNECT; an exception in ``connect`` leaves the
client waiting, and malformed packets fill the log with tracebacks. Each has its guard here. Events go out through
:meth:`HardenedServer.publish`: encoded once, put into each socket's bounded queue, never awaited.
"""

import asyncio
import contextlib
import functools
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import engineio
import orjson
import socketio
from engineio import packet as engine_packet
from engineio.exceptions import SocketIsClosedError
from socketio import packet
from socketio.exceptions import ConnectionRefusedError as Refused

from hub import strictjson
from models.wire import ErrorBody

MAX_FRAMES = 200
"""Frames that may wait for one slow reader."""
MAX_BYTES = 1 << 20
"""Bytes that may wait for one slow reader (INV-17)."""
CONNECT_SECONDS = 10.0
"""Time a socket has to CONNECT (S-6)."""
RESERVED = frozenset({"connect", "disconnect", "connect_error"})
_SID = "frontdesk.sid"
_ASKS = re.compile(r"2(/[a-z]+),(\d{1,15})\[")
"""An event that wants an answer, up to its JSON."""

_log = logging.getLogger("frontdesk.sockets")


class BoundedQueue(asyncio.Queue[Any]):
    """A socket's outgoing packets. When full the socket is dropped: it resumes by ``sync``, nothing is lost."""

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


class _Json:
    """Strict in, fast out, with the keyword arguments the library passes."""

    @staticmethod
    def dumps(value: Any, **_options: Any) -> str:
        return orjson.dumps(value).decode()

    @staticmethod
    def loads(text: str, **_options: Any) -> Any:
        return strictjson.loads(text)


class _Engine(engineio.AsyncServer):  # type: ignore[misc]  # the library ships no types
    malformed: Callable[[Any], Awaitable[None]]

    def create_queue(self, *_args: Any, **_kwargs: Any) -> BoundedQueue:
        return BoundedQueue()

    async def _handle_connect(self, environ: dict[str, Any], transport: str, jsonp_index: int | None = None) -> Any:
        try:
            return await super()._handle_connect(environ, transport, jsonp_index)
        except ValueError:  # a frame that is no packet at all: the library would leave its socket behind
            await self.malformed(environ.get(_SID))
            return ""


class HardenedServer(socketio.AsyncServer):  # type: ignore[misc]  # the library ships no types
    """An AsyncServer that a hostile or careless client cannot hurt.

    ``origin_known(origin)`` decides at the handshake; ``after_connect(namespace, sid)`` runs once the client has its
    CONNECT answer, so nothing overtakes it.
    """

    def __init__(self, *, polling: bool = False) -> None:
        super().__init__(
            async_mode="asgi",
            async_handlers=False,
            json=_Json,
            transports=["polling", "websocket"] if polling else ["websocket"],
            cors_allowed_origins=lambda origin, _environ: origin is None or self.origin_known(origin),
            namespaces=["/visitor", "/agent"],
            max_http_buffer_size=65_536,
            http_compression=False,
            ping_interval=15,
            ping_timeout=10,
            logger=False,
            engineio_logger=_quiet(),
        )
        self.origin_known: Callable[[str], bool] = _nobody
        self.after_connect: Callable[[str, str], Awaitable[None]] = _nothing
        self._unconnected: dict[str, float] = {}
        self._rooms: dict[str, dict[str, str]] = {}
        self.dropped = 0
        self.eio.malformed = self._not_a_packet

    def _engineio_server_class(self) -> Any:
        return _Engine

    # --- out -----------------------------------------------------------------------------------------------------

    def join(self, namespace: str, sid: str, room: str) -> None:
        """Let a socket receive what is published to *room*. Only the server joins rooms (S-7)."""
        eio_sid = self.manager.eio_sid_from_sid(sid, namespace)
        if eio_sid:
            self._rooms.setdefault(room, {})[sid] = eio_sid

    def leave(self, sid: str, room: str) -> None:
        """Stop publishing *room* to a socket."""
        members = self._rooms.get(room)
        if members:
            members.pop(sid, None)
            if not members:
                del self._rooms[room]

    def anyone(self, room: str) -> bool:
        """Whether a socket of this process listens to *room*."""
        return room in self._rooms

    def publish(self, namespace: str, room: str, event: str, data: Any) -> None:
        """Send an event to every socket in *room*: encoded once, no task, nobody waits for a recipient."""
        members = self._rooms.get(room)
        if members:
            encoded = packet.Packet(packet.EVENT, data=[event, data], namespace=namespace).encode()
            frame = engine_packet.Packet(engine_packet.MESSAGE, encoded)
            for eio_sid in list(members.values()):
                self._push(eio_sid, frame)

    def tell(self, namespace: str, sid: str, event: str, data: Any) -> None:
        """Send an event to one socket."""
        eio_sid = self.manager.eio_sid_from_sid(sid, namespace)
        if eio_sid:
            encoded = packet.Packet(packet.EVENT, data=[event, data], namespace=namespace).encode()
            self._push(eio_sid, engine_packet.Packet(engine_packet.MESSAGE, encoded))

    def _push(self, eio_sid: str, frame: Any) -> None:
        socket = self.eio.sockets.get(eio_sid)
        if socket is None or socket.closed:
            return
        with contextlib.suppress(SocketIsClosedError):
            socket.queue.put_nowait(frame)

    # --- in ------------------------------------------------------------------------------------------------------

    async def sweep(self) -> None:
        """Close sockets that never CONNECT; run it as a task."""
        while True:
            await asyncio.sleep(1.0)
            now = asyncio.get_running_loop().time()
            for eio_sid, deadline in list(self._unconnected.items()):
                if deadline < now:
                    self._unconnected.pop(eio_sid, None)
                    await self.cut(eio_sid)

    async def cut(self, eio_sid: str) -> None:
        """End a socket at once, whatever its peer reads."""
        socket = self.eio.sockets.get(eio_sid)
        environ = self.environ.get(eio_sid, {})
        if socket is not None:
            await socket.close(wait=False, abort=True, reason=self.eio.reason.TRANSPORT_ERROR)
        # An ASGI close would wait for the same full buffer; uvicorn's own transport does not.
        transport = getattr(getattr(environ.get("asgi.send"), "__self__", None), "transport", None)
        if transport is not None:
            transport.abort()

    def _overflow(self, eio_sid: str) -> None:
        self.dropped += 1
        _log.info("socket %s dropped: it does not read", eio_sid)
        self.start_background_task(self.cut, eio_sid)

    def refused(self, error: ErrorBody) -> Exception:
        """What a connect handler raises so that the client is told why."""
        refused: Exception = Refused(error["code"], error)
        return refused

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        await super()._handle_eio_connect(eio_sid, environ)
        environ[_SID] = eio_sid
        self.eio.sockets[eio_sid].queue.full_up = functools.partial(self._overflow, eio_sid)
        self._expect_connect(eio_sid)

    def _expect_connect(self, eio_sid: str) -> None:
        self._unconnected[eio_sid] = asyncio.get_running_loop().time() + CONNECT_SECONDS

    async def _handle_eio_disconnect(self, eio_sid: str, reason: Any) -> None:
        await super()._handle_eio_disconnect(eio_sid, reason)
        self._unconnected.pop(eio_sid, None)

    async def _handle_disconnect(self, eio_sid: str, namespace: str | None, reason: Any = None) -> None:
        await super()._handle_disconnect(eio_sid, namespace, reason)
        if not any(self.manager.sid_from_eio_sid(eio_sid, name) for name in self.manager.get_namespaces()):
            self._expect_connect(eio_sid)

    async def _not_a_packet(self, eio_sid: str | None) -> None:
        socket = self.eio.sockets.get(eio_sid)
        if eio_sid and socket:
            _log.info("socket %s cut: not a packet", eio_sid)
            await self.cut(eio_sid)
            socket.queue.put_nowait(None)

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        try:
            if not isinstance(data, str):
                raise ValueError("binary")  # noqa: TRY004 - one kind of refusal for every malformed packet
            await super()._handle_eio_message(eio_sid, data)
        except SocketIsClosedError:
            await self.cut(eio_sid)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
            if not self._answer_ambiguous(eio_sid, data):
                _log.info("socket %s cut: malformed packet (%s)", eio_sid, type(error).__name__)
                await self.cut(eio_sid)

    def _answer_ambiguous(self, eio_sid: str, data: Any) -> bool:
        """Answer an event whose JSON is not strict (S-16), if that is what is wrong and it asks for an answer."""
        asks = _ASKS.match(data) if isinstance(data, str) else None
        if not asks or not self.manager.sid_from_eio_sid(eio_sid, asks[1]):
            return False
        try:
            strictjson.loads(data[asks.end() - 1 :])
        except ValueError as error:
            body: ErrorBody = {"code": "bad_request", "message": str(error)}
            answer = packet.Packet(packet.ACK, [{"ok": False, "error": body}], namespace=asks[1], id=int(asks[2]))
            self._push(eio_sid, engine_packet.Packet(engine_packet.MESSAGE, answer.encode()))
            return True
        return False

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        namespace = namespace or "/"
        if self.manager.sid_from_eio_sid(eio_sid, namespace):
            raise ValueError("second CONNECT")
        await super()._handle_connect(eio_sid, namespace, data if isinstance(data, dict) else {"v": 0})
        sid = self.manager.sid_from_eio_sid(eio_sid, namespace)
        if sid and self.manager.is_connected(sid, namespace):
            self._unconnected.pop(eio_sid, None)
            await self.after_connect(namespace, sid)

    async def _handle_event(self, eio_sid: str, namespace: str | None, id: int | None, data: Any) -> None:  # noqa: A002 - the library's name
        if not isinstance(data, list) or not data or not isinstance(data[0], str) or data[0] in RESERVED:
            raise ValueError("not an event")
        await super()._handle_event(eio_sid, namespace, id, data)


def _nobody(_origin: str) -> bool:
    return False


async def _nothing(_namespace: str, _sid: str) -> None:
    return None


def _quiet() -> logging.Logger:
    """Engine.IO's log without tracebacks for what a client sent wrong."""
    logger = logging.getLogger("frontdesk.engineio")
    logger.setLevel(logging.CRITICAL)
    return logger
