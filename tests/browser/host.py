"""A web site of somebody else, on another origin than the hub, that embeds the widget."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Host:
    """Serves the pages it is given."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_port}"
        self._pages: dict[str, tuple[str, str]] = {}

    def page(self, head: str, csp: str = "") -> str:
        """Path of a page with this head."""
        path = f"/{len(self._pages)}"
        body = "<main><h1>Host</h1><p>A page of its own.</p></main>"
        html = f"<!doctype html><html lang=en><head><title>Host</title>{head}</head><body>{body}</body></html>"
        self._pages[path] = (html, csp)
        return path

    def answer(self, path: str) -> tuple[str, str] | None:
        """The page at a path and its policy."""
        return self._pages.get(path)


@contextmanager
def serving() -> Iterator[Host]:
    """A site on a free port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = host.answer(self.path)
            self.send_response(200 if found else 404)
            self.send_header("content-type", "text/html; charset=utf-8")
            if found and found[1]:
                self.send_header("content-security-policy", found[1])
            self.end_headers()
            self.wfile.write(found[0].encode() if found else b"")

        def log_message(self, *_arguments: Any) -> None:
            """Quietly."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    host = Host(server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
