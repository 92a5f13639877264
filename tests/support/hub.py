"""A real hub in its own process, as ``frontdesk serve`` runs it, with an administrator and the demo inbox."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, Self

import httpx
from argon2 import PasswordHasher

import bots
from hub.inboxes import split_secrets, validate
from hub.serving import DEMO, SAMPLE
from hub.vault import Vault, open_vault
from models import inboxes, migrate, users
from models.db import Database
from models.inboxes import NewInbox, TrainedModel
from models.users import NewUser
from tests.support.proxy import RoundRobin

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0


@dataclass(frozen=True)
class Person:
    """Somebody who can sign in."""

    email: str
    password: str
    name: str
    role: str


ADMIN = Person("mika@shop.example", "correct horse battery", "Mika", "admin")
AGENT = Person("sora@shop.example", "staple battery horse", "Sora", "agent")


def trained_sample(shared: Path) -> Path:
    """Folder of the trained sample assistant; the first worker of a run trains it, the others wait."""
    import fasteners

    folder = shared / "sample-model"
    with fasteners.InterProcessLock(str(shared / "sample.lock")):
        ready = folder / "ready"
        if not ready.is_file():
            folder.mkdir(exist_ok=True)
            with ThreadPoolExecutor(1) as aside:  # the caller's thread may run an event loop, as Playwright's does
                training = bots.load("embedded", {}).train(SAMPLE, folder, lambda _step: None)
                report = aside.submit(asyncio.run, training).result()
            ready.write_text(json.dumps({"path": report.model.name, "version": report.version}))
    return folder


class Process(Protocol):
    """What a test needs of a hub's process; ``subprocess.Popen`` has it."""

    pid: int

    def poll(self) -> int | None:
        """Its exit code, None while it lives."""

    def send_signal(self, sig: int) -> None:
        """Send it a signal."""

    def kill(self) -> None:
        """SIGKILL it."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raise ``subprocess.TimeoutExpired`` after *timeout* seconds."""


def frontdesk_serve(environ: Mapping[str, str], log: IO[bytes]) -> Process:
    """``frontdesk serve`` as everybody runs it."""
    command = [sys.executable, "-c", "from hub.cli import main; main()", "serve"]
    return subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)


Launch = Callable[[Mapping[str, str], IO[bytes]], Process]
"""Starts a hub process with an environment, and a file for what it prints."""


