"""What breaks in a run, and when: one seed, one sequence."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

Kind = Literal["hub kill", "redis kill", "redis freeze", "redis flush", "postgres stop"]
SERVERS: tuple[Kind, ...] = ("redis kill", "redis freeze", "redis flush", "postgres stop")
EARLY = 0.2
"""Share of kills that meet the hub while it starts."""
LIFE = (0.3, 1.5)
"""Seconds from a hub's start to the next kill; a start takes half a second."""
EVERY = 5
"""Which blow falls on a server instead of a hub."""
LASTS: dict[Kind, tuple[float, float]] = {
    "redis kill": (0.2, 2.0), "redis freeze": (0.5, 3.0), "redis flush": (0.0, 0.0), "postgres stop": (0.0, 1.0)
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Blow:
    """One fault: after how many seconds, on which process (``early``: ready or not), or how long a server is away."""

    kind: Kind
    after: float
    process: int = 0
    early: bool = False
    lasts: float = 0.0


def storm(seed: int, kills: int, hubs: int, *, servers: bool) -> Iterator[Blow]:
    """*kills* kills of *hubs* processes; with *servers* every ``EVERY``-th blow is one to Redis or PostgreSQL."""
    random = Random(seed)
    kinds = _shuffled(random)
    for number in range(1, kills + 1):
        early = random.random() < EARLY
        after = random.uniform(0.0, LIFE[0]) if early else random.uniform(*LIFE)
        yield Blow("hub kill", after, random.randrange(hubs), early)
        if servers and number % (EVERY - 1) == 0:
            kind = next(kinds)
            yield Blow(kind, random.uniform(*LIFE), lasts=random.uniform(*LASTS[kind]))


def _shuffled(random: Random) -> Iterator[Kind]:
    """Every kind of server fault as often as any other."""
    while True:
        yield from random.sample(SERVERS, len(SERVERS))
