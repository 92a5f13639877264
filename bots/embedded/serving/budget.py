"""A time limit around regular expressions of the assistant: an exploding one is given up, the turn goes on."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

REGEX_SECONDS = 0.5
"""All patterns of one turn together."""


class OutOfTimeError(Exception):
    """The budget is spent."""


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise OutOfTimeError


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise :class:`OutOfTimeError` in the body after *seconds*: CPython's matcher looks for signals as it goes."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
