"""Files over HTTP: uploads by visitors and agents, and downloads by signed address."""

import time
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from hub.api.session import Guard
from hub.intake import Intake
from hub.limits import Limit
from hub.media import FileStore, MediaError
from hub.problems import Problem
from hub.registry import Registry
from hub.settings import Settings
from hub.vault import Vault
from models import files
from models.db import Database
from models.http import Uploaded
from models.people import owner_key

SAFE = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "cross-origin",
    "cache-control": "private, max-age=31536000, immutable",
    "referrer-policy": "no-referrer",
}

Uploader = Callable[[Request], Awaitable[str]]
"""Says whose upload a request is, or raises Problem."""


def uploader(vault: Vault, registry: Registry, guard: Guard) -> Uploader:
    """Visitors by ``Authorization: Bearer <token>`` and ``X-Site-Key``, agents by their session."""
    pace = Limit(20, 60.0)

    async def owner(request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            session = await guard.may("upload")(request)
            return session.user.id
        live = registry.by_key(request.headers.get("x-site-key", ""))
        address = vault.visitor(token, live.id) if live else None
        if live is None or address is None:
            raise Problem("unauthorized", field="token")
        if not getattr(live.config, "uploads", False):
            raise Problem("forbidden", "This chat takes no files.")
        mine = owner_key(live.id, address)
        if wait := pace.wait(mine):
            raise Problem("rate_limited", retry_after=wait)
        return mine

    return owner


def file_routes(
    db: Database, intake: Intake, store: FileStore, vault: Vault, settings: Settings, owner: Uploader
) -> APIRouter:
    """``POST /uploads`` and ``GET /files/{id}``."""
    routes = APIRouter(tags=["files"])

    @routes.post("/uploads", status_code=201)
    async def upload(request: Request) -> Uploaded:
        """Keep one file; name its id in a message once."""
        mine = await owner(request)
        data, name, declared = await _file(request, settings.upload_limit)
        try:
            file_id, stored = await intake.upload(mine, data, name, declared)
        except MediaError as error:
            raise Problem("bad_request", str(error), field=error.field) from None
        return {"id": file_id, "name": stored.name, "media_type": stored.media_type, "size": stored.size}

    @routes.get("/files/{file}")
    async def download(file: str, s: str = "") -> Response:
        """One file; only re-encoded pictures are shown inline (S-13)."""
        row = await db.read(files.get, file) if vault.check_file(file, s, time.time()) else None
        if row is None or row["state"] != "ready":
            raise Problem("not_found", field="file")
        inline = row["width"] is not None
        disposition = f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{quote(row['name'])}"
        return FileResponse(
            store.path(row["sha256"]),
            media_type=row["media_type"] if inline else "application/octet-stream",
            headers={**SAFE, "content-disposition": disposition},
        )

    return routes


async def _file(request: Request, limit: int) -> tuple[bytes, str, str]:
    """The multipart field ``file``, or a raw body named by ``X-File-Name``."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        if "content-length" not in request.headers:
            raise Problem("bad_request", "A form says how long it is.", field="Content-Length", status=411)
        if int(request.headers["content-length"]) > limit + 4_096:
            raise Problem("too_long", "This file is too large.", field="file")
        async with request.form(max_files=1, max_fields=4, max_part_size=limit) as form:
            given = form.get("file")
            if given is None or isinstance(given, str):
                raise Problem("bad_request", "The field ``file`` is missing.", field="file")
            data = await given.read()
            name, declared = given.filename or "file", given.content_type or ""
    else:
        got = bytearray()
        async for chunk in request.stream():
            got += chunk
            if len(got) > limit:
                raise Problem("too_long", "This file is too large.", field="file")
        data, name = bytes(got), request.headers.get("x-file-name", "file")
        declared = request.headers.get("content-type", "")
    if len(data) > limit:
        raise Problem("too_long", "This file is too large.", field="file")
    return data, name, declared
