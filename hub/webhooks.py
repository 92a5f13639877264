"""Webhooks of every channel: verify on raw bytes, store, then answer. Never a 500 on hostile input."""

import logging
import time
from collections import Counter
from collections.abc import Mapping

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from channels import Reply
from channels import Request as ChannelRequest
from hub.figures import Figures
from hub.registry import LiveInbox, Registry
from hub.service import Hub
from models.db import DatabaseUnavailableError
from models.inbound import Inbound

MAX_BODY = 1 << 20
"""Bytes of a webhook's body."""

_log = logging.getLogger("frontdesk.webhooks")


def webhook_routes(hub: Hub, registry: Registry, public_url: str, figures: Figures) -> APIRouter:
    """``/webhooks/{kind}/{inbox}``, with or without a tail such as ``/status``."""
    routes = APIRouter(include_in_schema=False)

    async def take(request: Request) -> Response:
        live = registry.inbox(request.path_params["inbox"])
        if live is None or live.inbox.kind != request.path_params["kind"]:
            return Response("not found", 404, media_type="text/plain")
        body = await _body(request)
        if body is None:
            return Response("too large", 413, media_type="text/plain")
        whole = _request(request, body, public_url)
        if request.method == "GET":
            reply = live.channel.challenge(whole, live.config)
            return _response(reply) if reply else Response("not found", 404, media_type="text/plain")
        return await _handle(hub, live, whole, figures.channel_errors)

    for path in ("/webhooks/{kind}/{inbox}", "/webhooks/{kind}/{inbox}/{tail}"):
        routes.add_route(path, take, methods=["GET", "POST"], include_in_schema=False)
    return routes


async def _handle(hub: Hub, live: LiveInbox, request: ChannelRequest, errors: Counter[tuple[str, str]]) -> Response:
    if not live.channel.verify(request, live.config, time.time()):
        _log.warning("inbox %s: webhook with a bad signature", live.id)
        errors[live.inbox.kind, "bad_signature"] += 1
        return Response("bad signature", 403, media_type="text/plain")
    if reply := live.channel.challenge(request, live.config):
        return _response(reply)
    events = live.channel.parse(request, live.config)
    try:
        for event in events:
            if isinstance(event, Inbound):
                await hub.receive(live, event)
            else:
                await hub.status(live, event)
    except DatabaseUnavailableError:
        errors[live.inbox.kind, "not_stored"] += 1
        return Response("try again", 503, {"retry-after": "5"}, media_type="text/plain")
    except Exception:
        _log.exception("inbox %s: webhook not stored", live.id)
        errors[live.inbox.kind, "not_stored"] += 1
        return Response("try again", 503, {"retry-after": "30"}, media_type="text/plain")
    return _response(live.channel.ack(request, events))


def _request(request: Request, body: bytes, public_url: str) -> ChannelRequest:
    """The request as signed: the configured public address, never a header's (S-18)."""
    query = request.url.query
    path = request.scope.get("raw_path", b"").decode("latin-1").partition("?")[0] or request.url.path
    headers: Mapping[str, str] = {name.lower(): value for name, value in request.headers.items()}
    return ChannelRequest(
        method=request.method,
        url=f"{public_url}{path}{'?' + query if query else ''}",
        path=path,
        query=query,
        headers=headers,
        body=body,
    )


async def _body(request: Request) -> bytes | None:
    got = bytearray()
    async for chunk in request.stream():
        got += chunk
        if len(got) > MAX_BODY:
            return None
    return bytes(got)


def _response(reply: Reply) -> Response:
    return Response(reply.body, reply.status, media_type=reply.media_type)
