"""A reverse proxy in front of several hubs: each new TCP connection goes to the next one that takes it."""

import asyncio
import contextlib
import itertools
import threading
from collections.abc import Sequence
from typing import Self

CHUNK = 65_536


class RoundRobin:
    """Listens on *port*, in a thread of its own, and hands connections to *backends* (ports) in turn."""

    def __init__(self, port: int, backends: Sequence[int]) -> None:
        self._port = port
        self._backends = backends
        self._turn = itertools.count()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)

    def stop(self) -> None:
        """Cut every connection and stop listening."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._taken, "127.0.0.1", self._port, backlog=2_048)

    async def _end(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._join(reader, writer)
        writer.close()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await self._dial()
        try:
            await asyncio.gather(_pour(reader, back), _pour(there, writer))
        finally:
            back.close()

    async def _dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The next hub; one that is down is passed over."""
        first = next(self._turn)
        for number in range(first, first + len(self._backends)):
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", self._backends[number % len(self._backends)])
        raise ConnectionRefusedError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


async def _pour(source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
    """Everything that comes, until one side ends; then the other side learns of it."""
    try:
        while data := await source.read(CHUNK):
            into.write(data)
            await into.drain()
    finally:
        into.close()
