"""What the kernel tells of a process, and where it may run. Linux only: figures come from ``/proc``."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

import psutil

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of all threads of these processes; those that are gone count nothing."""
    return sum(_seconds(Path(f"/proc/{pid}/stat")) for pid in pids)


def thread_seconds(pid: int) -> dict[int, float]:
    """The same of each thread of a process, by its id."""
    return {int(task.name): _seconds(task / "stat") for task in Path(f"/proc/{pid}/task").iterdir()}


def _seconds(stat: Path) -> float:
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def family(pid: int) -> list[int]:
    """A process and all that descend from it, now."""
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def rss_kib(pid: int) -> float:
    """Memory a process holds, in KiB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1024


def sockets(pid: int) -> int:
    """How many sockets a process holds."""
    count = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            count += str(link.readlink()).startswith("socket:")
    return count


def cores() -> tuple[int, int]:
    """The core of the server and the core of the load; one and the same where there is only one."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[min(1, len(usable) - 1)]


def pin(pid: int, core: int) -> None:
    """Let a process, and what it starts from now on, run on one core only."""
    os.sched_setaffinity(pid, {core})
