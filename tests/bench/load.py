"""The load: opens connections, plays visitors and agents, prints one JSON line. ``python -m tests.bench.load '{…}'``.

It runs in a process and on a core of its own, so that what it costs is known and is not the server's.
Its argument is a :class:`Plan`; its answer a :class:`Measured`.
"""

import asyncio
import gc
import json
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

import uvloop

from tests.bench.figures import percentile
from tests.bench.line import Door, Line, dial
from tests.bench.processes import cpu_seconds, family
from tests.bench.talk import CHAT, ECHO, ROOM, Agent, Speech, Tally, Visitor

Kind = Literal["chat", "echo", "room"]
SPEECHES: dict[Kind, Speech] = {"chat": CHAT, "echo": ECHO, "room": ROOM}
AT_ONCE = 64
"""Connects in flight."""
CONNECT_SECONDS = 60.0
DRAIN_SECONDS = 10.0
"""What is under way when sending ends may take this long, so that a loss shows and slowness does not."""
NEAR = 0.002
"""A timer is good to a millisecond: closer than this the loop is spun instead."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One measurement. ``rate`` 0 is the closed loop: each visitor has one message under way.

    ``tokens`` are the agents' socket tokens (of a hub), or anything, one an agent. ``pid`` is the server's process,
    ``aside`` one whose CPU, and its children's, is told apart (a database).
    """

    port: int
    kind: Kind
    visitors: int
    tokens: Sequence[str] = ()
    pid: int = 0
    aside: int = 0
    rate: float = 0.0
    warm: float = 2.0
    record: float = 5.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What came out. Counts are of the whole run, rates and CPU of the recorded window.

    ``latency`` has p50, p95, p99 and max in milliseconds of ``ack``, ``answer`` and ``delivery`` (to each agent).
    """

    us: float
    """Server CPU, µs per finished message."""
    per_second: float
    server: float
    """Share of one core the server used."""
    load: float
    """Share of one core the load used."""
    aside_us: float
    undone: int
    late_ms: float
    """Open loop: p99 of how late a message left."""
    counts: dict[str, int]
    first_refusal: str
    latency: dict[str, dict[str, float]] = field(default_factory=dict)


class Traffic:
    """Visitors and agents on one server, and the clock that drives them."""

    def __init__(self, plan: Plan) -> None:
        self.tally = Tally()
        self._plan = plan
        self._sending = False
        self._late: list[float] = []
        self._turn = 0
        self._next = 0.0
        speech, chat = SPEECHES[plan.kind], plan.kind == "chat"
        self._gate = Gate()
        visitor = Door(plan.port, "/visitor", '{"v":1,"key":"demo"}', "ready") if chat else Door(plan.port)
        self.visitors = [
            Visitor(number, visitor, speech, self.tally, self._done, self._gate.up) for number in range(plan.visitors)
        ]
        timed = self.visitors if plan.rate else ()
        self.agents = [Agent(_agent_door(plan, token), self.tally, self._gate.up, timed) for token in plan.tokens]

    async def run(self) -> Measured:
        """Connect, warm up, record, drain."""
        plan, tally = self._plan, self.tally
        lines = [agent.line for agent in self.agents] + [visitor.line for visitor in self.visitors]
        await self._gate.pass_all(lines)
        self._start()
        await asyncio.sleep(plan.warm)
        cpu, aside, own, done, began = *self._cpu(), time.process_time(), tally.done, time.monotonic()
        tally.recording = True
        await asyncio.sleep(plan.record)
        tally.recording = False
        seconds = time.monotonic() - began
        cpu, aside = (now - before for now, before in zip(self._cpu(), (cpu, aside), strict=True))
        own, done = time.process_time() - own, tally.done - done
        self._sending = False
        undone = await self._drain()
        for line in lines:
            line.drop()
        counts = tally.counts()
        return Measured(
            us=cpu / max(done, 1) * 1e6,
            per_second=done / seconds,
            server=cpu / seconds,
            load=own / seconds,
            aside_us=aside / max(done, 1) * 1e6,
            undone=undone,
            late_ms=percentile(sorted(self._late), 0.99) * 1e3 if self._late else 0.0,
            counts=counts,
            first_refusal=tally.first_refusal,
            latency={name: _summary(getattr(tally, name)) for name in ("ack", "answer", "delivery")},
        )

    def _cpu(self) -> tuple[float, float]:
        aside = self._plan.aside
        return cpu_seconds([self._plan.pid]), cpu_seconds(family(aside)) if aside else 0.0

    def _start(self) -> None:
        self._sending = True
        self._next = time.monotonic()
        if self._plan.rate:
            self._tick()
            return
        for visitor in self.visitors:
            visitor.say(self._next)

    def _done(self, visitor: Visitor) -> None:
        if self._sending and not self._plan.rate:
            visitor.say(time.monotonic())

    def _tick(self) -> None:
        """Send what is due; latency counts from the planned moment, so that a stall of the server is not hidden."""
        if not self._sending:
            return
        while (late := time.monotonic() - self._next) >= 0:
            self.visitors[self._turn].say(self._next)
            self._turn = (self._turn + 1) % len(self.visitors)
            self._next += 1 / self._plan.rate
            if self.tally.recording:
                self._late.append(late)
        loop = asyncio.get_running_loop()
        if late < -NEAR:
            loop.call_later(-late - NEAR / 2, self._tick)
        else:
            loop.call_soon(self._tick)

    async def _drain(self) -> int:
        """Wait for what is under way, agents' frames included; how many messages never finished."""
        tally = self.tally
        deadline = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < deadline:
            deliveries = (tally.sent - tally.refused) * len(self.agents)
            if not any(visitor.pending for visitor in self.visitors) and tally.delivered >= deliveries:
                break
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        return sum(len(visitor.pending) for visitor in self.visitors)


