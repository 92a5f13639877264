"""Visitors with a second tab that never reads: what such a tab costs, and that it is dropped.

First both tabs of every visitor read; then the second ones stop, and more is said until the hub has dropped them. What
its memory grows by is theirs. ``python -m tests.bench.silent '{…}'`` with a :class:`Plan` prints one JSON line.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from functools import partial

import uvloop

from tests.bench.crowd import tell
from tests.bench.line import Door, Line
from tests.bench.load import Gate, prepare
from tests.bench.processes import rss_kib, sockets
from tests.bench.talk import CHAT, Speech, Tally, Visitor

LONG = Speech(CHAT.event, CHAT.done, "x" * 7_900)
BUFFER = 4_096
"""The kernel's buffer of a silent tab, so that the hub's own limit is met early."""
LOOK = 0.01
"""Seconds between two looks at the hub's memory."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Messages have almost 8,000 characters. Each visitor says ``reading`` in the first part, at most ``silent`` in the
    second: the kernel's buffers, some megabytes, fill before the hub's."""

    port: int
    pid: int
    visitors: int = 10
    reading: int = 200
    silent: int = 3_000


class Silence:
    """The visitors, their second tabs, and the hub's memory."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._gate = Gate()
        self._left = [0] * plan.visitors
        self._peak = 0.0
        door = Door(plan.port, "/visitor", '{"v":1,"key":"demo"}', "ready")
        self._visitors = [
            Visitor(number, door, LONG, Tally(), partial(self._next, number), self._gate.up)
            for number in range(plan.visitors)
        ]

    async def run(self) -> None:
        """Both parts."""
        watching = asyncio.create_task(self._watch())
        await self._gate.pass_all([visitor.line for visitor in self._visitors])
        tabs = await self._second_tabs()
        reading = await self._talk(self._plan.reading)
        before = sockets(self._plan.pid)
        for tab in tabs:
            tab.transport.pause_reading()
        silent = await self._talk(self._plan.silent, before - len(tabs))
        watching.cancel()
        kept = sockets(self._plan.pid) - before + len(tabs)
        tell("silent", kib=max(silent - reading, 0.0) / len(tabs), kept=kept, messages=len(self._visitors[0].due))

    async def _second_tabs(self) -> list[Line]:
        welcomes = [visitor.line.welcome for visitor in self._visitors]
        tokens = [json.loads(welcome[welcome.index(b"[") :])[1]["token"] for welcome in welcomes]
        auths = [json.dumps({"v": 1, "key": "demo", "token": token}) for token in tokens]
        doors = [Door(self._plan.port, "/visitor", auth, "ready") for auth in auths]
        tabs = [Line(door, lambda _data, _start, _end: None, self._gate.up, lambda _why: None) for door in doors]
        await self._gate.pass_all(tabs, buffer=BUFFER)
        return tabs

    async def _talk(self, messages: int, enough: int = -1) -> float:
        """Everybody says this many, or until the hub has *enough* sockets left; its peak memory meanwhile, in KiB."""
        self._peak = 0.0
        self._left = [messages] * len(self._visitors)
        for number, visitor in enumerate(self._visitors):
            self._next(number, visitor)
        while any(visitor.pending for visitor in self._visitors):
            await asyncio.sleep(LOOK)
            if sockets(self._plan.pid) <= enough:
                self._left = [0] * len(self._visitors)
        return self._peak

    def _next(self, number: int, visitor: Visitor) -> None:
        if self._left[number]:
            self._left[number] -= 1
            visitor.say(time.monotonic())

    async def _watch(self) -> None:
        while True:
            self._peak = max(self._peak, rss_kib(self._plan.pid))
            await asyncio.sleep(LOOK)


async def _main(plan: Plan) -> None:
    await Silence(plan).run()


if __name__ == "__main__":
    prepare()
    uvloop.run(_main(Plan(**json.loads(sys.argv[1]))))