class Door:
    """Where a hub is reached."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    @contextmanager
    def client(self, person: Person = ADMIN) -> Iterator[httpx.Client]:
        """An HTTP client that is signed in."""
        with httpx.Client(base_url=self.url, timeout=10.0) as client:
            answer = client.post("/api/session", json={"email": person.email, "password": person.password})
            answer.raise_for_status()
            client.headers["X-CSRF-Token"] = answer.json()["csrf"]
            yield client

    def ready(self) -> bool:
        """Whether it serves."""
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=1.0, verify=False).status_code == 200
        except httpx.HTTPError:
            return False


class HubProcess(Door):
    """Start, stop, kill and restart a hub on one database and one folder; without a *sample* both are left empty.

    With several *processes* a proxy stands before them and gives each connection to the next one; ``doors`` lead past
    it, to one process each. What starts or ends them means all of them unless a number says which.
    """

    def __init__(
        self,
        var: Path,
        database_url: str,
        sample: Path | None,
        launch: Launch = frontdesk_serve,
        *,
        processes: int = 1,
        **settings: str,
    ) -> None:
        super().__init__(free_port())
        self.var = var
        self.admin = ADMIN
        self.agent = AGENT
        self.database_url = database_url
        self.inbox = ""
        self.doors: Sequence[Door] = [Door(free_port()) for _ in range(processes)] if processes > 1 else [self]
        self._proxy: RoundRobin | None = None
        self.assistant = ""
        self._launch = launch
        self._processes: list[Process | None] = [None] * processes
        self._environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("FRONTDESK_")},
            "FRONTDESK_VAR": str(var),
            "FRONTDESK_PUBLIC_URL": self.url,
            "FRONTDESK_DATABASE_URL": database_url,
            "FRONTDESK_JSON_LOGS": "true",
            "FRONTDESK_DEV": "true",
            "FRONTDESK_VISITOR_RATE": "1000",
            "FRONTDESK_CONNECT_RATE": "10000",
            **{f"FRONTDESK_{name.upper()}": value for name, value in settings.items()},
        }
        var.mkdir(parents=True, exist_ok=True)
        if sample is not None:
            self._fill(sample)

    def _fill(self, sample: Path) -> None:
        """Give the database what a set-up would: people, the sample's model, the demo inbox."""
        db = Database(self.database_url, synchronous="NORMAL")
        migrate.upgrade(db)
        if not db.read_now(inboxes.all_inboxes):
            shutil.copytree(sample, self.var / "models", dirs_exist_ok=True)
            trained = json.loads((sample / "ready").read_text())
            model = TrainedModel(
                "webshop", trained.get("engine", "embedded"), trained["version"], trained["path"], {}, {}
            )
            assistant = db.write_now(inboxes.promote, model)
            self.inbox = db.write_now(inboxes.add, NewInbox("web", "Demo shop", "demo", DEMO, assistant=assistant))
            hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
            for person in (ADMIN, AGENT):
                new = NewUser(person.email, person.name, person.role, hasher.hash(person.password))  # type: ignore[arg-type]  # a literal role
                db.write_now(users.add, new)
        self.assistant = db.read_now(inboxes.all_assistants)[0].id
        db.close()

    def add_inbox(self, kind: str, name: str, config: dict[str, Any], *, bot: bool = True, **more: Any) -> str:
        """Add an inbox as the command line would; return when every process that runs has taken it up."""
        import channels

        vault: Vault = open_vault(None, self.var / "secret.key")
        plain, secret = split_secrets(validate(channels.load(kind), config))
        new = NewInbox(kind, name, name, plain, vault.seal(secret), self.assistant if bot else None, **more)
        db = Database(self.database_url)
        try:
            inbox = db.write_now(inboxes.add, new)
        finally:
            db.close()
        if any(self._processes):
            self._take_up(inbox)
        return inbox

    def _take_up(self, inbox: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        with self.client() as signed_in:
            for door in self.doors:
                while inbox not in signed_in.get(f"{door.url}/api/inboxes").text:
                    assert time.monotonic() < deadline, f"inbox {inbox} is not taken up"
                    time.sleep(0.05)

    def spawn(self, number: int | None = None) -> None:
        """Start and wait for nothing."""
        if len(self.doors) > 1 and self._proxy is None:
            self._proxy = RoundRobin(self.port, [door.port for door in self.doors])
            self._proxy.start()
        with (self.var / "hub.log").open("ab") as log:
            for one in self._those(number):
                environ = {**self._environ, "FRONTDESK_PORT": str(self.doors[one].port)}
                self._processes[one] = self._launch(environ, log)

    def start(self, number: int | None = None) -> None:
        """Start and wait until it serves."""
        self.spawn(number)
        deadline = time.monotonic() + START_SECONDS
        for one in self._those(number):
            while not self.doors[one].ready():
                process = self._processes[one]
                gone = process is None or process.poll() is not None
                if gone or time.monotonic() > deadline:
                    raise AssertionError(f"the hub did not start:\n{self.log()[-4000:]}")
                time.sleep(0.05)

    def stop(self, number: int | None = None) -> int:
        """Ask it to stop; return its exit code, the worst of several."""
        ending = [(one, process) for one in self._those(number) if (process := self._processes[one])]
        for _, process in ending:
            process.send_signal(signal.SIGTERM)
        codes = [0]
        for one, process in ending:
            try:
                codes.append(process.wait(15))
            except subprocess.TimeoutExpired:
                process.kill()
                codes.append(process.wait(5))
            self._processes[one] = None
        self._close_proxy()
        return max(codes, key=abs)

    def kill(self, number: int | None = None) -> None:
        """SIGKILL it, as a power cut would."""
        for one in self._those(number):
            process = self._processes[one]
            if process is not None:
                process.kill()
                process.wait(5)
                self._processes[one] = None

    def restart(self) -> None:
        """Stop in good order and start again."""
        self.stop()
        self.start()

    def _those(self, number: int | None) -> Sequence[int]:
        return range(len(self.doors)) if number is None else [number]

    def _close_proxy(self) -> None:
        if self._proxy is not None and not any(self._processes):
            self._proxy.stop()
            self._proxy = None

    @property
    def pid(self) -> int:
        """Its process id, of several the first one's."""
        return self.pid_of(0)

    def pid_of(self, number: int) -> int:
        """The process id of one of several."""
        process = self._processes[number]
        assert process is not None
        return process.pid

    def log(self) -> str:
        """What it has logged."""
        path = self.var / "hub.log"
        return path.read_text() if path.is_file() else ""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.kill()
            self._close_proxy()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


def free_port() -> int:
    """A TCP port nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
