"""A Socket.IO client that sends whatever bytes a test likes, right or wrong."""

import asyncio
import json
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

PATH = "/socket.io/?EIO=4&transport=websocket"


class Raw:
    """One websocket speaking Engine.IO by hand. ``namespace`` is where its packets go."""

    def __init__(self, url: str, namespace: str = "/visitor", origin: str | None = None, **more: Any) -> None:
        self._url = url.replace("http", "ws", 1) + PATH
        self._origin = Origin(origin) if origin is not None else None
        self._more = more
        self._number = 0
        self.namespace = namespace
        self.heard: list[str] = []

    async def __aenter__(self) -> Self:
        self.socket: ClientConnection = await connect(
            self._url, origin=self._origin, compression=None, max_size=None, ping_interval=None, **self._more
        )
        self.opened = str(await self.socket.recv())
        assert self.opened.startswith("0")
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.socket.close()

    @classmethod
    def beside(cls, other: "Raw", namespace: str) -> "Raw":
        """The same websocket in another namespace."""
        made = cls("", namespace)
        made.socket, made.heard = other.socket, other.heard
        return made

    async def send(self, frame: str | bytes) -> None:
        """Send one frame as it is."""
        await self.socket.send(frame)

    async def packet(self, *starts: str, seconds: float = 5.0) -> str:
        """The next frame that starts so; others are kept in ``heard``."""
        async with asyncio.timeout(seconds):
            while True:
                frame = await self.socket.recv()
                assert isinstance(frame, str)
                if frame == "2":
                    await self.socket.send("3")
                    continue
                self.heard.append(frame)
                if frame.startswith(starts):
                    return frame

    async def connect(self, auth: Any = None) -> dict[str, Any]:
        """CONNECT; the server's answer: ``{"sid": …}``, or the refusal as ``{"code": …}``."""
        body = auth if isinstance(auth, str) else json.dumps(auth)
        await self.send(f"40{self.namespace}," + ("" if auth is None else body))
        frame = await self.packet(f"40{self.namespace},", f"44{self.namespace},")
        answer: Any = json.loads(frame.partition(",")[2])
        if isinstance(answer, str):
            return {"code": answer}
        return dict(answer)

    async def event(self, body: str) -> dict[str, Any]:
        """Send an event whose JSON array is *body*, as written; return its ack."""
        self._number += 1
        await self.send(f"42{self.namespace},{self._number}{body}")
        start = f"43{self.namespace},{self._number}["
        frame = await self.packet(start)
        answer: dict[str, Any] = json.loads(frame[len(start) - 1 :])[0]
        return answer

    async def call(self, name: str, data: Any) -> dict[str, Any]:
        """Send an event with one argument; return its ack."""
        return await self.event(json.dumps([name, data]))

    async def ended(self, seconds: float = 5.0) -> bool:
        """Whether the server ends this socket in time."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    self.heard.append(str(await self.socket.recv()))
        except ConnectionClosed:
            return True
        except TimeoutError:
            return False


def ready_of(raw: Raw) -> dict[str, Any]:
    """The ``ready`` a visitor's socket has heard."""
    start = f"42{raw.namespace},"
    found = [frame for frame in raw.heard if frame.startswith(f'{start}["ready"')]
    ready: dict[str, Any] = json.loads(found[-1][len(start) :])[1]
    return ready
