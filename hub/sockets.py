"""The Socket.IO gateway: decode, authorise, call the hub. Every event is answered with ``{ok: …}``."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import ValidationError

from hub.agents import AgentDesk
from hub.figures import Figures
from hub.hardened import HardenedServer
from hub.refusals import Refusal, invalid
from hub.visitors import VisitorDesk
from models.db import DatabaseUnavailableError
from models.wire import ErrorBody

Handler = Callable[[str, Any], Awaitable[dict[str, Any]]]

_log = logging.getLogger("frontdesk.sockets")


def attach(server: HardenedServer, visitors: VisitorDesk, agents: AgentDesk, figures: Figures) -> None:
    """Connect both namespaces with their desks."""
    desks: dict[str, VisitorDesk | AgentDesk] = {"/visitor": visitors, "/agent": agents}
    for namespace, desk in desks.items():
        server.on("connect", _connect(server, desk), namespace=namespace)
        server.on("disconnect", _disconnect(desk), namespace=namespace)
        server.on("*", _event(desk, figures), namespace=namespace)

    async def after_connect(namespace: str, sid: str) -> None:
        try:
            await desks[namespace].welcome(sid)
        except DatabaseUnavailableError:
            # Without ``ready`` the client would wait for ever; cut, it redials.
            if eio_sid := server.manager.eio_sid_from_sid(sid, namespace):
                await server.cut(eio_sid)

    server.after_connect = after_connect


def _connect(server: HardenedServer, desk: VisitorDesk | AgentDesk) -> Callable[..., Awaitable[bool]]:
    async def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> bool:
        try:
            await desk.admit(sid, environ, auth)
        except Exception as error:
            raise server.refused(_explained(error, "connect")) from None
        return True

    return connect


def _disconnect(desk: VisitorDesk | AgentDesk) -> Callable[..., Awaitable[None]]:
    async def disconnect(sid: str, _reason: Any = None) -> None:
        await desk.leave(sid)

    return disconnect


def _event(desk: VisitorDesk | AgentDesk, figures: Figures) -> Callable[..., Awaitable[dict[str, Any]]]:
    async def event(name: str, sid: str, *args: Any) -> dict[str, Any]:
        try:
            if len(args) != 1:
                raise Refusal("bad_request", "An event carries one object.")
            answer = await desk.handle(sid, name, args[0])
        except Exception as error:
            return {"ok": False, "error": _explained(error, "event")}
        if name == "sync":
            figures.synced(answer)
        return answer

    return event


def _explained(error: Exception, what: str) -> ErrorBody:
    """Turn a refusal into what the browser is told; a fault is logged, and told without its words."""
    if isinstance(error, Refusal):
        return error.body()
    if isinstance(error, ValidationError):
        return invalid(error)
    if isinstance(error, DatabaseUnavailableError):
        return {"code": "unavailable", "message": "Not stored. Try again in a moment.", "retry_after": 2.0}
    _log.error("%s failed", what, exc_info=error)
    return {"code": "unavailable", "message": "Something is wrong here.", "retry_after": 5.0}