class Gate:
    """Brings many lines up, a limited number at once."""

    def __init__(self) -> None:
        self.ready = 0
        self._moved = asyncio.Event()

    def up(self) -> None:
        """One more is ready."""
        self.ready += 1
        self._moved.set()

    async def pass_all(self, lines: Sequence[Line], at_once: int = AT_ONCE, buffer: int = 0) -> float:
        """Connect all in order; seconds until the last was ready. ``TimeoutError`` if they do not get there.

        *buffer*: see :func:`dial`.
        """
        began = time.monotonic()
        self.ready = 0
        dials = []
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                for number, line in enumerate(lines):
                    while number - self.ready >= at_once:
                        await self._wait()
                    dials.append(asyncio.create_task(dial(line, buffer)))
                while self.ready < len(lines):
                    await self._wait()
        except TimeoutError:
            raise TimeoutError(f"only {self.ready} of {len(lines)} were let in") from None
        await asyncio.gather(*dials)
        return time.monotonic() - began

    async def _wait(self) -> None:
        self._moved.clear()
        await self._moved.wait()


def _agent_door(plan: Plan, token: str) -> Door:
    if plan.kind == "chat":
        return Door(plan.port, "/agent", json.dumps({"v": 1, "token": token}))
    return Door(plan.port, auth='{"agent":true}')


def _summary(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    seconds.sort()
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {name: percentile(seconds, share) * 1e3 for name, share in shares.items()} | {"n": len(seconds)}


def allow_sockets() -> None:
    """Allow this process, and what it starts, as many sockets as the machine does."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def prepare() -> None:
    """Make a load's process ready: many sockets, and no look for garbage in circles, of which it makes none."""
    allow_sockets()
    gc.disable()


async def _main(plan: Plan) -> Measured:
    return await Traffic(plan).run()


if __name__ == "__main__":
    prepare()
    print(json.dumps(asdict(uvloop.run(_main(Plan(**json.loads(sys.argv[1])))))))
