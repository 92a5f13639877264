"""A TCP proxy between clients and a server on loopback that delays, cuts, drops, or lets nothing pass."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

CHUNK = 65_536
Address = int | str
"""A port of loopback, or the path of a Unix socket."""


class Proxy:
    """Listens on ``port``, or on a Unix socket at *path*. Its faults apply to every connection, old and new.

    ``delay``: seconds each chunk takes. ``cut_after``: bytes from a client after which its connection is dropped.
    """

    def __init__(self, server: Address, path: str | None = None) -> None:
        self.delay = 0.0
        self.cut_after: int | None = None
        self.port = 0
        self.accepted = 0
        self._server = server
        self._path = path
        self._passing = asyncio.Event()
        self._passing.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where clients find the server."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        if self._path:
            self._listening: asyncio.Server = await asyncio.start_unix_server(self._accept, self._path)
        else:
            self._listening = await asyncio.start_server(self._accept, "127.0.0.1", 0)
            self.port = self._listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._listening.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.drop()

    def freeze(self) -> None:
        """Half-open: nothing passes, either way, and nobody is told."""
        self._passing.clear()

    def thaw(self) -> None:
        """Let through again what was held, and what comes."""
        self._passing.set()

    def drop(self) -> None:
        """Reset every connection."""
        for writer in list(self._open):
            with contextlib.suppress(OSError, AttributeError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            writer.transport.abort()

    def _connect(self) -> Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        if isinstance(self._server, str):
            return asyncio.open_unix_connection(self._server)
        return asyncio.open_connection("127.0.0.1", self._server)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.accepted += 1
        self._open.add(writer)
        try:
            await self._passing.wait()
            inner, outer = await self._connect()
            self._open.add(outer)
            try:
                ways = [(reader, outer, self._count()), (inner, writer, _uncounted)]
                await _first_to_end(*(self._pass(*way) for way in ways))
            finally:
                self._open.discard(outer)
                outer.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass  # the server is not there, or the proxy ends
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    def _count(self) -> Callable[[bytes], bytes]:
        """Counts one client's bytes; what is left of a chunk at the cut, then nothing."""
        passed = 0

        def count(chunk: bytes) -> bytes:
            nonlocal passed
            passed += len(chunk)
            over = passed - self.cut_after if self.cut_after is not None else 0
            return chunk[: max(0, len(chunk) - over)] if over > 0 else chunk

        return count

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: Callable[[bytes], bytes]
    ) -> None:
        while chunk := await reader.read(CHUNK):
            if self.delay:
                await asyncio.sleep(self.delay)
            await self._passing.wait()
            through = count(chunk)
            writer.write(through)
            await writer.drain()
            if len(through) < len(chunk):
                return


def _uncounted(chunk: bytes) -> bytes:
    return chunk


async def _first_to_end(*works: Awaitable[None]) -> None:
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
