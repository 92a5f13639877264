"""Lets pages of allowed websites upload files: the one HTTP route a visitor's browser calls from another origin."""

from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATH = "/uploads"
HEADERS = "authorization, content-type, x-file-name, x-site-key"


class UploadCors:
    """ASGI middleware. No credentials are ever allowed, so a cookie never counts from elsewhere."""

    def __init__(self, app: ASGIApp, origin_known: Callable[[str], bool]) -> None:
        self._app = app
        self._known = origin_known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer preflights and mark answers for origins that an inbox allows."""
        origin = Headers(scope=scope).get("origin") if scope["type"] == "http" and scope["path"] == PATH else None
        if origin is None or not self._known(origin):
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            await _preflight(send, origin)
            return

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["access-control-allow-origin"] = origin
                headers.add_vary_header("Origin")
            await send(message)

        await self._app(scope, receive, marked)


async def _preflight(send: Send, origin: str) -> None:
    headers = {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": HEADERS,
        "access-control-max-age": "600",
        "vary": "Origin",
        "content-length": "0",
    }
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": 204, "headers": raw})
    await send({"type": "http.response.body", "body": b""})
