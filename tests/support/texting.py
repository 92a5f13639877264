"""A text message provider on loopback that records and does as told, and texts signed by the provider's own SDK."""

import base64
import itertools
import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import parse_qs, urlencode

import httpx
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]  # the SDK ships no types

from tests.support.hub import HubProcess

ACCOUNT = "AC00000000000000000000000000000000"
TOKEN = "test_auth_token"
KEY = "webhooks_sharedkey_test"
NUMBER = "+15005550006"
T = TypeVar("T")
_phones = itertools.count(1000)
_sids = itertools.count(1)


def new_phone() -> str:
    """A customer's number nobody used yet."""
    return f"+1500555{next(_phones)}"


def new_sid(prefix: str = "SM") -> str:
    """A name nobody used yet."""
    return f"{prefix}{next(_sids):032x}"


def until(look: Callable[[], T | None], seconds: float = 8.0) -> T:
    """What *look* returns as soon as that is something."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"nothing came within {seconds} s"
        time.sleep(0.05)
    return found


@dataclass(frozen=True)
class Taken:
    """A call of the hub to the provider."""

    to: str
    body: str
    media: list[str]
    callback: str
    sid: str
    at: float


@dataclass(frozen=True)
class Answer:
    """How the provider answers a call: with a status and a body, after a while, or (status 0) by hanging up."""

    status: int = 201
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] | None = None
    sid: str = ""
    hold: float = 0.0


class Provider:
    """Records what is sent to each phone; ``tell`` says how to answer the next calls for one."""

    def __init__(self) -> None:
        self.taken: dict[str, list[Taken]] = defaultdict(list)
        self.files: dict[str, tuple[str, bytes]] = {}
        self.fetched: list[tuple[str, str]] = []
        self._told: dict[str, deque[Answer]] = defaultdict(deque)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def tell(self, phone: str, *answers: Answer) -> None:
        """Answer the next calls for *phone* so; those after it are taken."""
        self._told[phone].extend(answers)

    def texts(self, phone: str) -> list[str]:
        """What *phone* was sent."""
        return [taken.body for taken in self.taken[phone]]

    def wait(self, phone: str, fragment: str = "", count: int = 1) -> Taken:
        """The *count*-th text to *phone* that contains *fragment*, sooner or later."""
        return until(lambda: next(iter([one for one in self.taken[phone] if fragment in one.body][count - 1 :]), None))

    def take(self, fields: Mapping[str, list[str]]) -> Answer:
        """Record one call and say how to answer it."""
        phone = fields["To"][0]
        told = self._told[phone].popleft() if self._told[phone] else Answer()
        sid = told.sid or new_sid()
        callback = fields.get("StatusCallback", [""])[0]
        body = fields.get("Body", [""])[0]
        self.taken[phone].append(Taken(phone, body, fields.get("MediaUrl", []), callback, sid, time.monotonic()))
        if told.body is not None or told.status != 201:
            return told
        return Answer(body={"sid": sid, "status": "queued"}, hold=told.hold)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            given = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told = provider.take(parse_qs(given, keep_blank_values=True))
            time.sleep(told.hold)
            if told.status == 0:
                self.close_connection = True
                return
            self._send(told.status, "application/json", json.dumps(told.body or {}).encode(), told.headers or {})

        def do_GET(self) -> None:
            scheme, _, secret = self.headers.get("Authorization", "").partition(" ")
            provider.fetched.append((self.path, base64.b64decode(secret).decode() if scheme == "Basic" else ""))
            media_type, data = provider.files[self.path]
            self._send(200, media_type, data, {})

        def _send(self, status: int, media_type: str, data: bytes, headers: Mapping[str, str]) -> None:
            try:
                self.send_response(status)
                for name, value in {**headers, "Content-Type": media_type, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                self.close_connection = True  # the hub was killed meanwhile

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's signature
            """Say nothing."""

    return Handler


class Line:
    """A text message inbox of a running hub, seen from the provider and, with ``http``, by an agent."""

    def __init__(self, hub: HubProcess, provider: Provider, http: httpx.Client, *, bot: bool = True) -> None:
        self.hub = hub
        self.provider = provider
        self.http = http
        config = {
            "account_sid": ACCOUNT,
            "auth_token": [TOKEN],
            "shared_keys": {KEY: TOKEN},
            "sender": NUMBER,
            "api_base": provider.url,
        }
        self.inbox = hub.add_inbox("sms", new_sid("line"), config, bot=bot)
        self.path = f"/webhooks/sms/{self.inbox}"
        until(lambda: self.inbox in [one["id"] for one in http.get("/api/inboxes").json()])

    def post(self, body: str, tail: str = "", secret: str = TOKEN) -> httpx.Response:
        """Post a form to the webhook, signed by the provider's SDK."""
        path = self.path + tail
        fields = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        signature = RequestValidator(secret).compute_signature(self.hub.url + path, fields)
        headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
        return httpx.post(self.hub.url + path, content=body, headers=headers, timeout=10.0)

    def text(self, phone: str, body: str, sid: str = "", **more: str) -> httpx.Response:
        """*phone* texts the inbox."""
        fields = {"From": phone, "To": NUMBER, "Body": body, "MessageSid": sid or new_sid(), "AccountSid": ACCOUNT}
        return self.post(urlencode({**fields, "NumMedia": "0", **more}))

    def status(self, sid: str, state: str, **more: str) -> httpx.Response:
        """The provider reports on a message of ours."""
        fields = {"MessageSid": sid, "MessageStatus": state, "AccountSid": ACCOUNT, "From": NUMBER, **more}
        return self.post(urlencode(fields), "/status")

    def find(self, address: str) -> list[dict[str, Any]]:
        """Conversations with *address*, of any status."""
        pages = [
            self.http.get("/api/conversations", params={"view": view, "q": address}) for view in ("all", "resolved")
        ]
        return [item for page in pages for item in page.json()["items"] if item["address"] == address]

    def thread(self, address: str) -> dict[str, Any]:
        """The one conversation with *address*, as an agent opens it."""
        (found,) = until(lambda: self.find(address))
        thread: dict[str, Any] = self.http.get(f"/api/conversations/{found['id']}").json()
        return thread

    def messages(self, address: str, sender: str) -> list[dict[str, Any]]:
        """Texts of one kind of sender in the conversation with *address*."""
        return [m for m in self.thread(address)["messages"] if m["sender"] == sender and m["kind"] == "text"]

    def reply(self, address: str, text: str) -> httpx.Response:
        """An agent answers."""
        found = self.thread(address)["conversation"]
        said = {"client_id": new_sid("reply"), "text": text, "version": found["version"]}
        return self.http.post(f"/api/conversations/{found['id']}/messages", json=said)

    def act(self, address: str, what: str) -> httpx.Response:
        """An agent claims, resolves …"""
        found = self.thread(address)["conversation"]
        return self.http.post(f"/api/conversations/{found['id']}/{what}", json={"version": found["version"]})

    def state(self, address: str, text: str) -> tuple[str, str | None]:
        """Delivery state and error of our message that contains *text*."""
        (found,) = [m for m in self.thread(address)["messages"] if text in m["text"]]
        return found["state"], found["error"]
