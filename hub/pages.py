"""The built browser code over HTTP: loader, panel, and the pages, as ``widget/dist/manifest.json`` lists them."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response

NOT_BUILT = "The browser code is not built. Run `make web` (or `make run`) and start again.\n"
LOADER_CACHE = "public, max-age=300"
FOR_EVER = "public, max-age=31536000, immutable"
PAGE_CACHE = "no-cache"
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".woff2": "font/woff2",
    ".png": "image/png",
    ".webp": "image/webp",
}
_LASTING = re.compile(r"[a-z-]+(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,150}){1,8}")
"""Names a build gives: nothing that climbs, hides or overflows, so that no page is served without its policy."""


class Pages:
    """What the build left, read once at start."""

    def __init__(self, dist: Path, public_url: str, *, demo: bool) -> None:
        self._dist = dist
        self._demo = demo
        parts = urlsplit(public_url)
        socket = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"
        self._policy = (
            f"default-src 'self'; img-src 'self' data: blob:; connect-src 'self' {socket}; object-src 'none'; "
            "base-uri 'none'; form-action 'self'; frame-ancestors {framed}"
        )
        manifest = dist / "manifest.json"
        self.manifest: Mapping[str, Any] = json.loads(manifest.read_text()) if manifest.is_file() else {}

    def routes(self) -> APIRouter:
        """Routes of the loader, the immutable files and the pages."""
        routes = APIRouter(include_in_schema=False)
        routes.add_route("/", self._home, include_in_schema=False)
        for path in ("/widget.js", "/frame", "/demo", "/inbox"):
            routes.add_route(path, self._page, include_in_schema=False)
        routes.add_route("/w/{path:path}", self._lasting, include_in_schema=False)
        for name in ("inbox", "demo", "frame"):
            routes.add_route(f"/{name}-assets/{{path:path}}", self._lasting, include_in_schema=False)
        return routes

    async def _home(self, _request: Request) -> Response:
        return RedirectResponse("/inbox")

    async def _page(self, request: Request) -> Response:
        path = request.url.path
        if path == "/demo" and not self._demo:
            return PlainTextResponse("not found", 404)
        loader, pages = self.manifest.get("loader", {}), self.manifest.get("pages", {})
        if path in loader:
            return self._file(loader[path], LOADER_CACHE, shared=True)
        if path in pages:
            return self._file(pages[path], PAGE_CACHE, framed="*" if path == "/frame" else "'none'")
        return PlainTextResponse(NOT_BUILT, 503)

    async def _lasting(self, request: Request) -> Response:
        path = request.url.path.lstrip("/")
        if not _LASTING.fullmatch(path):
            return PlainTextResponse("not found", 404)
        where = path if path.startswith("w/") else f"{path.partition('-assets/')[0]}/{path}"
        return self._file(where, FOR_EVER, shared=path.startswith("w/"))

    def _file(self, where: str, cache: str, *, shared: bool = False, framed: str | None = None) -> Response:
        path = (self._dist / where).resolve()
        if not path.is_relative_to(self._dist.resolve()) or not path.is_file():
            return PlainTextResponse("not found", 404)
        headers = {"cache-control": cache, "x-content-type-options": "nosniff", "referrer-policy": "same-origin"}
        if shared:
            headers |= {"access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin"}
        if framed is not None:
            headers["content-security-policy"] = self._policy.format(framed=framed)
        return FileResponse(path, media_type=TYPES.get(path.suffix, "application/octet-stream"), headers=headers)
