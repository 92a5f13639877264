"""What happens after a commit: tell browsers, hand the promises to the worker, look at the queue, ring the bell."""

from collections import deque
from collections.abc import Callable, Iterable

from hub.bell import Bell
from hub.emitter import Emitter
from models.book import Change, Promise


class Promises:
    """Promises leased to this process that nobody works on yet."""

    def __init__(self) -> None:
        self._waiting: deque[Promise] = deque()
        self.wake: Callable[[], None] = _nobody

    def put(self, promises: Iterable[Promise]) -> None:
        """Add promises and wake the worker."""
        self._waiting.extend(promises)
        self.wake()

    def take(self) -> list[Promise]:
        """Everything that waits."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken


def _nobody() -> None:
    return None


class Aftermath:
    """Called with every change, right after its commit and before anything else is awaited."""

    def __init__(self, emitter: Emitter, promises: Promises, bell: Bell, queue_moved: Callable[[], None]) -> None:
        self._emitter = emitter
        self._promises = promises
        self._bell = bell
        self._queue_moved = queue_moved

    def of(self, change: Change | None) -> None:
        """Do what a change asks for; None asks for nothing."""
        if change is None:
            return
        self._emitter.tell(change)
        if change.promises:
            self._promises.put(change.promises)
        if change.queue_moved:
            self._queue_moved()
        self._bell.ring(change)
