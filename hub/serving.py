"""``frontdesk serve``: lock, migrate, first-run contents, and the web server."""

import asyncio
import json
import logging
import sys
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import uvicorn

import bots
from hub import logs
from hub.app import build, leave, outermost
from hub.leaving import Server
from hub.lock import hold
from hub.opening import open_database
from hub.settings import Settings
from hub.signin import link_url, new_link
from hub.visitors import DEMO_KEY
from models import health, inboxes, logins, migrate, users
from models.db import Database
from models.inboxes import NewInbox, TrainedModel

SAMPLE = Path(__file__).resolve().parent.parent / "bots" / "assistants" / "webshop"
ENGINE = "embedded"
DEMO_KIND = "web"
"""The demo inbox is the one place where the hub names a kind of channel."""
DEMO = {
    "bot_name": "Nori",
    "greeting": "Hello. Ask me about orders, delivery, returns or prices, or talk to a person.",
    "starters": ["Where is my order?", "What are your opening hours?", "I want to talk to a person"],
}

_log = logging.getLogger("frontdesk.serve")


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Run one hub until it is told to stop."""
    settings.var.mkdir(parents=True, exist_ok=True)
    logs.configure(settings.log_level, json_lines=settings.json_logs)
    with hold(settings.lock) if settings.sqlite else nullcontext():
        _prepare(settings, say)
        parts = build(settings)
        config = uvicorn.Config(
            outermost(parts),
            host=settings.host,
            port=settings.port,
            loop="uvloop" if sys.platform != "win32" else "asyncio",
            http="httptools",
            ws="websockets-sansio",
            ws_max_size=65_536,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            backlog=2_048,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="on",
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=5,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=[str(network) for network in settings.trusted_proxies],
        )
        Server(config, partial(leave, parts)).run()


def _prepare(settings: Settings, say: Callable[[str], None]) -> None:
    """Bring the database up to date and, the first time, put something into it to try."""
    db = open_database(settings)
    try:
        with migrate.starting(db):
            migrate.upgrade(db)
            if not db.read_now(inboxes.all_inboxes) and settings.demo:
                _first_contents(db, settings, say)
        health.warn_if_unsafe(db)
        say(f"Inbox     {settings.public_url}/inbox")
        if settings.demo:
            say(f"Demo page {settings.public_url}/demo")
        if not db.read_now(users.has_admin):
            token, row = new_link("setup", None)
            db.write_now(logins.issue_link, row)
            say(f"First sign-in (once, within an hour): {link_url(settings.public_url, 'setup', token)}")
    finally:
        db.close()


def _first_contents(db: Database, settings: Settings, say: Callable[[str], None]) -> None:
    say("Training the sample assistant …")
    settings.models.mkdir(parents=True, exist_ok=True)
    report = asyncio.run(bots.load(ENGINE, {}).train(SAMPLE, settings.models, _log.debug))
    model = TrainedModel(
        name=SAMPLE.name,
        engine=ENGINE,
        version=report.version,
        path=str(report.model.relative_to(settings.models)),
        report=json.loads(json.dumps(dict(report.scores), default=str)),
        config={},
    )
    assistant = db.write_now(inboxes.promote, model)
    db.write_now(inboxes.add, NewInbox(DEMO_KIND, "Demo shop", DEMO_KEY, DEMO, assistant=assistant))
