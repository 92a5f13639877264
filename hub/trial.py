"""One message through every hop of a hub that serves: a visitor's socket, the log, the bot, and an agent's inbox.

The visitor is always the same: a person whom the inbox calls ``frontdesk-doctor``, with one conversation, resolved at
the end, so that trials neither crowd the customer records nor wait in the queue.
"""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from hub.signin import digest
from hub.vault import Vault
from models import logins
from models.db import Database
from models.inboxes import Inbox
from models.logins import NewSession
from models.wire import PROTOCOL

VISITOR = "frontdesk-doctor"
"""What the inbox calls the person who makes trials."""
PATIENCE = 10.0
"""Seconds each hop may take."""
_TEXT = "Hello, this is a trial by frontdesk doctor."


class TrialError(Exception):
    """A hop did not do its part; the message says which and how."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop that did its part, and how many milliseconds after the one before."""

    name: str
    text: str
    took: float


class _Socket:
    """A Socket.IO client on one namespace, as small as a trial needs it."""

    def __init__(self, line: ClientConnection, namespace: str) -> None:
        self._line = line
        self._namespace = namespace
        self._asked = 0
        self._kept: list[str] = []

    def connect(self, auth: dict[str, Any]) -> None:
        """CONNECT, or raise :class:`TrialError` with the hub's reason."""
        self._line.send(f"40{self._namespace},{json.dumps(auth)}")
        frame = self._next(f"40{self._namespace},", f"44{self._namespace},")
        if frame.startswith("44"):
            raise TrialError(f"{self._namespace} refuses the connection: {frame.partition(',')[2][:200]}")

    def ask(self, event: str, data: Any) -> dict[str, Any]:
        """Send an event and return its ack, or raise :class:`TrialError` with the refusal."""
        self._asked += 1
        self._line.send(f"42{self._namespace},{self._asked}{json.dumps([event, data])}")
        start = f"43{self._namespace},{self._asked}["
        answer: dict[str, Any] = json.loads(self._next(start)[len(start) - 1 :])[0]
        if not answer["ok"]:
            raise TrialError(f"{event} is refused: {answer['error']['code']}")
        return answer

    def hear(self, event: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next event of this name that fits."""
        start = f'42{self._namespace},["{event}",'
        while True:
            data: dict[str, Any] = json.loads(self._next(start)[len(start) - len(event) - 4 :])[1]
            if fits(data):
                return data

    def _next(self, *starts: str) -> str:
        """The next frame that starts so; an event may come before the ack, so others are kept."""
        for frame in self._kept:
            if frame.startswith(starts):
                self._kept.remove(frame)
                return frame
        until = time.monotonic() + PATIENCE
        while (left := until - time.monotonic()) > 0:
            frame = str(self._line.recv(timeout=left))
            if frame == "2":
                self._line.send("3")
            elif frame.startswith(starts):
                return frame
            else:
                self._kept.append(frame)
        raise TimeoutError


@dataclass(frozen=True, slots=True)
class Course:
    """Where a trial goes: the address the hub listens at, its public address, the cookie's name, an inbox, an admin."""

    url: str
    origin: str
    cookie: str
    inbox: Inbox
    admin: str


def walk(course: Course, database: Database, vault: Vault) -> Iterator[Hop]:
    """Yield each hop that did its part; raise :class:`TrialError` at the first that does not."""
    step = _Steps()
    try:
        _ready(course.url)
        yield step("server", f"ready at {course.url}")
        with _dialled(course) as line:
            visitor = _Socket(line, "/visitor")
            token = vault.bind(VISITOR, course.inbox.id)
            visitor.connect({"v": PROTOCOL, "key": course.inbox.key, "token": token})
            visitor.hear("ready", lambda _data: True)
            yield step("visitor", f"connected to inbox {course.inbox.name}")
            ack = visitor.ask("send", {"client_id": str(uuid4()), "text": _TEXT})
            yield step("stored", f"message {ack['seq']} of conversation {ack['conversation']}")
            visitor.hear(
                "message", lambda said: (said["conversation"], said["seq"]) == (ack["conversation"], ack["seq"])
            )
            yield step("told", "the event came back to its sender")
            if course.inbox.assistant:
                said = visitor.hear("message", lambda said: said["seq"] > ack["seq"] and said["sender"] == "bot")
                yield step("answered", f"the bot's message {said['seq']} reached the visitor")
            with _session(database, course.admin) as session:
                _read(course, session, ack)
            yield step("inbox", "an administrator's inbox shows it")
            visitor.ask("end", {})
            yield step("ended", "the conversation is resolved")
    except (OSError, TimeoutError, WebSocketException, httpx.HTTPError, ValueError, KeyError) as error:
        why = "nothing came in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        raise TrialError(f"after {step.last}: {why}") from error


def _read(course: Course, session: str, ack: dict[str, Any]) -> None:
    where = f"{course.url}/api/conversations/{ack['conversation']}"
    headers = {"Cookie": f"{course.cookie}={session}"}
    answer = httpx.get(where, headers=headers, timeout=PATIENCE, trust_env=False).raise_for_status()
    if ack["seq"] not in [message["seq"] for message in answer.json()["messages"]]:
        raise TrialError("the inbox does not show the message")


class _Steps:
    """Times the hops."""

    def __init__(self) -> None:
        self.last = "the start"
        self._since = time.monotonic()

    def __call__(self, name: str, text: str, _done: None = None) -> Hop:
        before, self._since, self.last = self._since, time.monotonic(), name
        return Hop(name, text, (self._since - before) * 1_000)


def _ready(url: str) -> None:
    if httpx.get(f"{url}/health/ready", timeout=PATIENCE, trust_env=False).status_code != 200:
        raise TrialError("the hub answers, but is not ready: its log says why")


@contextmanager
def _dialled(course: Course) -> Iterator[ClientConnection]:
    address = course.url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
    origin = Origin(course.origin)
    with connect(address, origin=origin, compression=None, proxy=None, open_timeout=PATIENCE) as line:
        if not str(line.recv(timeout=PATIENCE)).startswith("0"):
            raise TrialError("the socket does not speak Engine.IO")
        yield line


@contextmanager
def _session(database: Database, admin: str) -> Iterator[str]:
    """A login of a minute, ended with the trial."""
    token = secrets.token_urlsafe(32)
    new = NewSession(admin, digest(token), secrets.token_urlsafe(32), 60_000)
    database.write_now(logins.start_session, new)
    try:
        yield token
    finally:
        database.write_now(logins.end_session, new.token_hash)
