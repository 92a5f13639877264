"""The tests' side of ``launcher.py``: hub processes that are there in half a second."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import IO, Self

from tests.support.hub import Launch, Process

LAUNCHER = Path(__file__).with_name("launcher.py")


class Nursery:
    """Launches hubs; :meth:`launch` fits ``HubProcess``, and so does what :meth:`with_faults` returns."""

    def __init__(self) -> None:
        self._launcher = subprocess.Popen(
            [sys.executable, str(LAUNCHER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def launch(self, environ: Mapping[str, str], log: IO[bytes], mutants: tuple[str, ...] = ()) -> Process:
        """Fork a hub."""
        assert self._launcher.stdin is not None
        assert self._launcher.stdout is not None
        order = {"environ": dict(environ), "log": log.name, "mutants": mutants}
        self._launcher.stdin.write(json.dumps(order) + "\n")
        self._launcher.stdin.flush()
        return Forked(int(self._launcher.stdout.readline()))

    def with_faults(self, *mutants: str) -> Launch:
        """Launch hubs that are changed so."""
        return partial(self.launch, mutants=mutants)

    def close(self) -> None:
        """End the launcher, and with it the hubs that still live."""
        self._launcher.communicate(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class Forked:
    """A process that is not our child: its launcher reaps it, so its exit code is not known."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        """0 once it is gone."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 0
        return None

    def send_signal(self, sig: int) -> None:
        """Send a signal, if it lives."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """SIGKILL it."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it is gone."""
        deadline = time.monotonic() + (timeout if timeout is not None else 60.0)
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("hub", timeout or 60.0)
            time.sleep(0.005)
        return 0
