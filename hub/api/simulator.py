"""HTTP of the simulator: a development switch, and administrators only."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from channels import Phone
from hub.api.session import Guard
from hub.problems import Problem, StrictRoute
from hub.registry import LiveInbox, Registry
from hub.signin import Session
from hub.simulator import Simulator, Text, Texts, phone_of
from models.http import Simulate


def simulator_routes(simulator: Simulator, registry: Registry, guard: Guard) -> APIRouter:
    """Route ``/api/simulator/{inbox}``."""
    routes = APIRouter(prefix="/api/simulator", route_class=StrictRoute, tags=["simulator"])
    Admin = Annotated[Session, Depends(guard.may("simulate"))]
    Sender = Annotated[str, Query(pattern=r"^\+[1-9]\d{5,14}$")]

    def find(inbox: str) -> tuple[LiveInbox, Phone]:
        live = registry.inbox(inbox)
        phone = phone_of(live) if live else None
        if live is None or phone is None:
            raise Problem("not_found", "There is no such simulated inbox.", field="inbox")
        return live, phone

    @routes.post("/{inbox}", status_code=202)
    async def write(inbox: str, _session: Admin, said: Simulate) -> Text:
        """Text the inbox from a make-believe phone."""
        live, phone = find(inbox)
        return await simulator.write(live, phone, said.sender, said.text)

    @routes.get("/{inbox}")
    async def read(inbox: str, _session: Admin, sender: Sender) -> Texts:
        """What that phone shows."""
        return simulator.texts(find(inbox)[0], sender)

    return routes
