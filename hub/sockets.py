"""The Socket.IO gateway: decode, authorise, call the hub. Every event is answered with ``{ok: …}``."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import ValidationError

from hub.agents import AgentDesk
from hub.hardened import HardenedServer
from hub.refusals import Refusal, invalid
from hub.visitors import VisitorDesk
from models.db import DatabaseUnavailableError
from models.wire import ErrorBody

Handler = Callable[[str, Any], Awaitable[dict[str, Any]]]

_log = logging.getLogger("frontdesk.sockets")


def attach(server: HardenedServer, visitors: VisitorDesk, agents: AgentDesk) -> None:
    """Connect both namespaces with their desks."""
    desks: dict[str, VisitorDesk | AgentDesk] = {"/visitor": visitors, "/agent": agents}
    for namespace, desk in desks.items():
        server.on("connect", _connect(server, desk), namespace=namespace)
        server.on("disconnect", _disconnect(desk), namespace=namespace)
        server.on("*", _event(desk), namespace=namespace)

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
        except Refusal as refusal:
            error = refusal.body()
        except ValidationError as wrong:
            error = invalid(wrong)
        except DatabaseUnavailableError:
            error = {"code": "unavailable", "message": "Try again in a moment.", "retry_after": 2.0}
        except Exception:
            _log.exception("connect failed")
            error = {"code": "unavailable", "message": "Something is wrong here.", "retry_after": 5.0}
        else:
            return True
        raise server.refused(error)

    return connect


def _disconnect(desk: VisitorDesk | AgentDesk) -> Callable[..., Awaitable[None]]:
    async def disconnect(sid: str, _reason: Any = None) -> None:
        await desk.leave(sid)

    return disconnect


def _event(desk: VisitorDesk | AgentDesk) -> Callable[..., Awaitable[dict[str, Any]]]:
    async def event(name: str, sid: str, *args: Any) -> dict[str, Any]:
        error: ErrorBody
        try:
            if len(args) != 1:
                raise Refusal("bad_request", "An event carries one object.")
            return await desk.handle(sid, name, args[0])
        except Refusal as refusal:
            error = refusal.body()
        except ValidationError as wrong:
            error = invalid(wrong)
        except DatabaseUnavailableError:
            error = {"code": "unavailable", "message": "Not stored. Try again in a moment.", "retry_after": 2.0}
        except Exception:
            _log.exception("event failed")
            error = {"code": "unavailable", "message": "Something is wrong here.", "retry_after": 5.0}
        return {"ok": False, "error": error}

    return event
