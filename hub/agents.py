"""The agents' desk: live events for people who are signed in. Everything that changes something goes by HTTP."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hub.colleagues import Colleagues
from hub.emitter import Place, place_agent
from hub.hardened import HardenedServer
from hub.limits import Limit
from hub.refusals import Refusal
from hub.roles import may
from hub.signin import Session, SignIn
from models import ownership, threads, users
from models.db import Database, DatabaseUnavailableError
from models.wire import (
    PROTOCOL,
    AgentAuth,
    AgentSyncAck,
    Author,
    Availability,
    SetPresence,
    Summary,
    Sync,
    Typing,
    TypingEvent,
    Viewing,
)

NAMESPACE = "/agent"
ROOM = "agents"
RECHECK = 2.5
"""Seconds between two looks whether the sessions of open sockets still live (S-8)."""
BEAT = 10.0
"""Seconds between two presence writes, for all agents of this process at once."""

_log = logging.getLogger("frontdesk.agents")


@dataclass(slots=True)
class _Agent:
    session: Session
    viewing: str | None = None

    @property
    def author(self) -> Author:
        return {"id": self.session.user.id, "name": self.session.user.name}


class AgentDesk:
    """Admits agents, tells who is there and who looks at what."""

    def __init__(
        self,
        server: HardenedServer,
        db: Database,
        signin: SignIn,
        sign: Any,
        place: Place,
        colleagues: Colleagues,
        hint: Callable[[str, str, str, Any], None],
    ) -> None:
        self._server = server
        self._db = db
        self._signin = signin
        self._sign = sign
        self._place = place
        self._colleagues = colleagues
        self._hint = hint
        self._here: dict[str, _Agent] = {}
        self._availability: dict[str, Availability] = {}
        self._chatter = Limit(100, 10.0)
        self._events = {
            "sync": self._sync,
            "typing": self._typing,
            "viewing": self._viewing,
            "presence": self._presence,
        }
        colleagues.chosen = self._chosen_elsewhere

    async def admit(self, sid: str, _environ: dict[str, Any], auth: Any) -> None:
        """Let a signed-in agent in, by their session's socket token (S-3: no cookie counts here)."""
        said = AgentAuth.model_validate(auth)
        if said.v not in (PROTOCOL, PROTOCOL - 1):
            raise Refusal("reload_required", field="v")
        session = await self._signin.who_by_socket_token(said.token)
        if session is None:
            raise Refusal("unauthorized", field="token")
        self._here[sid] = _Agent(session)

    async def welcome(self, sid: str) -> None:
        """Start telling this agent."""
        who = self._here.get(sid)
        if who is None:
            return
        user = who.session.user.id
        self._server.join(NAMESPACE, sid, ROOM)
        self._server.join(NAMESPACE, sid, f"agent:{user}")
        if user not in self._availability:
            kept = {agent["id"]: agent["availability"] for agent in await self._db.read(users.agents)}
            if sid not in self._here:
                return  # gone meanwhile: nobody would ever take the sign of life back
            self._availability.setdefault(user, "away" if kept.get(user) == "away" else "online")
        self._show(who)
        await self._beat()

    async def leave(self, sid: str) -> None:
        """A tab is gone; its agent may have others."""
        who = self._here.pop(sid, None)
        if who is None:
            return
        self._server.leave(sid, ROOM)
        self._server.leave(sid, f"agent:{who.session.user.id}")
        user = who.session.user.id
        if any(other.session.user.id == user for other in self._here.values()):
            self._show(who)
        elif self._availability.pop(user, None):
            self._colleagues.gone(user)

    async def cut(self, user: str) -> None:
        """End every socket of a user whose sessions were revoked (S-8)."""
        for sid, who in list(self._here.items()):
            if who.session.user.id == user:
                eio_sid = self._server.manager.eio_sid_from_sid(sid, NAMESPACE)
                if eio_sid:
                    await self._server.cut(eio_sid)

    async def run(self) -> None:
        """Write presence while anybody is here, and end sockets whose session ended."""
        beats = 0
        while True:
            await asyncio.sleep(RECHECK)
            try:
                await self._recheck()
                if not self._db.sqlite:
                    self._colleagues.look(await self._db.read(ownership.present))
                beats += 1
                if beats * RECHECK >= BEAT:
                    self._colleagues.announce()
                    await self._beat()
                    beats = 0
            except DatabaseUnavailableError:
                continue
            except Exception:
                _log.exception("presence was not written")

    async def _beat(self) -> None:
        if self._availability:
            await self._db.write(users.beat, dict(self._availability), ROOM)

    async def _recheck(self) -> None:
        """End sockets whose session ended elsewhere: in another process, or by the command line."""
        here = list(self._here.values())
        if not here:
            return
        living = await self._signin.living([who.session.id for who in here])
        for user in {who.session.user.id for who in here if who.session.id not in living}:
            await self.cut(user)

    async def handle(self, sid: str, event: str, data: Any) -> dict[str, Any]:
        """Carry out one event; raises Refusal or ValidationError."""
        who = self._here.get(sid)
        action = self._events.get(event)
        if who is None:
            raise Refusal("unauthorized")
        if action is None:
            raise Refusal("unknown_event")
        wait = self._chatter.wait(who.session.user.id)
        if wait:
            raise Refusal("rate_limited", retry_after=wait)
        return await action(who, data)

    async def _sync(self, _who: _Agent, data: Any) -> dict[str, Any]:
        said = Sync.model_validate(data)
        found = await self._db.read(threads.agent_missed, said.conversation, said.after, said.rev)
        if found is None:
            raise Refusal("not_found", field="conversation")
        ack: AgentSyncAck = {
            "ok": True,
            "messages": [self._sign(message) for message in found.messages],
            "changed": [self._sign(message) for message in found.changed],
            "next": found.next,
            "rev": found.rev,
            "conversation": self._placed(found.conversation),
        }
        return dict(ack)

    def _placed(self, summary: Summary) -> Summary:
        place_agent(summary, self._place)
        return summary

    async def _typing(self, who: _Agent, data: Any) -> dict[str, Any]:
        said = Typing.model_validate(data)
        if not may(who.session.user.role, "reply"):
            raise Refusal("forbidden")
        row = await self._db.read(threads.find, said.conversation or "")
        if row is None:
            raise Refusal("not_found", field="conversation")
        event: TypingEvent = {
            "conversation": row["id"], "sender": "agent", "name": who.session.user.name, "on": said.on
        }  # fmt: skip
        self._hint("/visitor", row["identity_id"], "typing", event)
        self._hint(NAMESPACE, ROOM, "typing", event)
        return {"ok": True}

    async def _viewing(self, who: _Agent, data: Any) -> dict[str, Any]:
        said = Viewing.model_validate(data)
        who.viewing = said.conversation
        self._show(who)
        return {"ok": True}

    async def _presence(self, who: _Agent, data: Any) -> dict[str, Any]:
        said = SetPresence.model_validate(data)
        self._availability[who.session.user.id] = said.availability
        self._show(who, chose=True)
        await self._beat()
        return {"ok": True}

    def _show(self, who: _Agent, *, chose: bool = False) -> None:
        """Tell everybody where an agent is and what is open on their screens."""
        user = who.session.user.id
        if user in self._availability:
            views = [one.viewing for one in self._here.values() if one.session.user.id == user and one.viewing]
            self._colleagues.here(who.author, self._availability[user], views, chose=chose)

    def _chosen_elsewhere(self, user: str, availability: Availability) -> None:
        who = next((one for one in self._here.values() if one.session.user.id == user), None)
        if who and self._availability.get(user, availability) != availability:
            self._availability[user] = availability
            self._show(who)
