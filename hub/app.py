"""The composition root: the one place that knows every concrete part. ``create_app`` wires, ``serve`` runs."""

import asyncio
import contextlib
import gc
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

import bots
import channels
from hub import problems
from hub.aftermath import Aftermath, Promises
from hub.agents import NAMESPACE, ROOM, AgentDesk
from hub.api.contacts import contact_routes
from hub.api.conversations import conversation_routes
from hub.api.docs import docs_routes
from hub.api.files import file_routes, uploader
from hub.api.inboxes import inbox_routes
from hub.api.people import people_routes
from hub.api.session import Guard, session_routes
from hub.api.simulator import simulator_routes
from hub.colleagues import Colleagues
from hub.cors import UploadCors
from hub.delivery import Deliverer
from hub.emitter import Emitter
from hub.figures import Figures
from hub.hardened import HardenedServer
from hub.inboxes import load_config
from hub.intake import Fetcher, Intake
from hub.leaving import last, send_away
from hub.limits import Tally
from hub.media import FileStore
from hub.metrics import metric_routes
from hub.others import Others, Publish
from hub.pages import Pages
from hub.queueboard import QueueBoard
from hub.registry import Registry
from hub.service import Hub
from hub.settings import Settings, SettingsError
from hub.signin import SignIn
from hub.simulator import Simulator
from hub.sockets import attach
from hub.sweep import Sweep
from hub.timers import Timers
from hub.turns import TurnTaker
from hub.vault import Vault, open_vault
from hub.visitors import VisitorDesk
from hub.webhooks import webhook_routes
from hub.worker import Worker
from models import heads, outbox
from models.book import Promise
from models.db import Database, DatabaseUnavailableError
from models.inboxes import Inbox
from models.wire import AgentMessage, Attachment

if TYPE_CHECKING:
    from hub.redisline import RedisLine

DIST = Path(__file__).resolve().parent.parent / "widget" / "dist"
SHORT = 3_600
"""Seconds a file's address lives that is given to a provider."""
DRAIN = 5.0
"""Seconds work under way may take after SIGTERM."""
SETTINGS_LOOK = 1.0
Work = Callable[[], Coroutine[Any, Any, None]]
"""Runs until it is cancelled."""

_log = logging.getLogger("frontdesk.app")


class SocketPublisher:
    """Publishes to this process's sockets, or as *publish* does."""

    def __init__(self, server: HardenedServer, publish: Publish | None = None) -> None:
        self._server = server
        self._publish = publish or server.publish

    def hears(self, identity: str) -> bool:
        """Whether a visitor has a tab here."""
        return self._server.anyone(identity)

    def to_visitor(self, identity: str, event: str, data: Any) -> None:
        """To every tab of one visitor."""
        self._publish("/visitor", identity, event, data)

    def to_agents(self, event: str, data: Any) -> None:
        """To every agent."""
        self._publish("/agent", "agents", event, data)

    def to_agent(self, user: str, event: str, data: Any) -> None:
        """To every tab of one agent."""
        self._publish("/agent", f"agent:{user}", event, data)


def backoff(attempts: int) -> float:
    """Seconds until the next try: 1, 4, 16 … at most 10 minutes, with jitter."""
    return min(600.0, 4.0**attempts) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter is no secret


@dataclass(slots=True)
class Parts:
    """Everything one process is made of."""

    settings: Settings
    db: Database
    vault: Vault
    server: HardenedServer
    registry: Registry
    worker: Worker
    board: QueueBoard
    desk: AgentDesk
    colleagues: Colleagues
    signin: SignIn
    http: httpx.AsyncClient
    app: FastAPI
    simulator: Simulator | None
    figures: Figures
    together: list[Work] = field(default_factory=list)
    """What works only where there are other processes."""
    ready: bool = False
    leaving: bool = False

    async def is_ready(self) -> bool:
        """Whether this process serves."""
        return self.ready


