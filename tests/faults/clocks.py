"""Hubs whose clock is wrong. The database's is right, and so is what counts seconds inside a process."""

import itertools
import time
from collections.abc import Callable, Mapping
from typing import IO

from tests.faults.nursery import Nursery
from tests.support.hub import Launch, Process

HOUR = 3_600.0


def ahead() -> None:
    """An hour fast."""
    _shift(HOUR)


def behind() -> None:
    """An hour slow."""
    _shift(-HOUR)


def wrong_clocks(nursery: Nursery) -> Launch:
    """Launch hubs that are an hour ahead and an hour behind, in turn."""
    names = itertools.cycle(["clock_ahead", "clock_behind"])

    def launch(environ: Mapping[str, str], log: IO[bytes]) -> Process:
        return nursery.launch(environ, log, (next(names),))

    return launch


def _shift(seconds: float) -> None:
    right, right_ns = time.time, time.time_ns
    time.time = _plus(right, seconds)
    time.time_ns = lambda: right_ns() + int(seconds * 1e9)


def _plus(clock: Callable[[], float], seconds: float) -> Callable[[], float]:
    return lambda: clock() + seconds
