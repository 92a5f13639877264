"""A crowd of idle visitors while processes are replaced: all are back soon, and not all at once."""

import asyncio
import json
import resource
import sys
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from hub.leaving import LONGEST, PACE, SHORTEST
from tests.bench.line import Door, Line, dial
from tests.faults.nursery import Nursery
from tests.support.databases import Postgres
from tests.support.hub import HubProcess
from tests.support.patience import until
from tests.support.scale import scaled

VISITORS = scaled(200, 5_000)
REDIAL = (0.1, 1.0)
"""Seconds after which a client redials, as chance will have it."""
AT_ONCE = 50
"""Dials under way at first."""
BACK = 30.0
"""Seconds in which all must be back."""
SPREAD = 0.3
"""Share of the time it means to take in which a process must send away the middle ones, however busy the machine."""


class Guest:
    """A visitor who stays, whichever process answers.

    ``left`` and ``back`` are the moments of it, ``refused`` is what they were told.
    """

    def __init__(self, ports: list[int], random: Random) -> None:
        self.left: list[float] = []
        self.back: list[float] = []
        self.refused: list[str] = []
        self.staying = True
        self._ports = ports
        self._random = random
        self._token = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self._line: Line | None = None

    @property
    def here(self) -> bool:
        """Whether the socket is up."""
        return self._line is not None and self._line.live

    async def dial(self) -> None:
        """Connect to a process that takes connections, as a proxy finds one."""
        for port in self._random.sample(self._ports, len(self._ports)):
            auth = {"v": 1, "key": "demo", **({"token": self._token} if self._token else {})}
            line = Line(Door(port, "/visitor", json.dumps(auth), "ready"), _deaf, self._up, self._lost)
            with suppress(OSError):
                await dial(line)
                self._line = line
                return
        self._again()

    def leave(self) -> None:
        """Hang up for good."""
        self.staying = False
        for task in list(self._tasks):
            task.cancel()
        if self._line:
            self._line.drop()

    def _up(self) -> None:
        assert self._line is not None
        packet = self._line.welcome
        self._token = json.loads(packet[packet.index(b"[") :])[1]["token"]
        self.back.append(asyncio.get_running_loop().time())

    def _lost(self, reason: str) -> None:
        if reason.startswith(("44", "HTTP")):
            self.refused.append(reason)
        elif len(self.left) < len(self.back):
            self.left.append(asyncio.get_running_loop().time())
        if self.staying:
            self._again()

    def _again(self) -> None:
        task = asyncio.create_task(self._later())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _later(self) -> None:
        await asyncio.sleep(self._random.uniform(*REDIAL))
        await self.dial()


def _deaf(_data: bytes, _start: int, _end: int) -> None:
    return None


def _allow_files(hub: HubProcess) -> None:
    """As many open sockets as may be, here and there."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for number in range(len(hub.doors)):
        resource.prlimit(hub.pid_of(number), resource.RLIMIT_NOFILE, (hard, hard))


@pytest.mark.timeout(scaled(120, 600))
async def test_all_are_back(
    nursery: Nursery, counter_model: Path, postgres: Postgres, redis_url: str, tmp_path: Path
) -> None:
    """# INV-24: each process in turn ends and starts again; no visitor is refused, nobody is away for long."""
    url = postgres.create()
    hub = HubProcess(tmp_path / "var", url, counter_model, nursery.launch, processes=2, redis_url=redis_url)
    ports = [door.port for door in hub.doors]
    guests = [Guest(ports, Random(number)) for number in range(VISITORS)]
    with hub:
        _allow_files(hub)
        room = asyncio.Semaphore(AT_ONCE)

        async def come(guest: Guest) -> None:
            async with room:
                await guest.dial()
                await until(lambda: guest.here, 60)

        try:
            await asyncio.gather(*map(come, guests))
            for number in range(len(hub.doors)):
                await _replace(hub, number, guests)
        finally:
            for guest in guests:
                guest.leave()
    away = [back - left for guest in guests for left, back in zip(guest.left, guest.back[1:], strict=False)]
    sys.stdout.write(f"\n{VISITORS} visitors, {len(away)} times away, at most {max(away):.1f} s\n")
    assert not [told for guest in guests for told in guest.refused]
    assert len(away) >= VISITORS
    assert max(away) < BACK


async def _replace(hub: HubProcess, number: int, guests: list[Guest]) -> None:
    """Stop a process, wait until all its visitors are elsewhere, start it again."""
    before = sum(len(guest.left) for guest in guests)
    await asyncio.to_thread(hub.stop, number)
    await until(lambda: all(guest.here for guest in guests), BACK)
    left = sorted(moment for guest in guests for moment in guest.left)[before:]
    assert len(left) >= VISITORS // 4
    lasted = left[len(left) * 9 // 10] - left[len(left) // 10]
    meant = min(LONGEST, max(SHORTEST, len(left) / PACE))
    assert lasted > SPREAD * meant, f"most of {len(left)} within {lasted:.2f} s"
    await asyncio.to_thread(hub.start, number)
    _allow_files(hub)