def build(settings: Settings) -> Parts:
    """Make every part, top down."""
    owner = uuid4().hex
    db = Database(settings.database_url, synchronous=settings.synchronous)
    vault = open_vault(settings.secret_key.get_secret_value() if settings.secret_key else None, settings.key_file)
    store = FileStore(settings.files)
    registry = Registry(db, channels.load, bots.load, partial(_config, vault=vault), settings.models)
    app = FastAPI(title="Frontdesk", docs_url=None, redoc_url=None, openapi_url="/api/openapi.json", lifespan=None)
    simulator = Simulator(registry, app, settings.public_url) if settings.dev else None
    http = httpx.AsyncClient(timeout=15.0, trust_env=False, mounts=simulator.mounts() if simulator else None)
    server = HardenedServer(polling=settings.polling, fast=settings.fast_sockets)
    out = SocketPublisher(server)
    board = QueueBoard(db, registry, out)
    others = Others(_line(settings, vault, owner), server.publish)
    promises = Promises()

    def sign(file: Attachment, expires: int | None = None) -> str:
        return f"/files/{file['id']}?s={vault.sign_file(file['id'], expires)}"

    emitter = Emitter(out, partial(db.read, heads.news), sign, board.place)
    aftermath = Aftermath(emitter, promises, others.bell, board.moved)
    board.told = aftermath.of
    intake = Intake(db, store)
    hub = Hub(db, registry, aftermath, intake.text, owner)
    signin = SignIn(db, vault)
    colleagues = Colleagues(partial(server.publish, NAMESPACE, ROOM), others.say)
    desk = AgentDesk(server, db, signin, emitter.sign, board.place, colleagues, others.hint)
    signin.on_revoked.append(desk.cut)
    visitors = VisitorDesk(server, hub, db, registry, vault, settings, emitter, others.hint)
    server.origin_known = visitors.origin_known
    figures = Figures()
    emitter.noted = figures.told
    attach(server, visitors, desk, figures)
    hints = SocketPublisher(server, others.hint)
    worker = _worker(settings, db, promises, registry, aftermath, hints, http, sign, intake, owner, figures)
    parts = Parts(
        settings, db, vault, server, registry, worker, board, desk, colleagues, signin, http, app, simulator, figures
    )
    _join(parts, others, emitter, visitors)
    _routes(parts, hub, intake, store, sign, emitter.sign)
    return parts


def _join(parts: Parts, others: Others, emitter: Emitter, visitors: VisitorDesk) -> None:
    """Learn what other processes do, where there can be any."""
    if parts.db.sqlite:
        return
    agents = partial(parts.server.anyone, ROOM)
    emitter.followed = visitors.follow
    sweep = Sweep(parts.db, emitter, visitors.here, parts.server.anyone, agents, parts.board.moved_elsewhere)
    sweep.clock = parts.figures.clock
    parts.together.append(sweep.run)
    if line := others.line:
        line.heard = sweep.heard
        others.listen(parts.colleagues, parts.signin, parts.desk, sweep.at_once)
        tally = Tally(line.add, parts.vault.mark("tally"), visitors.limits)
        parts.together += [line.run, tally.run]


def _line(settings: Settings, vault: Vault, me: str) -> "RedisLine | None":
    """The line to other processes, on a channel that only those with our key know."""
    if settings.redis_url is None:
        return None
    try:
        from hub.redisline import RedisLine, connect  # noqa: PLC0415 - most hubs run without Redis and its library
    except ModuleNotFoundError:
        raise SettingsError("FRONTDESK_REDIS_URL: needs the extra `scale`: pip install 'frontdesk[scale]'") from None
    return RedisLine(connect(settings.redis_url), f"frontdesk:{vault.mark('line')[:24]}", me)


def _config(channel: channels.Channel, inbox: Inbox, vault: Vault) -> Any:
    return load_config(channel, inbox, vault)


