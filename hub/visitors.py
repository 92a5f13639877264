"""The visitors' desk: what a browser with a site key may do on its socket."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hub import identity
from hub.emitter import Emitter, place_visitor
from hub.hardened import HardenedServer
from hub.limits import Limit
from hub.refusals import Refusal
from hub.registry import LiveInbox, Registry
from hub.service import Hub, tidy_page
from hub.settings import Settings, is_loopback
from hub.vault import Vault
from models import threads, views
from models.db import Database
from models.inbound import Inbound, Profile
from models.people import owner_key
from models.text import clean
from models.threads import Mark, Rating
from models.wire import (
    PROTOCOL,
    AgentMessage,
    Consent,
    Conversation,
    End,
    InboxInfo,
    Page,
    Rate,
    Ready,
    Seen,
    Send,
    SendAck,
    Sync,
    SyncAck,
    Typing,
    TypingEvent,
    VisitorAuth,
)

NAMESPACE = "/visitor"
DEMO_KEY = "demo"
MAX_SOCKETS = 10
"""Sockets one visitor may have open."""

_log = logging.getLogger("frontdesk.visitors")


@dataclass(slots=True)
class _Visitor:
    """One connected tab. ``address`` and ``identity`` come from its token, never from a payload."""

    live: LiveInbox
    token: str
    address: str
    identity: str
    speaker: Inbound
    """What every message of this tab has in common."""
    page: Page | None
    new: bool
    """Whether the token was made for this tab, so that nothing can be known of its holder."""
    conversation: str | None = None


class VisitorDesk:
    """Admits visitors and carries out what they ask."""

    def __init__(
        self,
        server: HardenedServer,
        hub: Hub,
        db: Database,
        registry: Registry,
        vault: Vault,
        settings: Settings,
        emitter: Emitter,
        hint: Callable[[str, str, str, Any], None],
    ) -> None:
        self._server = server
        self._hub = hub
        self._db = db
        self._registry = registry
        self._vault = vault
        self._settings = settings
        self._emitter = emitter
        self._hint = hint
        self._here: dict[str, _Visitor] = {}
        self._sockets: dict[str, set[str]] = {}
        self._messages = Limit(settings.visitor_rate, 10.0)
        self._chatter = Limit(60, 10.0)
        self._connects = Limit(settings.connect_rate, 60.0)
        self.limits = {"send": self._messages, "chatter": self._chatter, "connect": self._connects}
        self._told: set[str] = set()
        self._events = {
            "send": self._send,
            "sync": self._sync,
            "typing": self._typing,
            "seen": self._seen,
            "rate": self._rate,
            "page": self._page,
            "consent": self._consent,
            "end": self._end,
        }

    # --- coming and going ----------------------------------------------------------------------------------------

    def origin_known(self, origin: str) -> bool:
        """Whether any inbox lets this web origin in (the handshake does not know the site key yet)."""
        if any(self._origin_allowed(live, origin) for live in self._registry.inboxes()):
            return True
        self._explain(origin, "KEY")
        return False

    async def admit(self, sid: str, environ: dict[str, Any], auth: Any) -> None:
        """Check key, origin, version and token; writes nothing."""
        said = VisitorAuth.model_validate(auth)
        if said.v not in (PROTOCOL, PROTOCOL - 1):
            raise Refusal("reload_required", field="v")
        live = self._registry.by_key(said.key)
        if live is None or not live.channel.caps.origins:
            raise Refusal("not_found", "There is no chat with this key.", field="key")
        origin = environ.get("HTTP_ORIGIN")
        if origin and not self._origin_allowed(live, origin):
            self._explain(origin, live.inbox.key)
            raise Refusal("origin_not_allowed")
        token, address, profile = self._known(live, said)
        if not said.token or token != said.token:
            wait = self._connects.wait(_client(environ))
            if wait:
                raise Refusal("rate_limited", retry_after=wait)
        who = owner_key(live.id, address)
        if len(self._sockets.get(who, ())) >= MAX_SOCKETS:
            raise Refusal("rate_limited", "Too many open pages.", retry_after=30.0)
        language = clean(said.locale).replace("_", "-") if said.locale else None
        profile = profile.model_copy(update={"language": language})
        proven = not address.startswith(views.VISITOR)
        speaker = Inbound(address=address, proven=proven, profile=profile)
        page = tidy_page(said.page) if said.page else None
        new = not proven and token != said.token
        self._here[sid] = _Visitor(live, token, address, who, speaker, page, new)
        self._sockets.setdefault(who, set()).add(sid)

    def _known(self, live: LiveInbox, said: VisitorAuth) -> tuple[str, str, Profile]:
        """The token to use, the address it stands for, and what the site proved of its user."""
        address = self._vault.visitor(said.token, live.id) if said.token else None
        if said.token and address is None:
            raise Refusal("unauthorized", "This token was not made here.", field="token")
        bound = address is not None and not address.startswith(views.VISITOR)
        if said.identity:
            try:
                return self._proven(live, said.identity, said.token if bound else None)
            except Refusal:
                if not bound:
                    raise
        if address and said.token:
            return said.token, address, Profile()
        token = self._vault.mint()
        return token, self._vault.visitor(token, live.id) or "", Profile()

    def _proven(self, live: LiveInbox, proof: str, bound: str | None) -> tuple[str, str, Profile]:
        """Whom the site names: their own token if they came with it, else a new one. Another's is of no use here."""
        secret = getattr(live.config, "identity_secret", None)
        if secret is None:
            raise Refusal("bad_request", "This inbox has no identity secret.", field="identity")
        try:
            who = identity.prove(proof, secret.get_secret_value(), live.inbox.key, time.time())
            token = self._vault.bind(who.sub, live.id)
        except (identity.IdentityError, ValueError):
            raise Refusal("unauthorized", "The identity proves nothing.", field="identity") from None
        address = self._vault.visitor(token, live.id) or ""
        same = bound is not None and self._vault.visitor(bound, live.id) == address
        return (bound if bound and same else token), address, who.profile

    def _origin_allowed(self, live: LiveInbox, origin: str) -> bool:
        if not live.channel.caps.origins:
            return False
        allowed = {self._settings.public_url, *getattr(live.config, "origins", ())}
        if origin.lower() in allowed:
            return True
        try:
            host = urlsplit(origin).hostname or ""
        except ValueError:
            return False
        return live.inbox.key == DEMO_KEY and origin.startswith("http://") and is_loopback(host)

    def _explain(self, origin: str, key: str) -> None:
        if len(self._told) < 100 and origin not in self._told:
            self._told.add(origin)
            _log.warning("origin refused; to allow it: frontdesk inbox set %s --origin %s", key, origin[:200])

    def here(self) -> list[str]:
        """Identities that have a socket in this process."""
        return list(self._sockets)

    def follow(self, identity: str, conversation: str) -> None:
        """What a visitor's tabs do is about this conversation from now on."""
        for tab in self._sockets.get(identity, ()):
            self._here[tab].conversation = conversation

    async def welcome(self, sid: str) -> None:
        """Send ``ready``: first listen, then read, so that nothing falls between."""
        who = self._here.get(sid)
        if who is None:
            return
        self._server.join(NAMESPACE, sid, who.identity)
        ready = await self._ready(who)
        self._server.tell(NAMESPACE, sid, "ready", ready)

    async def _ready(self, who: _Visitor) -> Ready:
        ready: Ready = {
            "token": who.token,
            "contact": None,
            "conversation": None,
            "messages": [],
            "next": False,
            "rev": 0,
            "inbox": _info(who.live),
        }
        kept = None if who.new else await self._db.read(_screen, who.live.id, who.address)
        if kept is None:
            return ready
        row, found, older = kept
        who.conversation = row["id"]
        self._emitter.shown(row["id"], row["rev"], row["last_seq"])
        ready["contact"] = row["contact_id"]
        ready["conversation"] = self._placed(views.conversation(row))
        ready["messages"] = [views.for_visitor(self._emitter.sign(message)) for message in found]
        ready["next"] = older
        ready["rev"] = row["rev"]
        return ready

    async def leave(self, sid: str) -> None:
        """A tab is gone."""
        who = self._here.pop(sid, None)
        if who is None:
            return
        self._server.leave(sid, who.identity)
        mine = self._sockets.get(who.identity)
        if mine:
            mine.discard(sid)
            if not mine:
                del self._sockets[who.identity]

    async def handle(self, sid: str, event: str, data: Any) -> dict[str, Any]:
        """Carry out one event; raises Refusal or ValidationError."""
        who = self._here.get(sid)
        action = self._events.get(event)
        if who is None:
            raise Refusal("unauthorized")
        if action is None:
            raise Refusal("unknown_event")
        wait = (self._messages if event == "send" else self._chatter).wait(who.identity)
        if wait:
            raise Refusal("rate_limited", retry_after=wait)
        return await action(who, data)

    # --- events --------------------------------------------------------------------------------------------------

    async def _send(self, who: _Visitor, data: Any) -> dict[str, Any]:
        said = Send.model_validate(data)
        words = {
            "client_id": said.client_id, "text": said.text, "choice": said.choice, "attachments": said.attachments,
            "page": who.page,
        }  # fmt: skip
        done = await self._hub.hear(who.live, who.speaker.model_copy(update=words), who.identity)
        if done.refused:
            raise Refusal(done.refused, field=done.field)
        self.follow(who.identity, done.conversation)
        ack: SendAck = {
            "ok": True,
            "conversation": done.conversation,
            "seq": done.seq,
            "created_at": done.created_at,
            "duplicate": done.duplicate,
        }
        return dict(ack)

    async def _sync(self, who: _Visitor, data: Any) -> dict[str, Any]:
        said = Sync.model_validate(data)
        found = await self._db.read(threads.missed, said.conversation, said.after, said.rev, who.identity)
        if found is None:
            raise Refusal("not_found", field="conversation")
        ack: SyncAck = {
            "ok": True,
            "messages": [views.for_visitor(self._emitter.sign(message)) for message in found.messages],
            "changed": [views.for_visitor(self._emitter.sign(message)) for message in found.changed],
            "next": found.next,
            "rev": found.rev,
            "conversation": self._placed(found.conversation),
        }
        return dict(ack)

    def _placed(self, view: Conversation) -> Conversation:
        place_visitor(view, self._emitter.place)
        return view

    async def _typing(self, who: _Visitor, data: Any) -> dict[str, Any]:
        said = Typing.model_validate(data)
        if who.conversation:
            event: TypingEvent = {
                "conversation": who.conversation, "sender": "contact", "name": None, "on": said.on
            }  # fmt: skip
            self._hint("/agent", "agents", "typing", event)
        return {"ok": True}

    async def _seen(self, who: _Visitor, data: Any) -> dict[str, Any]:
        said = Seen.model_validate(data)
        if who.conversation:
            seq = await self._hub.mark(Mark(who.conversation, said.seq, identity=who.identity))
            if seq is not None:
                event = {"conversation": who.conversation, "sender": "contact", "seq": seq}
                self._hint("/agent", "agents", "seen", event)
        return {"ok": True}

    async def _rate(self, who: _Visitor, data: Any) -> dict[str, Any]:
        said = Rate.model_validate(data)
        if not who.conversation:
            raise Refusal("not_found")
        await self._hub.rate(Rating(who.conversation, who.identity, said.score, said.comment))
        return {"ok": True}

    async def _page(self, who: _Visitor, data: Any) -> dict[str, Any]:
        who.page = tidy_page(Page.model_validate(data))
        return {"ok": True}

    async def _consent(self, who: _Visitor, data: Any) -> dict[str, Any]:
        said = Consent.model_validate(data)
        await self._hub.consent(who.live, who.address, who.speaker.proven, who.speaker.profile.language, said)
        return {"ok": True}

    async def _end(self, who: _Visitor, data: Any) -> dict[str, Any]:
        End.model_validate(data)
        if not who.conversation or not await self._hub.end(who.conversation, who.identity):
            raise Refusal("not_found")
        return {"ok": True}


def _screen(conn: Any, inbox: str, address: str) -> tuple[Any, list[AgentMessage], bool] | None:
    """A visitor's conversation, its last messages, and whether there are older ones."""
    row = threads.of_identity(conn, inbox, address)
    return (row, *threads.latest(conn, row["id"], public=True)) if row else None


def _client(environ: dict[str, Any]) -> str:
    """The peer's address as uvicorn reports it (proxies are judged there)."""
    client = environ.get("asgi.scope", {}).get("client")
    return str(client[0]) if client else "unknown"


def _info(live: LiveInbox) -> InboxInfo:
    config = live.config
    return {
        "name": live.inbox.name,
        "color": getattr(config, "color", None),
        "bot_name": getattr(config, "bot_name", None),
        "greeting": getattr(config, "greeting", ""),
        "starters": list(getattr(config, "starters", ())),
        "uploads": bool(getattr(config, "uploads", False)),
    }
