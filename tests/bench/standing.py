"""The measurements without load: what idle visitors hold, how soon a crowd is back, and how soon a hub is there."""

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.bench.cases import LOAD_SECONDS, generate
from tests.bench.frames import frame
from tests.bench.line import Door
from tests.bench.processes import cores, pin, rss_kib
from tests.bench.rounds import Case, Figures, VoidError
from tests.bench.servers import START_SECONDS, WORK, product
from tests.support.hub import ROOT, HubProcess, trained_sample

IDLE, MORE_IDLE, CROWD = 3_000, 5_000, 1_000


class Standing:
    """Makes the cases; *quick* shortens every one, for development."""

    def __init__(self, *, quick: bool) -> None:
        self._hold = 3.0 if quick else 30.0
        self._settle = 3.0 if quick else 10.0

    def cases(self) -> list[Case]:
        """Every case, in the order of a round."""
        return [
            Case("idle-3000", lambda: self._idle(IDLE), "kib"),
            Case("idle-5000", lambda: self._idle(MORE_IDLE), "kib"),
            Case("storm", self._storm, "back"),
            Case("silent", self._silent, "kib"),
            Case("start", self._start, "seconds"),
            Case("storage", self._storage, "ours"),
        ]

    def _idle(self, visitors: int) -> Figures:
        with _fresh() as hub:
            plan = {"port": hub.port, "pid": hub.pid, "visitors": visitors, "hold": self._hold}
            stages = dict(_stages(hub, plan))
        if stages["held"]["lost"]:
            raise VoidError(f"{stages['held']['lost']} connections were lost")
        return {"kib": stages["held"]["kib"], "connect_us": stages["connected"]["connect_us"]}

    def _storm(self) -> Figures:
        """A thousand visitors who have said something: all sockets end at once; then the hub itself is killed."""
        with _fresh() as hub:
            plan = {"port": hub.port, "pid": hub.pid, "visitors": CROWD, "talk": True, "storm": True, "restart": True}
            stages = {}
            for stage, told in _stages(hub, plan):
                stages[stage] = told
                if stage == "back":
                    hub.kill()
                    hub.spawn()
        back, outlived = stages["back"], stages["outlived"]
        if back["missing"] or outlived["missing"]:
            raise VoidError(f"{back['missing'] + outlived['missing']} visitors miss what they had said")
        again = {"restart": outlived["away"], "restart_redial": outlived["seconds"]}
        return {"back": back["seconds"], "back_us": back["connect_us"]} | again

    def _silent(self) -> Figures:
        with _fresh() as hub:
            found = generate("tests.bench.silent", {"port": hub.port, "pid": hub.pid})
        if found["kept"]:
            raise VoidError(f"{found['kept']} sockets that nobody reads were kept")
        return {"kib": found["kib"], "messages": found["messages"]}

    def _start(self) -> Figures:
        """From exec to the first visitor let in, and the memory a while later; the bot's own process is not counted.

        Nothing else runs then, so the hub and its bot may use every core.
        """
        with tempfile.TemporaryDirectory(dir=WORK) as name:
            sample = trained_sample(Path(name))
            hub = HubProcess(Path(name) / "var", f"sqlite:///{name}/hub.db", sample, dev="false")
            began = time.monotonic()
            hub.spawn()
            try:
                first_visitor(hub.port)
                seconds = time.monotonic() - began
                time.sleep(self._settle)
                return {"seconds": seconds, "mb": rss_kib(hub.pid) * 1024 / 1e6}
            finally:
                hub.stop()

    def _storage(self) -> Figures:
        """CPU per stored message of our writer and of sqlite3 alone, and what a lone sender waits for an ack."""
        found = generate("tests.bench.storage", {}, core=cores()[0])["storage"]
        return {"ours": found["ours"], "raw": found["raw"], "alone_ms": found["alone"]}


@contextmanager
def _fresh() -> Iterator[HubProcess]:
    """A hub on an empty database, with nobody signed in."""
    with tempfile.TemporaryDirectory(dir=WORK) as name, product(Path(name)) as hub:
        yield hub


def _stages(hub: HubProcess, plan: dict[str, Any]) -> Iterator[tuple[str, dict[str, float]]]:
    """Run a crowd, and hand on each stage as it is done."""
    command = [sys.executable, "-m", "tests.bench.crowd", json.dumps(plan)]
    deadline = time.monotonic() + LOAD_SECONDS
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as crowd:
        pin(crowd.pid, cores()[1])
        assert crowd.stdout is not None
        assert crowd.stderr is not None
        try:
            for line in crowd.stdout:
                told = json.loads(line)
                yield told.pop("stage"), told
                if time.monotonic() > deadline:
                    raise VoidError("the crowd did not end")
            if crowd.wait():
                raise VoidError(crowd.stderr.read().strip().splitlines()[-1])
        finally:
            crowd.kill()


def first_visitor(port: int) -> None:
    """Knock until a visitor is let in."""
    door = Door(port, "/visitor", '{"v":1,"key":"demo"}')
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            plug = socket.create_connection(("127.0.0.1", port), START_SECONDS)
            break
        except OSError:
            if time.monotonic() > deadline:
                raise VoidError("the hub did not start") from None
            time.sleep(0.002)
    with plug:
        plug.sendall(door.request())
        _read_until(plug, b'0{"sid"')
        plug.sendall(frame(f"40{door.prefix}{door.auth}".encode()))
        _read_until(plug, f"40{door.prefix}".encode())


def _read_until(plug: socket.socket, wanted: bytes) -> None:
    data = b""
    while wanted not in data:
        piece = plug.recv(65_536)
        if not piece:
            raise VoidError("the hub hung up on its first visitor")
        data += piece
