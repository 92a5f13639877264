"""HTTP of inboxes: what screens need to know of each channel."""

from typing import Annotated

from fastapi import APIRouter, Depends

from hub.api.session import Guard
from hub.problems import StrictRoute
from hub.registry import LiveInbox, Registry
from hub.signin import Session
from hub.simulator import phone_of
from models.http import Inbox


def inbox_routes(registry: Registry, guard: Guard) -> APIRouter:
    """Route ``/api/inboxes``."""
    routes = APIRouter(prefix="/api/inboxes", route_class=StrictRoute, tags=["inboxes"])

    @routes.get("")
    async def listed(_session: Annotated[Session, Depends(guard.may("read"))]) -> list[Inbox]:
        """Every inbox, with its channel's traits."""
        return [_row(live) for live in registry.inboxes()]

    return routes


def _row(live: LiveInbox) -> Inbox:
    caps = live.channel.caps
    return {
        "id": live.id,
        "name": live.inbox.name,
        "channel": caps.label,
        "icon": caps.icon,
        "text_max": caps.text_max,
        "media_out": caps.media_out,
        "receipts": caps.receipts,
        "opt_out": caps.opt_out,
        "simulated": phone_of(live) is not None,
    }
