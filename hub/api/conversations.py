"""HTTP of conversations: list, open, write, and change who owns them."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from hub.api.session import Guard
from hub.colleagues import Colleagues
from hub.emitter import place_agent
from hub.problems import Problem, StrictRoute
from hub.queueboard import QueueBoard
from hub.registry import LiveInbox, Registry
from hub.roles import may
from hub.service import Hub, Writing
from hub.signin import Session
from models import clock, lists, records, threads, users, views
from models.db import Database
from models.http import (
    Assign,
    Claim,
    ConversationDetail,
    ConversationPage,
    Counts,
    HandBack,
    MarkRead,
    MessagePage,
    Reopen,
    Resolve,
    Snooze,
    WriteMessage,
    Written,
)
from models.lists import Wanted
from models.ownership import Act
from models.text import clean, in_tree
from models.threads import Mark
from models.wire import AgentMessage, Author, Summary, View


def author(session: Session) -> Author:
    """Who acts, as messages and activities name them."""
    return {"id": session.user.id, "name": session.user.name}


def conversation_routes(
    hub: Hub,
    db: Database,
    registry: Registry,
    board: QueueBoard,
    colleagues: Colleagues,
    sign: Callable[[AgentMessage], AgentMessage],
    guard: Guard,
) -> APIRouter:
    """Routes below ``/api/conversations``."""
    routes = APIRouter(prefix="/api/conversations", route_class=StrictRoute, tags=["conversations"])
    Reader = Annotated[Session, Depends(guard.may("read"))]
    Writer = Annotated[Session, Depends(guard.may("note"))]
    Owner = Annotated[Session, Depends(guard.may("own"))]

    def placed(summary: Summary) -> Summary:
        place_agent(summary, board.place)
        return summary

    async def find(conversation: str) -> tuple[Any, LiveInbox]:
        row = await db.read(threads.find, conversation)
        live = registry.inbox(row["inbox_id"]) if row else None
        if row is None or live is None:
            raise Problem("not_found", field="conversation")
        return row, live

    async def act(conversation: str, session: Session, do: Any, version: int, **more: Any) -> Written:
        _, live = await find(conversation)
        done = await hub.act(live, Act(do, conversation, version, author(session), **more))
        if done.refused or done.change is None:
            raise Problem(done.refused or "conflict", field=done.field)
        told = done.change.summary
        return {
            "conversation": conversation,
            "seq": None,
            "version": told["version"],
            "rev": told["rev"],
            "status": told["status"],
            "duplicate": False,
        }

    @routes.get("")
    async def page(
        session: Reader,
        view: View = "queue",
        cursor: Annotated[str | None, Query(max_length=60, pattern=r"^[0-9]{1,15}(-[0-9a-f]{32})?$")] = None,
        q: Annotated[str, Query(max_length=100)] = "",
    ) -> ConversationPage:
        """One page of a view; search with ``q``."""
        wanted = Wanted(view, session.user.id, cursor, q.strip())
        items, more = await db.read(lists.page, wanted)
        tally = await db.read(lists.counts, session.user.id)
        counts: Counts = {"mine": tally["mine"], "queue": tally["queue"], "bot": tally["bot"], "all": tally["all"]}
        return {"items": [placed(item) for item in items], "cursor": more, "counts": counts}

    @routes.get("/{conversation}")
    async def detail(conversation: str, _session: Reader) -> ConversationDetail:
        """Everything to open a thread with."""
        found = await db.read(_detail, conversation)
        if found is None:
            raise Problem("not_found", field="conversation")
        placed(found["conversation"])
        for message in found["messages"]:
            sign(message)
        found["viewing"] = colleagues.viewers(conversation)
        return found

    @routes.get("/{conversation}/messages")
    async def older(conversation: str, _session: Reader, before: Annotated[int, Query(ge=1)]) -> MessagePage:
        """Messages before a seq, oldest first."""
        await find(conversation)
        found, more = await db.read(_older, conversation, before)
        return {"messages": [sign(message) for message in found], "older": more}

    @routes.post("/{conversation}/messages", status_code=201)
    async def write(conversation: str, session: Writer, said: WriteMessage, response: Response) -> Written:
        """Reply to the customer, or leave a note; a repeat with the same ``client_id`` changes nothing."""
        _, live = await find(conversation)
        if said.kind == "text" and not may(session.user.role, "reply"):
            raise Problem("forbidden", field="kind")
        writing = Writing(
            conversation=conversation,
            by=author(session),
            client_id=said.client_id,
            kind=said.kind,
            text=said.text,
            attachments=tuple(said.attachments),
            version=said.version,
        )
        done = await hub.reply(live, writing)
        if done.refused:
            raise Problem(done.refused, field=done.field)
        if done.duplicate:
            response.status_code = 200
        return {
            "conversation": conversation,
            "seq": done.seq,
            "version": done.version,
            "rev": done.rev,
            "status": done.status,
            "duplicate": done.duplicate,
        }

    @routes.post("/{conversation}/claim")
    async def claim(conversation: str, session: Owner, said: Claim) -> Written:
        """Take a chat over, from the queue, the bot or a colleague."""
        return await act(conversation, session, "claim", said.version)

    @routes.post("/{conversation}/assign")
    async def assign(conversation: str, session: Owner, said: Assign) -> Written:
        """Give a chat to a colleague, or back to the queue."""
        if said.agent is None:
            return await act(conversation, session, "release", said.version)
        colleague = await db.read(users.by_id, said.agent)
        if colleague is None or colleague.disabled:
            raise Problem("bad_request", "There is no such agent.", field="agent")
        to: Author = {"id": colleague.id, "name": colleague.name}
        return await act(conversation, session, "assign", said.version, to=to)

    @routes.post("/{conversation}/hand-back")
    async def hand_back(conversation: str, session: Owner, said: HandBack) -> Written:
        """Let the bot go on, with what the agent learned."""
        return await act(conversation, session, "hand_back", said.version, slots=in_tree(clean, said.slots))

    @routes.post("/{conversation}/resolve")
    async def resolve(conversation: str, session: Owner, said: Resolve) -> Written:
        """Close a chat; the customer is asked for a rating."""
        return await act(conversation, session, "resolve", said.version)

    @routes.post("/{conversation}/reopen")
    async def reopen(conversation: str, session: Owner, said: Reopen) -> Written:
        """Open a closed or snoozed chat again, for whoever asks."""
        return await act(conversation, session, "reopen", said.version)

    @routes.post("/{conversation}/snooze")
    async def snooze(conversation: str, session: Owner, said: Snooze) -> Written:
        """Put a chat aside until a time or until the customer writes."""
        try:
            until = clock.parse(said.until) if said.until else None
        except ValueError:
            raise Problem("bad_request", "Not an RFC 3339 time.", field="until") from None
        return await act(conversation, session, "snooze", said.version, until=until)

    @routes.post("/{conversation}/read", status_code=204)
    async def read(conversation: str, session: Reader, said: MarkRead) -> None:
        """The agent has read up to ``seq``."""
        await find(conversation)
        await hub.mark(Mark(conversation, said.seq, user=session.user.id))

    return routes


def _older(conn: Any, conversation: str, before: int) -> tuple[list[AgentMessage], bool]:
    return threads.before(conn, conversation, before, public=False)


def _detail(conn: Any, conversation: str) -> ConversationDetail | None:
    row = threads.find(conn, conversation)
    contact = records.contact(conn, row["contact_id"]) if row else None
    if row is None or contact is None:
        return None
    found, more = threads.latest(conn, conversation, public=False)
    return {
        "conversation": views.summary(row),
        "messages": found,
        "older": more,
        "brief": row["brief"],
        "contact": contact,
        "viewing": [],
    }
