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
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import orjson
import socketio
from engineio import packet as engine_packet
from engineio.exceptions import SocketIsClosedError
from socketio import packet
from socketio.exceptions import ConnectionRefusedError as Refused
from starlette.types import Receive, Scope, Send

from hub import fastpath, strictjson
from hub.fastpath import RESERVED, FastSocket
from hub.transports import SID, Json, Transports, quiet
from models.wire import ErrorBody

CONNECT_SECONDS = 10.0
"""Time a socket has to CONNECT (S-6)."""
SWEEP = 1.0
"""Seconds between two looks at all sockets."""
_ASKS = re.compile(r"2(/[a-z]+),(\d{1,15})\[")
"""An event that wants an answer, up to its JSON."""

_log = logging.getLogger("frontdesk.sockets")


class HardenedServer(socketio.AsyncServer):  # type: ignore[misc]  # the library ships no types
    """An AsyncServer that a hostile or careless client cannot hurt.

    ``origin_known(origin)`` decides at the handshake; ``after_connect(namespace, sid)`` runs once the client has its
    CONNECT answer, so nothing overtakes it.
    """

    def __init__(self, *, polling: bool = False, fast: bool = True) -> None:
        self.fast = fast
        super().__init__(
            client_manager=_Manager(),
            async_mode="asgi",
            async_handlers=False,
            json=Json,
            transports=["polling", "websocket"] if polling else ["websocket"],
            cors_allowed_origins=lambda origin, _environ: self.origin_may_shake_hands(origin),
            namespaces=["/visitor", "/agent"],
            max_http_buffer_size=65_536,
            http_compression=False,
            ping_interval=15,
            ping_timeout=10,
            monitor_clients=not fast,
            logger=False,
            engineio_logger=quiet(),
        )
        self.origin_known: Callable[[str], bool] = _nobody
        self.after_connect: Callable[[str, str], Awaitable[None]] = _nothing
        self._unconnected: dict[str, float] = {}
        self._rooms: dict[str, dict[str, Any]] = {}
        self.dropped = 0
        self._sweeping = fast
        self.eio.cork = []
        self.eio.gate = self
        if fast and (reason := fastpath.unfamiliar()):
            self.slower(reason)

    def origin_may_shake_hands(self, origin: str | None) -> bool:
        """Whether a page of *origin* may connect at all: the site key, which decides for real, comes with CONNECT."""
        return origin is None or self.origin_known(origin)

    def slower(self, reason: str) -> None:
        """Leave all further sockets to the library."""
        self.fast = False
        _log.warning("sockets cost several times as much as they could: %s", reason)

    def _engineio_server_class(self) -> Any:
        return Transports

    def handle_request(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[Any]:
        """The ASGI application: a plain function, so that a socket's life is not one coroutine deeper."""
        answer: Awaitable[Any] = self.eio.handle_request(scope, receive, send)
        return answer

    # --- out -----------------------------------------------------------------------------------------------------

    def join(self, namespace: str, sid: str, room: str) -> None:
        """Let a socket receive what is published to *room*. Only the server joins rooms (S-7)."""
        if socket := self._socket(namespace, sid):
            self._rooms.setdefault(room, {})[sid] = socket

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
        if members := self._rooms.get(room):
            _send(members.values(), namespace, event, data)

    def tell(self, namespace: str, sid: str, event: str, data: Any) -> None:
        """Send an event to one socket."""
        if socket := self._socket(namespace, sid):
            _send((socket,), namespace, event, data)

    def _socket(self, namespace: str, sid: str) -> Any:
        return self.eio.sockets.get(self.manager.eio_sid_from_sid(sid, namespace))

    # --- in ------------------------------------------------------------------------------------------------------

    async def sweep(self) -> None:
        """Close sockets that never CONNECT, and look after fast ones; run it as a task."""
        while True:
            await asyncio.sleep(SWEEP)
            now = asyncio.get_running_loop().time()
            for eio_sid, deadline in list(self._unconnected.items()):
                if deadline < now:
                    self._unconnected.pop(eio_sid, None)
                    await self.cut(eio_sid)
            if self._sweeping:
                await self._look_after_sockets()

    async def _look_after_sockets(self) -> None:
        """What the library's service task does as well, but with a timer for each socket."""
        for number, socket in enumerate(list(self.eio.sockets.values())):
            if socket.closed:
                self.eio.sockets.pop(socket.sid, None)
            elif not socket.closing:
                with contextlib.suppress(SocketIsClosedError):
                    await socket.check_ping_timeout()
            if number % 1_000 == 999:
                await asyncio.sleep(0)

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

    def overflow(self, eio_sid: str) -> None:
        """A socket let too much pile up."""
        self.dropped += 1
        _log.info("socket %s dropped: it does not read", eio_sid)
        self.start_background_task(self.cut, eio_sid)

    def refused(self, error: ErrorBody) -> Exception:
        """What a connect handler raises so that the client is told why."""
        refused: Exception = Refused(error["code"], error)
        return refused

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        await super()._handle_eio_connect(eio_sid, environ)
        environ[SID] = eio_sid
        socket = self.eio.sockets[eio_sid]
        if not isinstance(socket, FastSocket):
            socket.queue.full_up = functools.partial(self.overflow, eio_sid)
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

    def sid(self, eio_sid: str, namespace: str) -> str | None:
        """Id of a socket in a namespace, if it is connected to it."""
        sid: str | None = self.manager.sid_from_eio_sid(eio_sid, namespace)
        return sid if sid and self.manager.is_connected(sid, namespace) else None

    def handler(self, namespace: str, sid: str, event: list[Any]) -> tuple[Callable[..., Any] | None, tuple[Any, ...]]:
        """Who takes an event, and with which arguments; None: a class, which the library knows to call."""
        handler, args = self._get_event_handler(event[0], namespace, (sid, *event[1:]))
        return handler, args

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        try:
            if not isinstance(data, str):
                raise ValueError("binary")  # noqa: TRY004 - one kind of refusal for every malformed packet
            await super()._handle_eio_message(eio_sid, data)
        except Exception as error:
            await self.failed(eio_sid, data, error)

    async def failed(self, eio_sid: str, data: str | bytes, error: Exception) -> None:
        """A packet could not be handled: say why if that is allowed, else end the socket."""
        if not self._answer_ambiguous(eio_sid, data):
            if not isinstance(error, SocketIsClosedError):
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
            _push(self.eio.sockets[eio_sid], b"4" + answer.encode().encode())
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


class _Manager(socketio.AsyncManager):  # type: ignore[misc]  # the library ships no types
    def basic_disconnect(self, sid: str, namespace: str, **_more: Any) -> None:
        """Forget a socket. The library would copy the table of all sockets to find the two rooms every socket has."""
        for room in (sid, None):
            self.basic_leave_room(sid, namespace, room)
        self.callbacks.pop(sid, None)
        for pending in (self.pending_connect, self.pending_disconnect):
            if sid in pending.get(namespace, ()):
                pending[namespace].remove(sid)
                if not pending[namespace]:
                    del pending[namespace]


def _send(sockets: Iterable[Any], namespace: str, event: str, data: Any) -> None:
    payload = b"42%b,%b" % (namespace.encode(), orjson.dumps((event, data)))
    frame = fastpath.frame(payload)
    for socket in sockets:
        if type(socket) is FastSocket:
            socket.write(frame)
        else:
            _push(socket, payload)


def _push(socket: Any, payload: bytes) -> None:
    """Send one Engine.IO message to one socket of either kind."""
    if isinstance(socket, FastSocket):
        socket.write(fastpath.frame(payload))
    elif not socket.closed:
        with contextlib.suppress(SocketIsClosedError):
            socket.queue.put_nowait(engine_packet.Packet(engine_packet.MESSAGE, payload[1:].decode()))


def _nobody(_origin: str) -> bool:
    return False


async def _nothing(_namespace: str, _sid: str) -> None:
    return None
