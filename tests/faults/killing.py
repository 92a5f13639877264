"""Real customers and agents on a real hub whose processes, and whose servers, are killed again and again."""

import asyncio
import gc
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

import aiohttp

from models.db import Database
from tests.faults.crowd import Crowd, Size, running
from tests.faults.evidence import deliveries, heads, promises, take_down
from tests.faults.house import House
from tests.faults.ledger import Ledger
from tests.faults.storm import Blow

LOOK = 0.1
"""Seconds between two looks; looks are counted instead of time, as a machine may stand still."""
STUCK = 40.0
"""Seconds in which something must move while promises are left: a dead process's lease and a provider's back-off."""
TORN = "ignore:Unclosed connection:ResourceWarning"
"""The warning that tests of :func:`run` let pass."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A run. ``seed`` decides who writes what; the machine's own timing stays its own."""

    seed: int
    blows: tuple[Blow, ...]
    size: Size = field(default_factory=Size)
    load: float = 2.0
    """Seconds of load before the first blow, and after the last."""
    drain: float = 600.0
    """Seconds that what was promised may take at the end; ``STUCK`` without any progress end it as well."""
    settle: float = 10.0
    """Seconds after that in which every receiver must have everything, without being asked to look."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a run left: the ledger, and how much of everything happened."""

    ledger: Ledger
    blows: Counter[str]
    counts: Counter[str]
    seconds: float


async def run(house: House, plan: Plan) -> Run:
    """Break *house* under load as planned; return what everybody saw. The hub is stopped at the end."""
    began = time.monotonic()
    await asyncio.to_thread(house.hub.start)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        crowd = await asyncio.to_thread(Crowd, house.hub, plan.size, plan.seed, http)
        async with crowd.provider, running([house.supervise()]):
            crowd.provider.inbox = house.hub.add_inbox("sms", "Texts", crowd.provider.config)
            async with crowd.here():
                async with crowd.talking():
                    await asyncio.sleep(plan.load)
                    await house.suffer(plan.blows)
                    await asyncio.sleep(plan.load)
                await _drain(house, crowd, plan)
            seconds = time.monotonic() - began
    await asyncio.to_thread(house.hub.stop)
    gc.collect()  # python-engineio forgets websockets that break in their handshake; they end here, under TORN
    return Run(take_down(house.hub.database_url, crowd, house.fell), house.blows, crowd.counts(), seconds)


async def _drain(house: House, crowd: Crowd, plan: Plan) -> None:
    """Wait until everything is acked, every promise kept and everybody told, or time is up: then the ledger tells."""
    db = Database(house.hub.database_url)

    async def left() -> Hashable:
        kept = not (open_ones := frozenset(row["id"] for row in await db.read(promises)))
        done = kept and not crowd.waiting and crowd.connected
        return None if done else (open_ones, crowd.waiting, crowd.connected)

    async def untold() -> Hashable:
        stored, became = await db.read(heads), await db.read(deliveries)
        behind, outdated = [], []
        for _, it in crowd.receivers():
            if it.last < stored.get(it.conversation, (0, 0))[not it.all_seqs]:
                behind.append(it.last)
            shown = ((seq, state) for seq, state in it.states.items() if state != became.get((it.conversation, seq)))
            outdated += [one for one in shown if one[1] != "stored"]
        return (tuple(behind), tuple(outdated)) if behind or outdated else None

    try:
        await _ended(left, plan.drain)
        await _ended(untold, plan.settle)
    finally:
        await asyncio.to_thread(db.close)


async def _ended(look: Callable[[], Awaitable[Hashable]], seconds: float) -> None:
    """Return when *look* sees nothing any more, or always the same, or after so many *seconds*."""
    seen: Hashable = None
    still = 0
    for _ in range(int(seconds / LOOK)):
        now = await look()
        seen, still = now, still + 1 if now == seen else 0
        if now is None or still > STUCK / LOOK:
            return
        await asyncio.sleep(LOOK)
