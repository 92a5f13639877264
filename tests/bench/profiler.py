"""``make profile``: where the CPU of a message goes, under the load of G1; with ``1000`` chats, of G2.

py-spy samples every thread of a real hub, native frames included. How much CPU each thread used in that time comes
from the kernel; the samples only divide it. Waiting (for a lock, the GIL, the disk, the network) costs nothing and is
left out. Tables and samples go to ``var/profile.txt`` and ``var/profile.raw`` (for any flame graph viewer).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.load import allow_sockets
from tests.bench.processes import cores, pin, thread_seconds
from tests.bench.servers import WORK, Running, chat, product
from tests.bench.stages import IDLE, innermost, library, stage
from tests.support.hub import ROOT

AGENTS = 5
WARM, SECONDS, RATE = 3.0, 20, 50
"""Seconds before and of sampling; samples a second."""
SLACK = 3.0
"""Seconds the load goes on after sampling."""
TOP = 30
RAW = ROOT / "var" / "profile.raw"
TABLES = ROOT / "var" / "profile.txt"


@dataclass(slots=True)
class Profile:
    """CPU seconds by what was done, by whose code did it, and by (innermost Python function, what was done)."""

    stages: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    libraries: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    functions: defaultdict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))


def divide(samples: Iterable[str], cpu: Mapping[int, float]) -> Profile:
    """Divide each thread's CPU seconds among its samples, lines of ``thread (id): name;outer;…;inner count``."""
    found: defaultdict[int, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for line in samples:
        sample, _, count = line.rpartition(" ")
        thread, *frames = sample.split(";")
        if frames and not any(IDLE.search(frame) for frame in frames[-4:]):
            found[int(thread.partition("(")[2].partition(")")[0])][tuple(frames)] += int(count)
    profile = Profile()
    for thread_id, stacks in found.items():
        each = cpu.get(thread_id, 0.0) / stacks.total()
        for stack, times in stacks.items():
            doing = stage(stack)
            profile.stages[doing] += each * times
            profile.libraries[library(stack)] += each * times
            profile.functions[innermost(stack), doing] += each * times
    return profile


def tables(profile: Profile, messages: float, seconds: float) -> str:
    """All three tables, in µs a message and as a share of the whole."""
    total = sum(profile.stages.values())
    lines = [f"{total / messages * 1e6:.0f} µs of CPU a message, {messages / seconds:,.0f} messages/s while sampled"]

    def table(title: str, costs: Mapping[str, float]) -> None:
        dearest = sorted(costs.items(), key=lambda cost: -cost[1])[:TOP]
        lines.extend(["", f"{'µs':>7}{'share':>7}  {title}"])
        lines.extend(f"{cpu / messages * 1e6:7.1f}{cpu / total:7.1%}  {name}" for name, cpu in dearest)

    table("what is done", profile.stages)
    table("whose code does it", profile.libraries)
    table("function", {f"{name}  [{doing}]": cpu for (name, doing), cpu in profile.functions.items()})
    return "\n".join(lines) + "\n"


def main() -> int:
    """Load a hub, sample it, and print where the time went."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.profiler", description=__doc__)
    parser.add_argument("chats", type=int, nargs="?", default=100, help="visitors who chat at once")
    chats = parser.parse_args().chats
    allow_sockets()
    WORK.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=WORK) as name, chat(product(Path(name)), AGENTS) as hub:
        plan = {"port": hub.port, "kind": "chat", "visitors": chats, "tokens": list(hub.tokens), "pid": hub.pid}
        plan |= {"warm": WARM, "record": SECONDS + SLACK}
        command = [sys.executable, "-m", "tests.bench.load", json.dumps(plan)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as load:
            pin(load.pid, cores()[1])
            time.sleep(WARM)
            cpu = _sample(hub)
            out, _ = load.communicate(timeout=120)
    if cpu is None:
        return 1
    told = tables(divide(RAW.read_text().splitlines(), cpu), json.loads(out)["per_second"] * SECONDS, SECONDS)
    TABLES.write_text(told)
    print(told)
    return 0


def _sample(hub: Running) -> dict[int, float] | None:
    """Let py-spy run; CPU seconds of each thread meanwhile, or None if it may not look into another process."""
    before, began = thread_seconds(hub.pid), time.monotonic()
    spy = Path(sys.executable).with_name("py-spy")
    options = ["--native", "--threads", "--format", "raw", "--rate", str(RATE), "--duration", str(SECONDS)]
    command = [str(spy), "record", "--pid", str(hub.pid), *options, "--output", str(RAW)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        pin(process.pid, cores()[1])
        said, _ = process.communicate()
    if process.returncode:
        print(said.strip(), "(tracing needs root, or kernel.yama.ptrace_scope=0)", sep="\n", file=sys.stderr)
        return None
    share = SECONDS / (time.monotonic() - began)
    return {thread: (cpu - before.get(thread, 0.0)) * share for thread, cpu in thread_seconds(hub.pid).items()}


if __name__ == "__main__":
    sys.exit(main())
