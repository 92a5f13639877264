"""Waiting for what nobody announces: a row, a line in a log, another process."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any


async def until(look: Callable[[], Any], seconds: float = 10.0, every: float = 0.05) -> Any:
    """What *look* (plain or async) returns as soon as that is something; fails after *seconds*."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"nothing came within {seconds} s"
        await asyncio.sleep(every)