def _worker(  # noqa: PLR0917 - the worker's handlers need all of this; it is wiring, not logic
    settings: Settings,
    db: Database,
    promises: Promises,
    registry: Registry,
    aftermath: Aftermath,
    out: SocketPublisher,
    http: httpx.AsyncClient,
    sign: Callable[..., str],
    intake: Intake,
    owner: str,
    figures: Figures,
) -> Worker:
    def sign_short(file: Attachment) -> str:
        return sign(file, int(time.time()) + SHORT)

    turns = TurnTaker(db, registry, aftermath, out, owner)
    deliverer = Deliverer(
        db, registry, aftermath, http, settings.public_url, sign_short, backoff, owner=owner, figures=figures
    )
    fetcher = Fetcher(db, registry, aftermath, intake, backoff, allow_private=settings.dev)
    timers = Timers(db, aftermath)
    handlers = {"turn": turns.take, "deliver": deliverer.deliver, "fetch": fetcher.fetch, "timer": timers.ring}
    given_up = {"turn": turns.give_up, "deliver": deliverer.give_up}

    async def give_up(promise: Promise) -> None:
        if promise.kind in given_up:
            await given_up[promise.kind](promise)

    return Worker(db, promises, handlers, give_up, owner, backoff)


def _routes(
    parts: Parts,
    hub: Hub,
    intake: Intake,
    store: FileStore,
    sign: Callable[[Attachment], str],
    sign_message: Callable[[AgentMessage], AgentMessage],
) -> None:
    app, settings, db = parts.app, parts.settings, parts.db
    guard = Guard(parts.signin, settings)
    app.router.lifespan_context = lambda _app: _life(parts)
    problems.install(app)
    app.include_router(session_routes(parts.signin, settings))
    app.include_router(people_routes(db, guard))
    app.include_router(conversation_routes(hub, db, parts.registry, parts.board, parts.colleagues, sign_message, guard))
    app.include_router(contact_routes(hub, db, sign, guard))
    app.include_router(inbox_routes(parts.registry, guard))
    if parts.simulator:
        app.include_router(simulator_routes(parts.simulator, parts.registry, guard))
    owner = uploader(parts.vault, parts.registry, guard)
    app.include_router(file_routes(db, intake, store, parts.vault, settings, owner))
    app.include_router(webhook_routes(hub, parts.registry, settings.public_url, parts.figures))
    app.include_router(metric_routes(db, parts.server, settings, parts.figures, parts.is_ready))
    app.include_router(Pages(DIST, settings.public_url, demo=settings.demo).routes())
    app.include_router(docs_routes(app))
    app.add_middleware(GZipMiddleware, minimum_size=1_000)
    app.add_middleware(UploadCors, origin_known=parts.server.origin_known)


@contextlib.asynccontextmanager
async def _life(parts: Parts) -> AsyncIterator[None]:
    """Start: bots open, background work running. Stop: drain, then let go of everything."""
    if parts.db.sqlite:
        await parts.db.write(outbox.void_leases, None, "start")
    await parts.registry.refresh()
    tasks = [asyncio.create_task(work()) for work in (*_always(parts), *parts.together)]
    parts.ready = True
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000)  # traffic frees what it makes; older generations are looked at as often as ever
    try:
        yield
    finally:
        parts.ready = False
        await parts.worker.drain(DRAIN)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await parts.registry.close()
        if parts.simulator:
            await parts.simulator.close()
        await parts.http.aclose()
        parts.db.close()


def _always(parts: Parts) -> list[Work]:
    return [parts.worker.run, parts.board.run, parts.desk.run, parts.server.sweep, partial(_look, parts)]


async def _look(parts: Parts) -> None:
    """Notice settings that the command line or another process changed."""
    while True:
        await asyncio.sleep(SETTINGS_LOOK)
        try:
            await parts.registry.refresh()
        except DatabaseUnavailableError:
            continue
        except Exception:
            _log.exception("settings were not read")


def outermost(parts: Parts) -> ASGIApp:
    """The function every request meets first: sockets go straight to Engine.IO, past all middleware."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and scope["path"].startswith("/socket.io/"):
            await parts.server.handle_request(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await parts.app(scope, receive, last(send) if parts.leaving else send)

    return app


async def leave(parts: Parts) -> None:
    """Before this process ends, while it still works: send its clients to the others, where there may be any."""
    parts.leaving, parts.ready = True, False
    if not parts.db.sqlite:
        await send_away(parts.server.eio.sockets)


def create_app(settings: Settings) -> ASGIApp:
    """Wire one hub process. The database must be migrated."""
    return outermost(build(settings))
