"""What an operator watches: Prometheus text, and whether this process is alive and ready."""

import secrets
from collections.abc import Awaitable, Callable, Iterator

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from hub.figures import Figures, Spread
from hub.hardened import HardenedServer
from hub.settings import Settings, is_loopback
from models import inboxes, outbox
from models.db import Database, WriterStats

Depth = list[tuple[str, str, int, int]]


class _Seen(Collector):
    """One look: the outbox by the database, the rest as this process counts it."""

    def __init__(self, depth: Depth, writer: WriterStats, server: HardenedServer, figures: Figures) -> None:
        self._depth = depth
        self._writer = writer
        self._server = server
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Yield today's figures."""
        yield from self._outbox()
        yield from self._sockets()
        yield from self._storing()
        errors = CounterMetricFamily("frontdesk_channel_errors", "What channels refused", labels=["kind", "error"])
        for (kind, error), number in self._figures.channel_errors.items():
            errors.add_metric([kind, error], number)
        yield errors

    def _outbox(self) -> Iterator[Metric]:
        count = GaugeMetricFamily("frontdesk_outbox", "Promises in the outbox", labels=["kind", "state"])
        age = GaugeMetricFamily("frontdesk_outbox_age_seconds", "Age of the oldest promise", labels=["kind", "state"])
        for kind, state, number, oldest in self._depth:
            count.add_metric([kind, state], number)
            age.add_metric([kind, state], oldest / 1000)
        yield count
        yield age

    def _sockets(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("frontdesk_sockets", "Open sockets", value=len(self._server.eio.sockets))
        dropped = "Sockets dropped because they did not read"
        yield GaugeMetricFamily("frontdesk_sockets_dropped", dropped, value=self._server.dropped)
        syncs = CounterMetricFamily("frontdesk_syncs", "Catching up after a gap or reconnect", labels=["found"])
        for found in ("missed", "whole"):
            syncs.add_metric([found], self._figures.syncs[found])
        yield syncs
        own = "From a write of this process until it told its sockets"
        yield _histogram("frontdesk_delivery_seconds", own, self._figures.delivery)
        late = "The same for what another process wrote, or what was told late"
        yield _histogram("frontdesk_bell_seconds", late, self._figures.bell)

    def _storing(self) -> Iterator[Metric]:
        done = self._writer
        yield CounterMetricFamily("frontdesk_writer_batches", "Transactions of the writers", value=done.batches)
        yield CounterMetricFamily("frontdesk_writer_jobs", "Writes that shared them", value=done.jobs)
        yield GaugeMetricFamily("frontdesk_writer_largest", "Most writes in one transaction", value=done.largest)
        commits = "Time spent in commits"
        yield CounterMetricFamily("frontdesk_writer_commit_seconds", commits, value=done.commit_seconds)


def _histogram(name: str, text: str, spread: Spread) -> Metric:
    return HistogramMetricFamily(name, text, buckets=spread.buckets(), sum_value=spread.total)


def metric_routes(
    db: Database,
    server: HardenedServer,
    settings: Settings,
    figures: Figures,
    started: Callable[[], Awaitable[bool]],
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
        registry.register(_Seen(depth, db.stats, server, figures))
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
