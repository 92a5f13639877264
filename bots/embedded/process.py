"""The hub's side of the bot's child process: one request at a time, killed and restarted when it hangs or dies."""

import asyncio
import itertools
import logging
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bots import BotError
from bots.embedded.serving import frames

log = logging.getLogger(__name__)

START_LIMIT = 30.0
"""Seconds a child may take to start and open a model, on a cold and busy machine."""
CLOSED = "the bot was closed"
FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0
INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TMPDIR",
    "TZ",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
)
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
BOOT = "import sys; sys.path.append(sys.argv[1]); from serving.child import main; main()"


def environment() -> dict[str, str]:
    """Return what a bot process may know of ours: no settings, no secrets; one thread a process."""
    return {name: os.environ[name] for name in INHERITED if name in os.environ} | ONE_THREAD


@dataclass(slots=True)
class Job:
    """One request on its way, and how long the child may work on it."""

    request: dict[str, Any]
    limit: float
    done: asyncio.Future[Any]


@dataclass(slots=True)
class Running:
    """A live child and our end of its socket."""

    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class ChildError(Exception):
    """The child is gone, or speaks nonsense."""


class Child:
    """A child process that is replaced when it dies, with every open model, after a growing delay."""

    def __init__(self, python: str = sys.executable) -> None:
        self._python = python
        self._jobs: asyncio.Queue[Job] = asyncio.Queue()
        self._models: dict[str, Path] = {}
        self._numbers = itertools.count(1)
        self._running: Running | None = None
        self._failures = 0
        self._task = asyncio.create_task(self._work(), name="bot child")

    @property
    def pid(self) -> int | None:
        """Process id of the live child."""
        return self._running.process.pid if self._running else None

    async def open(self, handle: str, folder: Path) -> dict[str, Any]:
        """Open a model under *handle*, and again after every restart."""
        opened: dict[str, Any] = await self.call({"op": "open", "model": handle, "path": str(folder)}, START_LIMIT)
        self._models[handle] = folder
        return opened

    async def forget(self, handle: str) -> bool:
        """Close a model; tell whether others are still open."""
        if self._models.pop(handle, None) and self._models:
            await self.call({"op": "close", "model": handle}, START_LIMIT)
        return bool(self._models)

    async def call(self, request: dict[str, Any], limit: float) -> Any:
        """Return the child's answer, or raise :class:`BotError`. Waiting for earlier requests counts too."""
        job = Job(request | {"id": next(self._numbers)}, limit, asyncio.get_running_loop().create_future())
        self._jobs.put_nowait(job)
        try:
            async with asyncio.timeout(limit):
                return await job.done
        except TimeoutError:
            raise BotError("timeout", f"no answer within {limit:g} s") from None

    async def stop(self) -> None:
        """End the child; requests under way fail."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._end()
        while not self._jobs.empty():
            _fail(self._jobs.get_nowait(), "down", CLOSED)

    async def _work(self) -> None:
        while True:
            if self._running is None:
                await self._revive()
            elif job := await self._next():
                await self._settle(job, self._running)

    async def _next(self) -> Job | None:
        """Wait for a request, or for the child to die unasked (None)."""
        assert self._running  # noqa: S101 - narrows the type; _work just looked
        waiting = asyncio.create_task(self._jobs.get())
        death = asyncio.create_task(self._running.process.wait())
        try:
            await asyncio.wait([waiting, death], return_when=asyncio.FIRST_COMPLETED)
        finally:
            death.cancel()
            waiting.cancel()
        if waiting.done() and not waiting.cancelled():
            job = waiting.result()
            return None if job.done.done() else job
        await self._lost("died")
        return None

    async def _settle(self, job: Job, running: Running) -> None:
        try:
            async with asyncio.timeout(job.limit):
                reply = await _exchange(running, job.request)
        except TimeoutError:
            _fail(job, "timeout", f"no answer within {job.limit:g} s")
            await self._lost("timeout")
        except frames.FrameError as error:
            _fail(job, "broken", str(error))
        except (ChildError, OSError, EOFError) as error:
            _fail(job, "down", f"the bot process ended: {error}")
            await self._lost("died")
        except asyncio.CancelledError:
            _fail(job, "down", CLOSED)
            raise
        else:
            self._failures = 0
            if not job.done.done():
                _deliver(job, reply)

    async def _revive(self) -> None:
        if self._failures > 1:
            await asyncio.sleep(min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(self._failures, 10)))
        try:
            self._running = running = await _spawn(self._python)
            async with asyncio.timeout(START_LIMIT):
                for handle, folder in self._models.items():
                    await _exchange(running, {"id": 0, "op": "open", "model": handle, "path": str(folder)})
        except (TimeoutError, ChildError, OSError, EOFError):
            await self._lost("start")

    async def _lost(self, why: str) -> None:
        self._failures += 1
        pid = self.pid
        await self._end()
        log.warning("bot process ended", extra={"pid": pid, "why": why, "failures": self._failures})

    async def _end(self) -> None:
        running, self._running = self._running, None
        if running is None:
            return
        running.writer.close()
        if running.process.returncode is None:
            running.process.kill()
        await running.process.wait()


def _deliver(job: Job, reply: dict[str, Any]) -> None:
    error = reply.get("error")
    if error:
        job.done.set_exception(BotError(error["kind"], error["what"]))
    else:
        job.done.set_result(reply["ok"])


def _fail(job: Job, kind: Any, what: str) -> None:
    if not job.done.done():
        job.done.set_exception(BotError(kind, what))


async def _spawn(python: str) -> Running:
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            folder = str(Path(__file__).parent)
            process = await asyncio.create_subprocess_exec(
                python, "-c", BOOT, folder, stdin=theirs.fileno(), stdout=asyncio.subprocess.DEVNULL, env=environment()
            )
        except OSError:
            ours.close()
            raise
    reader, writer = await asyncio.open_connection(sock=ours, limit=frames.MAX_FRAME)
    return Running(process, reader, writer)


async def _exchange(running: Running, request: dict[str, Any]) -> dict[str, Any]:
    running.writer.write(frames.encode(request))
    await running.writer.drain()
    try:
        body = await running.reader.readexactly(frames.length(await running.reader.readexactly(frames.HEADER.size)))
        reply = frames.decode(body)
    except (frames.FrameError, ValueError, asyncio.IncompleteReadError) as error:
        raise ChildError(type(error).__name__) from error
    if not isinstance(reply, dict) or reply.get("id") != request["id"] or not ("ok" in reply or "error" in reply):
        raise ChildError("an answer to nothing")
    return reply
