"""A hardened Socket.IO server of a few lines on loopback, by either of its two ways to handle a socket."""

import asyncio
import contextlib
from typing import Any, Self

import socketio
import uvicorn

from hub.hardened import HardenedServer

Asgi = Any


class Gateway:
    """Notes which handlers ran, and with what. ``wrap`` may stand between uvicorn and the server."""

    def __init__(self, *, fast: bool, polling: bool = False, wrap: Any = None, ws_max_size: int = 65_536) -> None:
        self.server = HardenedServer(fast=fast, polling=polling)
        self.server.origin_known = lambda origin: origin == "https://shop.example"
        self.ran: list[tuple[Any, ...]] = []
        self.left = asyncio.Event()
        self.reason: Any = None
        self.pause: dict[str, float] = {}
        for namespace in ("/visitor", "/agent"):
            self.server.on("connect", self._connect, namespace=namespace)
            self.server.on("disconnect", self._disconnect, namespace=namespace)
            self.server.on("*", self._event, namespace=namespace)
        app: Asgi = socketio.ASGIApp(self.server)
        config = uvicorn.Config(
            wrap(app) if wrap else app,
            port=0,
            ws="websockets-sansio",
            ws_max_size=ws_max_size,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            log_config=None,
        )
        self._uvicorn = uvicorn.Server(config)
        self.url = ""

    async def _connect(self, sid: str, environ: dict[str, Any], auth: Any) -> bool:
        self.ran.append(("connect", auth, environ.get("REMOTE_ADDR")))
        if auth.get("fail"):
            raise TypeError("a handler's own fault")
        if auth.get("refuse"):
            raise self.server.refused({"code": "unauthorized", "message": "no"})
        return True

    async def _disconnect(self, sid: str, reason: Any = None) -> None:
        self.ran.append(("disconnect",))
        self.reason = reason
        self.server.leave(sid, "room")
        self.left.set()

    async def _event(self, name: str, sid: str, *args: Any) -> Any:
        await asyncio.sleep(self.pause.pop(name, 0.0))
        self.ran.append((name, *args))
        if name == "join":
            self.server.join(args[0].get("namespace", "/visitor"), sid, "room")
        if name == "raise":
            raise LookupError("a handler's own fault")
        return {"nothing": None, "two": (1, "b"), "much": "y" * 5_000}.get(name, {"ok": True})

    async def __aenter__(self) -> Self:
        self._serving = asyncio.create_task(self._uvicorn.serve())
        self._sweeping = asyncio.create_task(self.server.sweep())
        while not self._uvicorn.started:  # noqa: ASYNC110 - uvicorn tells by this flag only
            await asyncio.sleep(0.01)
        port = self._uvicorn.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._uvicorn.should_exit = True
        await self._serving
        self._sweeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._sweeping
        await self.server.shutdown()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def names(self) -> list[Any]:
        """Names of the handlers that ran."""
        return [call[0] for call in self.ran]

    def connections(self) -> int:
        """How many TCP connections there are."""
        return len(self._uvicorn.server_state.connections)

    def sockets(self) -> list[Any]:
        """The Engine.IO sockets that are open."""
        return list(self.server.eio.sockets.values())
