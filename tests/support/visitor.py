"""A visitor and an agent as real Socket.IO clients."""

import asyncio
import uuid
from types import TracebackType
from typing import Any, Self

import socketio

from tests.support.hub import ADMIN, Door, Person


class Socket:
    """One connected tab that keeps everything it was told."""

    def __init__(self, hub: Door, namespace: str, auth: dict[str, Any], headers: dict[str, str] | None = None):
        self.hub = hub
        self.namespace = namespace
        self.auth = auth
        self.headers = headers or {}
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.ready: dict[str, Any] = {}
        self._moved = asyncio.Event()
        self.client = socketio.AsyncClient(reconnection=False)
        self.client.on("*", self._heard, namespace=namespace)
        self.client.on("ready", self._is_ready, namespace=namespace)

    async def _heard(self, event: str, data: Any = None) -> None:
        self.events.append((event, data))
        self._moved.set()

    async def _is_ready(self, data: dict[str, Any]) -> None:
        self.ready = data
        await self._heard("ready", data)

    async def connect(self) -> Self:
        """Connect; a visitor waits for ``ready``."""
        await self.client.connect(
            self.hub.url,
            namespaces=[self.namespace],
            transports=["websocket"],
            auth=self.auth,
            headers=self.headers,
            wait_timeout=5,
        )
        if self.namespace == "/visitor":
            await self.wait("ready")
            self.auth["token"] = self.ready["token"]
        return self

    async def call(self, event: str, data: Any) -> dict[str, Any]:
        """Send an event and return its ack."""
        answer: dict[str, Any] = await self.client.call(event, data, namespace=self.namespace, timeout=10)
        return answer

    async def say(self, text: str, client_id: str | None = None) -> dict[str, Any]:
        """Send a text."""
        return await self.call("send", {"client_id": client_id or uuid.uuid4().hex, "text": text})

    def heard(self, name: str, **wanted: Any) -> list[dict[str, Any]]:
        """Events of a name whose data has these values."""
        return [d for n, d in self.events if n == name and all(d.get(key) == value for key, value in wanted.items())]

    async def wait(self, name: str, seconds: float = 8.0, **wanted: Any) -> dict[str, Any]:
        """The first such event, sooner or later."""
        async with asyncio.timeout(seconds):
            while not (found := self.heard(name, **wanted)):
                self._moved.clear()
                await self._moved.wait()
        return found[0]

    async def wait_text(self, fragment: str, seconds: float = 8.0) -> dict[str, Any]:
        """The first message that contains *fragment*."""
        async with asyncio.timeout(seconds):
            while True:
                for name, data in self.events:
                    if name == "message" and fragment in data["text"]:
                        return data
                self._moved.clear()
                await self._moved.wait()

    async def close(self) -> None:
        """Hang up."""
        await self.client.disconnect()

    async def __aenter__(self) -> Self:
        return await self.connect()

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.close()


def visitor(hub: Door, token: str | None = None, locale: str = "en", **auth: Any) -> Socket:
    """A visitor's tab on the demo inbox."""
    return Socket(hub, "/visitor", {"v": 1, "key": "demo", "token": token, "locale": locale, **auth})


def agent(hub: Door, person: Person = ADMIN) -> Socket:
    """An agent's live socket."""
    with hub.client(person) as http:
        me = http.get("/api/session").json()
    return Socket(hub, "/agent", {"v": 1, "token": me["socket"]})
