"""A recorded Rasa server on loopback: plays back what a real one answered, and every way it can fail."""

import json
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

SAMPLES = Path(__file__).parents[1] / "payloads" / "rasa"


@dataclass(frozen=True)
class Play:
    """One answer. ``drop`` closes the connection instead; ``wait`` seconds pass before."""

    body: bytes
    status: int = 200
    wait: float = 0.0
    drop: bool = False


def sample(name: str, **facts: Any) -> Play:
    recorded = json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))
    body = b"" if recorded["status"] == 204 else json.dumps(recorded["response"]).encode()
    return Play(body, recorded["status"], **facts)


class RecordedRasa:
    """Answers a route with what it was given, in turn; the last stays. Metadata goes to the tracker, as in Rasa."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, Any]] = []
        self.queries: list[dict[str, list[str]]] = []
        self._plays: dict[str, list[Play]] = defaultdict(list)
        self._metadata: Any = {}
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                peer.serve(self)

            do_POST = do_PUT = do_GET  # noqa: N815 - the names http.server calls

            def log_message(self, *_: Any) -> None:
                """Keep the test's output clean."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.plays("GET /status", sample("status"))
        self.plays("GET /domain", sample("domain"))
        self.plays("POST webhook", sample("rest_greet"))
        self.plays("GET tracker", sample("tracker_none"))
        self.plays("POST events", sample("append_event_slot"))

    def plays(self, route: str, *answers: Play) -> None:
        self._plays[route] = list(answers)

    def asked(self, route: str) -> list[Any]:
        """Return the bodies of the calls to *route*."""
        return [body for name, _, body in self.seen if name == route]

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        split = urlsplit(handler.path)
        route = f"{handler.command} {_short(split.path)}"
        said = json.loads(body) if body else None
        self.seen.append((route, split.path, said))
        self.queries.append(parse_qs(split.query))
        if route == "POST webhook":
            self._metadata = (said or {}).get("metadata") or {}
        answers = self._plays[route]
        play = answers.pop(0) if len(answers) > 1 else answers[0]
        time.sleep(play.wait)
        if play.drop:
            handler.close_connection = True
            return
        self._send(handler, play.status, self._told(route, play.body))

    def _told(self, route: str, body: bytes) -> bytes:
        if route == "GET tracker" and body.startswith(b"{"):
            tracker = json.loads(body)
            message = tracker.get("latest_message")
            if isinstance(message, dict) and message.get("text"):
                message["metadata"] = {**self._metadata, **(message.get("metadata") or {})}
            return json.dumps(tracker).encode()
        return body

    @staticmethod
    def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
        try:
            handler.send_response(status)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            handler.close_connection = True

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _short(path: str) -> str:
    if path.startswith("/webhooks/"):
        return "webhook"
    return path.rsplit("/", 1)[1] if path.startswith("/conversations/") else path
