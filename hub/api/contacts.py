"""HTTP of the customer record."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from hub.api.conversations import author
from hub.api.session import Guard
from hub.problems import Problem, StrictRoute
from hub.service import Hub
from hub.signin import Session
from models import records
from models.db import Database
from models.http import Contact, EditContact, LinkIdentity, Timeline
from models.records import Edit, Link
from models.wire import Attachment


def contact_routes(hub: Hub, db: Database, sign: Callable[[Attachment], str], guard: Guard) -> APIRouter:
    """Routes below ``/api/contacts``."""
    routes = APIRouter(prefix="/api/contacts", route_class=StrictRoute, tags=["contacts"])
    Reader = Annotated[Session, Depends(guard.may("read"))]
    Editor = Annotated[Session, Depends(guard.may("edit_contact"))]
    Linker = Annotated[Session, Depends(guard.may("link"))]

    async def find(contact: str) -> Contact:
        found = await db.read(records.contact, contact)
        if found is None:
            raise Problem("not_found", field="contact")
        return found

    @routes.get("/{contact}")
    async def show(contact: str, _session: Reader) -> Contact:
        """A customer record without its timeline."""
        return await find(contact)

    @routes.patch("/{contact}")
    async def edit(contact: str, session: Editor, said: EditContact) -> Contact:
        """Change the name, set or remove attributes."""
        arg = Edit(contact, said.name, dict(said.attributes), session.user.name)
        if not await db.write(records.edit, arg, contact):
            raise Problem("not_found", field="contact")
        if said.name is not None:
            await hub.refresh_contact(contact)
        return await find(contact)

    @routes.get("/{contact}/timeline")
    async def timeline(
        contact: str,
        _session: Reader,
        cursor: Annotated[str | None, Query(max_length=80, pattern=r"^[0-9]{1,15}-[0-9a-f]{32}-[0-9]{1,10}$")] = None,
    ) -> Timeline:
        """Every message of every channel, newest first."""
        await find(contact)
        items, more = await db.read(records.timeline, contact, cursor)
        for item in items:
            for file in item["attachments"]:
                file["url"] = sign(file) if file["state"] == "ready" else ""
        return {"items": items, "cursor": more}

    @routes.post("/{contact}/link")
    async def link(contact: str, session: Linker, said: LinkIdentity) -> Contact:
        """Say that an address belongs to this contact."""
        if not await hub.link(Link(said.identity, contact, author(session), said.reason)):
            raise Problem("conflict", field="identity")
        return await find(contact)

    @routes.post("/{contact}/unlink")
    async def unlink(contact: str, session: Linker, said: LinkIdentity) -> Contact:
        """Undo the latest link of an address."""
        if await hub.unlink(said.identity, author(session)) is None:
            raise Problem("conflict", field="identity")
        return await find(contact)

    return routes
