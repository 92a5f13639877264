"""The agents' list of conversations: five views, paged by cursor, with counts."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Integer, Select, and_, case, func, literal_column, or_, select

from models import views
from models.book import UNLOCKED
from models.tables import contacts, conversations, identities, messages
from models.wire import Summary, View

PAGE = 50
MOST = 100_000
"""Chats in a queue that anybody pages through."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One page of one agent's view; ``q`` searches names and texts."""

    view: View
    user: str
    cursor: str | None = None
    q: str = ""


def _shows(view: View, user: str) -> ColumnElement[bool]:
    status, owner = conversations.c.status, conversations.c.assignee_id
    match view:
        case "mine":
            return and_(status.in_(("open", "snoozed")), owner == user)
        case "queue":
            return and_(status == "open", owner.is_(None))
        case "bot":
            return status == "pending"
        case "resolved":
            return status == "resolved"
        case "all":
            return status != "resolved"


def page(conn: Connection, wanted: Wanted) -> tuple[list[Summary], str | None]:
    """Summaries and the cursor of the next page. The queue is longest waiting first, the rest latest change first."""
    query: Select[tuple[object, ...]] = UNLOCKED.where(_shows(wanted.view, wanted.user))
    if wanted.q:
        query = query.where(_finds(wanted.q))
    if wanted.view == "queue":
        return _queue_page(conn, query, wanted.cursor)
    if wanted.cursor:
        moment, _, last = wanted.cursor.partition("-")
        older = conversations.c.changed_at < int(moment)
        query = query.where(or_(older, and_(conversations.c.changed_at == int(moment), conversations.c.id < last)))
    query = query.order_by(conversations.c.changed_at.desc(), conversations.c.id.desc()).limit(PAGE + 1)
    rows = conn.execute(query).mappings().all()
    more = f"{rows[PAGE - 1]['changed_at']}-{rows[PAGE - 1]['id']}" if len(rows) > PAGE else None
    return [views.summary(row) for row in rows[:PAGE]], more


def _queue_page(
    conn: Connection, query: Select[tuple[object, ...]], cursor: str | None
) -> tuple[list[Summary], str | None]:
    skip = min(int(cursor.partition("-")[0]), MOST) if cursor else 0
    order = (conversations.c.priority.desc(), conversations.c.waiting_since, conversations.c.id)
    rows = conn.execute(query.order_by(*order).offset(skip).limit(PAGE + 1)).mappings().all()
    return [views.summary(row) for row in rows[:PAGE]], str(skip + PAGE) if len(rows) > PAGE else None


def _finds(q: str) -> ColumnElement[bool]:
    words = f"%{q.replace('!', '!!').replace('%', '!%').replace('_', '!_')}%"
    said: Select[int] = select(literal_column("1", Integer)).where(
        messages.c.conversation_id == conversations.c.id, messages.c.text.ilike(words, escape="!")
    )
    return or_(
        contacts.c.name.ilike(words, escape="!"),
        identities.c.address.ilike(words, escape="!"),
        contacts.c.email.ilike(words, escape="!"),
        said.exists(),
    )


def counts(conn: Connection, user: str) -> dict[str, int]:
    """Open conversations per view."""

    def tally(view: View) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((_shows(view, user), 1), else_=0)), 0)

    names: tuple[View, ...] = ("mine", "queue", "bot", "all")
    query = select(*(tally(name).label(name) for name in names)).where(conversations.c.status != "resolved")
    row = conn.execute(query).mappings().one()
    return {name: int(row[name]) for name in names}
