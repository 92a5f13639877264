"""What an operator watches: Prometheus text, and whether this process is alive and ready."""

import secrets
from collections.abc import Awaitable, Callable, Iterator

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from hub.hardened import HardenedServer
from hub.settings import Settings, is_loopback
from models import inboxes, outbox
from models.db import Database

Depth = list[tuple[str, str, int, int]]


class _Outbox(Collector):
    """Promises by kind and state, and the age of the oldest."""

    def __init__(self, depth: Depth, sockets: int, dropped: int) -> None:
        self._depth = depth
        self._sockets = sockets
        self._dropped = dropped

    def collect(self) -> Iterator[Metric]:
        """Yield today's figures."""
        count = GaugeMetricFamily("frontdesk_outbox", "Promises in the outbox", labels=["kind", "state"])
        age = GaugeMetricFamily("frontdesk_outbox_age_seconds", "Age of the oldest promise", labels=["kind", "state"])
        for kind, state, number, oldest in self._depth:
            count.add_metric([kind, state], number)
            age.add_metric([kind, state], oldest / 1000)
        yield count
        yield age
        yield GaugeMetricFamily("frontdesk_sockets", "Open sockets", value=self._sockets)
        yield GaugeMetricFamily("frontdesk_sockets_dropped", "Sockets dropped because they did not read", self._dropped)


def metric_routes(
    db: Database, server: HardenedServer, settings: Settings, started: Callable[[], Awaitable[bool]]
) -> APIRouter:
    """``/health/live``, ``/health/ready`` and ``/metrics``."""
    routes = APIRouter(include_in_schema=False)

    async def live(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(_request: Request) -> Response:
        try:
            await db.read(inboxes.settings_rev)
            good = await started()
        except Exception:
            good = False
        return JSONResponse({"ready": good}, 200 if good else 503)

    async def metrics(request: Request) -> Response:
        if not _may_read(request, settings):
            return PlainTextResponse("not found", 404)
        registry = CollectorRegistry()
        depth = await db.read(outbox.depth)
        registry.register(_Outbox(depth, len(server.eio.sockets), server.dropped))
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")

    for path, endpoint in (("/health/live", live), ("/health/ready", ready), ("/metrics", metrics)):
        routes.add_route(path, endpoint, include_in_schema=False)
    return routes


def _may_read(request: Request, settings: Settings) -> bool:
    """Whether it comes from this computer (not through a proxy), or has the token."""
    token = settings.metrics_token
    given = request.headers.get("authorization", "").encode("utf-8", "replace")
    if token and secrets.compare_digest(given, f"Bearer {token.get_secret_value()}".encode()):
        return True
    host = request.client.host if request.client else ""
    return is_loopback(host) and "x-forwarded-for" not in request.headers
