"""The use cases: one method is one transaction, then everybody is told. Nothing here knows a channel or a socket."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

from hub.aftermath import Aftermath
from hub.registry import LiveInbox, Registry
from models import consents, deliveries, ownership, receive, records, replies, threads
from models.consents import Given
from models.db import Database
from models.deliveries import News
from models.inbound import Inbound, StatusUpdate
from models.ownership import Act, Acted
from models.people import owner_key
from models.receive import Receive, Received
from models.replies import Replied, Reply
from models.text import MAX_TEXT, clean
from models.threads import Mark, Noted, Rating
from models.wire import Author, Consent, Page

_log = logging.getLogger("frontdesk.hub")


@dataclass(frozen=True, slots=True)
class Writing:
    """What an agent writes, before the hub adds what it knows."""

    conversation: str
    by: Author
    client_id: str
    kind: str
    text: str
    attachments: tuple[str, ...]
    version: int


class Hub:
    """What can be done here."""

    def __init__(
        self,
        db: Database,
        registry: Registry,
        aftermath: Aftermath,
        keep_text: Callable[[str, str], Awaitable[str]],
        owner: str,
    ) -> None:
        self._db = db
        self._registry = registry
        self._aftermath = aftermath
        self._keep_text = keep_text
        self._owner = owner

    async def receive(self, live: LiveInbox, inbound: Inbound) -> Received:
        """Store what a customer said, once; returns after the commit."""
        mine = owner_key(live.id, inbound.address)
        return await self.hear(live, await self._shortened(_tidy(inbound), mine), mine)

    async def hear(self, live: LiveInbox, inbound: Inbound, identity: str) -> Received:
        """The same for a browser, whose words are clean and short already, and whose identity is known."""
        arg = Receive(
            inbox_id=live.id,
            inbound=inbound,
            owner=self._owner,
            has_bot=self._registry.has_bot(live.id),
            reopen_hours=live.inbox.reopen_hours,
            resolves_menus=not live.channel.caps.buttons,
        )
        result = await self._db.write(receive.receive, arg, identity)
        self._aftermath.of(result.change)
        return result

    async def _shortened(self, inbound: Inbound, owner: str) -> Inbound:
        """Keep a text that is too long whole as an attachment, and its beginning as the message."""
        if len(inbound.text) <= MAX_TEXT:
            return inbound
        whole = await self._keep_text(owner, inbound.text)
        changes = {"text": inbound.text[:MAX_TEXT], "attachments": [*inbound.attachments, whole]}
        return inbound.model_copy(update=changes)

    async def status(self, live: LiveInbox, update: StatusUpdate) -> None:
        """Take a provider's news about a message we sent."""
        arg = News(live.id, update.external_id, update.state, update.code)
        self._aftermath.of(await self._db.write(deliveries.news, arg, live.id))

    async def reply(self, live: LiveInbox, writing: Writing) -> Replied:
        """Store an agent's reply or note; a reply takes the chat over if nobody owns it."""
        arg = Reply(
            conversation=writing.conversation,
            by=writing.by,
            client_id=writing.client_id,
            kind="note" if writing.kind == "note" else "text",
            text=writing.text,
            attachments=writing.attachments,
            version=writing.version,
            deliver=live.delivers,
            owner=self._owner,
        )
        result = await self._db.write(replies.reply, arg, writing.conversation)
        self._aftermath.of(result.change)
        return result

    async def act(self, live: LiveInbox, act: Act) -> Acted:
        """Change who owns a conversation, or its status; refused as stale if somebody was faster."""
        whole = replace(act, has_bot=self._registry.has_bot(live.id))
        result = await self._db.write(ownership.act, whole, act.conversation)
        self._aftermath.of(result.change)
        return result

    async def mark(self, mark: Mark) -> int | None:
        """Raise a read mark; return the seq if it rose."""
        change = await self._db.write(threads.mark, mark, mark.conversation)
        self._aftermath.of(change)
        return min(mark.seq, change.summary["last_seq"]) if change else None

    async def rate(self, rating: Rating) -> bool:
        """Keep a visitor's rating."""
        change = await self._db.write(threads.rate, rating, rating.conversation)
        self._aftermath.of(change)
        return change is not None

    async def end(self, conversation: str, identity: str) -> bool:
        """A visitor closes their conversation."""
        change = await self._db.write(threads.end, (conversation, identity), conversation)
        self._aftermath.of(change)
        return change is not None

    async def consent(self, live: LiveInbox, address: str, proven: bool, language: str | None, said: Consent) -> None:
        """A visitor grants or withdraws a purpose."""
        evidence = {"by": "visitor", "where": live.inbox.name}
        given = Given(live.id, address, proven, language, said.purpose, said.granted, evidence)
        await self._db.write(consents.record, given, owner_key(live.id, address))

    async def link(self, link: records.Link) -> bool:
        """An agent says that an address belongs to a contact; the agents' lists follow."""
        if not await self._db.write(records.link, link, link.identity):
            return False
        await self._refresh(link.identity, "linked", link.by)
        return True

    async def unlink(self, identity: str, by: Author) -> str | None:
        """Undo the latest link of an identity."""
        contact = await self._db.write(records.unlink, identity, identity)
        if contact:
            await self._refresh(identity, "unlinked", by)
        return contact

    async def refresh_contact(self, contact: str) -> None:
        """A contact's name changed: tell the lists."""
        for conversation in await self._db.read(records.conversations_of_contact, contact):
            self._aftermath.of(await self._db.write(threads.touch, conversation, conversation))

    async def _refresh(self, identity: str, what: Literal["linked", "unlinked"], by: Author) -> None:
        """Log it in the latest conversation; the others change only their contact."""
        mine = await self._db.read(records.conversations_of, identity)
        for conversation in mine[1:]:
            self._aftermath.of(await self._db.write(threads.touch, conversation, conversation))
        for conversation in mine[:1]:
            arg = Noted(conversation, what, by)
            self._aftermath.of(await self._db.write(threads.note_activity, arg, conversation))


def _tidy(inbound: Inbound) -> Inbound:
    """Clean text at the edge; keep a page without its query and fragment."""
    text = clean(inbound.text)
    changes: dict[str, object] = {}
    if text != inbound.text:
        changes["text"] = text
    if inbound.page:
        changes["page"] = tidy_page(inbound.page)
    return inbound.model_copy(update=changes) if changes else inbound


def tidy_page(page: Page) -> Page:
    """The page's address without query and fragment: they may hold names and tokens."""
    return Page(url=_bare(page.url), title=page.title, referrer=_bare(page.referrer))


def _bare(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https"):
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))[:1_000]
