"""Many visitors at once: what they cost while they do nothing, and how soon they are back.

``python -m tests.bench.crowd '{…}'`` with a :class:`Plan` prints one JSON line a stage. With ``storm`` all sockets end
and redial at once; with ``restart`` whoever started it then kills the hub and starts it again on the same port.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import uvloop

from tests.bench.line import Door, Line
from tests.bench.load import AT_ONCE, Gate, prepare
from tests.bench.processes import cpu_seconds, rss_kib
from tests.bench.talk import CHAT, Tally, Visitor

PROBE = 0.01
"""Seconds between two looks whether the restarted hub listens."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``hold``: seconds of doing nothing. ``talk``: everybody says one thing, so that there is something to lose."""

    port: int
    pid: int
    visitors: int
    hold: float = 0.0
    talk: bool = False
    restart: bool = False
    storm: bool = False
    deflate: bool = True


class Crowd:
    """The visitors of one site, each with a token of their own."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._tally = Tally()
        self._gate = Gate()
        self._heard = asyncio.Event()
        self._left = plan.visitors
        self._silent: Iterator[Visitor] = iter(())
        door = Door(plan.port, "/visitor", '{"v":1,"key":"demo"}', "ready", plan.deflate)
        self._visitors = [
            Visitor(number, door, CHAT, self._tally, self._heard_out, self._gate.up) for number in range(plan.visitors)
        ]
        self._lines = [visitor.line for visitor in self._visitors]
        self._tokens: list[str] = []

    async def run(self) -> None:
        """All stages, each told when it is done."""
        plan = self._plan
        memory, cpu = rss_kib(plan.pid), cpu_seconds([plan.pid])
        seconds = await self._gate.pass_all(self._lines)
        each = (cpu_seconds([plan.pid]) - cpu) / plan.visitors
        self._tokens = [json.loads(line.welcome[line.welcome.index(b"[") :])[1]["token"] for line in self._lines]
        tell("connected", seconds=seconds, connect_us=each * 1e6)
        if plan.hold:
            await asyncio.sleep(plan.hold)
            lost = sum(not line.live for line in self._lines)
            tell("held", kib=(rss_kib(plan.pid) - memory) / plan.visitors, lost=lost)
        if plan.talk:
            await self._talk()
            tell("talked")
        if plan.storm:
            await self._storm()
        if plan.restart:
            await self._outlive()

    async def _talk(self) -> None:
        """Everybody says one thing, a limited number at once; done when all are answered."""
        self._silent = iter(self._visitors)
        self._left = len(self._visitors)
        for visitor in islice(self._silent, AT_ONCE):
            visitor.say(time.monotonic())
        await self._heard.wait()

    def _heard_out(self, _visitor: Visitor) -> None:
        self._left -= 1
        for visitor in islice(self._silent, 1):
            visitor.say(time.monotonic())
        if not self._left:
            self._heard.set()

    async def _storm(self) -> None:
        cpu = cpu_seconds([self._plan.pid])
        for line in self._lines:
            line.drop()
        seconds, missing = await self._return()
        each = (cpu_seconds([self._plan.pid]) - cpu) / self._plan.visitors
        tell("back", seconds=seconds, missing=missing, connect_us=each * 1e6)

    async def _outlive(self) -> None:
        """Wait until the hub is gone and there again; the clock of ``away`` starts when the last socket has ended."""
        while any(line.live for line in self._lines):  # noqa: ASYNC110 - a thousand events would be no simpler
            await asyncio.sleep(PROBE)
        gone = time.monotonic()
        while not await _listens(self._plan.port):  # noqa: ASYNC110 - another process listens, nobody tells us
            await asyncio.sleep(PROBE)
        seconds, missing = await self._return()
        tell("outlived", seconds=seconds, missing=missing, away=time.monotonic() - gone)

    async def _return(self) -> tuple[float, int]:
        """Redial all at once with their tokens: seconds until all are ready, and who misses what they had said."""
        self._lines = [self._again(token) for token in self._tokens]
        seconds = await self._gate.pass_all(self._lines, at_once=len(self._lines))
        said = [f"~{number}.0~".encode() for number in range(len(self._lines))]
        missing = sum(text not in line.welcome for text, line in zip(said, self._lines, strict=True))
        return seconds, missing if self._plan.talk else 0

    def _again(self, token: str) -> Line:
        auth = json.dumps({"v": 1, "key": "demo", "token": token})
        door = Door(self._plan.port, "/visitor", auth, "ready", self._plan.deflate)
        return Line(door, lambda _data, _start, _end: None, self._gate.up, lambda _why: None)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def tell(stage: str, **figures: float) -> None:
    """Say that a stage is done."""
    print(json.dumps({"stage": stage} | figures), flush=True)


async def _main(plan: Plan) -> None:
    await Crowd(plan).run()


if __name__ == "__main__":
    prepare()
    uvloop.run(_main(Plan(**json.loads(sys.argv[1]))))
