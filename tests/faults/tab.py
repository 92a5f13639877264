"""One tab of one visitor: writes numbered messages and keeps the list it receives."""

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

import aiohttp

from tests.faults.engines.counter import PERSON
from tests.faults.ledger import Ack
from tests.faults.line import Line, Pick
from tests.faults.receiver import RETRIED, Receiver

IN_FLIGHT = 8
"""Messages a tab sends ahead of their acks (INV-5)."""
STALE = 3.0
"""Seconds without an ack after which everything unacked is sent again."""
TWICE = 0.1
"""Share of messages that go out twice at once, and share that the other tab repeats later."""


@dataclass(slots=True)
class Visitor:
    """What the tabs of one visitor share: the token, and what they know of their conversation."""

    name: str
    token: str | None = None
    minted: asyncio.Event = field(default_factory=asyncio.Event)
    tabs: list["Tab"] = field(default_factory=list)


class Tab:
    """A sender and receiver. ``acks`` is every "it is stored" this tab was given; ``put_off`` every "not now"."""

    def __init__(
        self, visitor: Visitor, pick: Pick, http: aiohttp.ClientSession, random: Random, *, wants_person_at: int = -1
    ) -> None:
        self.name = f"{visitor.name}{'ab'[len(visitor.tabs)]}"
        self.acks: list[Ack] = []
        self.refusals: list[str] = []
        self.put_off: set[str] = set()
        self.resent = 0
        self.absorbed = 0
        self.receiver: Receiver | None = None
        self.line = Line(pick, "/visitor", {"v": 1, "key": "demo"}, http, random, self._hear, self._up)
        self._visitor = visitor
        self._random = random
        self._wants_person_at = wants_person_at
        self._texts: dict[str, str] = {}
        self._unacked: dict[str, float] = {}
        self._ready = asyncio.Event()
        self._moved = asyncio.Event()
        self._in_order = asyncio.Lock()
        self._repeats: set[asyncio.Task[None]] = set()
        visitor.tabs.append(self)

    # --- connection --------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Stay connected; the second tab waits for the first one's token."""
        if self is not self._visitor.tabs[0]:
            await self._visitor.minted.wait()
            self.line.auth["token"] = self._visitor.token
        await self.line.run()

    async def _up(self) -> None:
        async with asyncio.timeout(STALE):
            await self._ready.wait()
        self._ready.clear()
        await self._again()
        if self.receiver:
            await self.receiver.sync()

    async def _hear(self, event: str, data: Any = None) -> None:
        if event == "ready":
            self._visitor.token = data["token"]
            self._visitor.minted.set()
            self.line.auth["token"] = data["token"]
            if data["conversation"]:
                self._enter(data["conversation"]["id"])
            self._ready.set()
        elif event == "message":
            await self._enter(data["conversation"]).pushed_message(data)
        elif event == "updated":
            self._enter(data["conversation"]).updated(data)

    def _enter(self, conversation: str) -> Receiver:
        if self.receiver is None:
            self.receiver = Receiver(self.line, conversation, self.refusals)
        assert self.receiver.conversation == conversation, "a visitor has one conversation"
        return self.receiver

    async def keep_in_step(self) -> None:
        """Ask again if that failed; send again what nobody acked."""
        while True:
            await asyncio.sleep(0.5)
            if self.receiver and self.receiver.wanting and self.line.connected:
                await self.receiver.sync()
            oldest = min(self._unacked.values(), default=time.monotonic())
            if self.line.connected and time.monotonic() - oldest > STALE:
                await self._again()

    # --- writing -----------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """Messages that nobody acked yet."""
        return len(self._unacked)

    async def write(self, pause: tuple[float, float]) -> None:
        """Write until cancelled, ``IN_FLIGHT`` ahead of the acks."""
        while True:
            await asyncio.sleep(self._random.uniform(*pause))
            while len(self._unacked) >= IN_FLIGHT or not self.line.connected:
                self._moved.clear()
                await asyncio.wait({asyncio.ensure_future(self._moved.wait())}, timeout=0.1)
            number = len(self._texts)
            key = f"{self.name}-{number}"
            self._texts[key] = f"{self.name} {number}" + (f" {PERSON}" if number == self._wants_person_at else "")
            self._unacked[key] = time.monotonic()
            async with self._in_order:
                for _ in range(1 + (self._random.random() < TWICE)):
                    await self._say(key)

    async def _again(self) -> None:
        """Send everything unacked again; nothing newer may overtake it."""
        async with self._in_order:
            for key in list(self._unacked):
                self.resent += 1
                self._unacked[key] = time.monotonic()
                await self._say(key)

    async def _say(self, key: str) -> None:
        await self._send(key, self._texts[key])

    async def _send(self, key: str, text: str) -> None:
        await self.line.send("send", {"client_id": key, "text": text}, partial(self._acked, key))

    def _acked(self, key: str, ack: dict[str, Any]) -> None:
        if not ack["ok"]:
            code = ack["error"]["code"]
            if code in RETRIED:
                self.put_off.add(key)
            else:
                self.refusals.append(code)
            return
        self.acks.append(Ack(key, ack["conversation"], ack["seq"]))
        self.absorbed += ack["duplicate"]
        self._moved.set()
        if self._unacked.pop(key, None) is not None and self._random.random() < TWICE:
            self._visitor.tabs[self is self._visitor.tabs[0]].repeat(key, self._texts[key])

    def repeat(self, key: str, text: str) -> None:
        """Send what the other tab has sent already."""
        task = asyncio.create_task(self._send(key, text))
        self._repeats.add(task)
        task.add_done_callback(self._repeats.discard)
