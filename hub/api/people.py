"""``/api/agents``: colleagues, who is there, and how much they have to do."""

from fastapi import APIRouter, Depends

from hub.api.session import Guard
from hub.problems import StrictRoute
from models import users
from models.db import Database
from models.http import Agent


def people_routes(db: Database, guard: Guard) -> APIRouter:
    """Make the routes about people."""
    router = APIRouter(route_class=StrictRoute, tags=["people"])

    @router.get("/api/agents", dependencies=[Depends(guard.may("read"))])
    async def agents() -> list[Agent]:
        """List everybody who can answer."""
        return await db.read(users.agents)

    return router
