"""Tells browsers what a commit changed, in order. An event is a hint: the log is the truth.

All publishing of a conversation goes through here, in rev order. A gap (another writer's commit is told late, or was
made by another process) is filled from the log before anything later is told.
"""

import asyncio
import itertools
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hub.notices import notices
from models import views
from models.book import Change
from models.db import DatabaseUnavailableError
from models.wire import AgentMessage, Attachment, Conversation, Summary

REMEMBERED = 20_000
"""Conversations whose last told rev is kept; the sweep keeps those that visitors have open among them."""
PATIENCE = 0.05
"""Seconds a gap may close by itself before the log is read."""
AT_ONCE = 200
"""Gaps filled by one reading of the log."""
RETRY = 1.0
"""Seconds until a gap that could not be read is read again."""
COALESCE = 0.1
"""Seconds in which several changes of one conversation become one summary for the agents' lists."""
LISTED = 100
"""Most summaries told at a time: nobody reads a thousand a second, and a burst would fill a slow agent's line."""

_log = logging.getLogger("frontdesk.emitter")


class Publisher(Protocol):
    """Where events go: this process's sockets. Never waits for a recipient."""

    def hears(self, identity: str) -> bool:
        """Whether a visitor has a tab here."""

    def to_visitor(self, identity: str, event: str, data: Any) -> None:
        """To every tab of one visitor."""

    def to_agents(self, event: str, data: Any) -> None:
        """To every agent who is signed in."""

    def to_agent(self, user: str, event: str, data: Any) -> None:
        """To every tab of one agent."""


_View = tuple[str, str | None, str | None, int | None, int, int | None]


@dataclass(slots=True)
class _Told:
    rev: int
    seq: int
    view: "_View | None" = None
    """The visitor's view as last told; None if a newcomer may have been shown another since."""
    filling: bool = False
    heard: int = 0
    """Highest rev anybody spoke of: a fill that read too early for it is done again."""


Place = Callable[[str], int | None]
"""Position of a waiting conversation, as the queue was last looked at."""


def place_visitor(view: Conversation, place: Place) -> None:
    """Fill in a visitor's position; only who waits has one."""
    waits = view["status"] == "open" and view["agent"] is None
    view["queue_position"] = place(view["id"]) if waits else None


def place_agent(summary: Summary, place: Place) -> None:
    """The same in a row of the agents' list."""
    waits = summary["status"] == "open" and summary["assignee"] is None
    summary["queue_position"] = place(summary["id"]) if waits else None


Fill = Callable[[Mapping[str, int]], Awaitable[Mapping[str, Change]]]
"""Reads what changed in conversations after the revs they were told at; those that are gone are left out."""


class Emitter:
    """Publishes changes of conversations to visitors and agents."""

    def __init__(
        self,
        out: Publisher,
        fill: Fill,
        sign: Callable[[Attachment], str],
        place: Place,
    ) -> None:
        self._out = out
        self._fill = fill
        self._sign = sign
        self._place = place
        self._told: OrderedDict[str, _Told] = OrderedDict()
        self._shown: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._listed: dict[str, Change] = {}
        self._gaps: dict[str, _Told] = {}
        self._filler: asyncio.Task[None] | None = None
        self.followed: Callable[[str, str], None] = _nothing
        """Called with a visitor and their conversation, which another process may have opened."""
        self.noted: Callable[[int, bool], None] = _nothing
        """Called with the moment of a change that was told, and whether it came from the log."""

    def tell(self, change: Change) -> None:
        """Publish one commit's change; call it without awaiting anything after the write has returned."""
        told = self._told.get(change.conversation)
        if told is None:
            told = self._begin(change.conversation, change.before, change.row["last_seq"] - len(change.messages))
        if change.rev <= told.rev:
            return
        if change.before > told.rev:
            self._catch_up(change.conversation, told, change.rev)
            return
        self._publish(change, told)
        self.noted(change.row["changed_at"], False)

    def heard(self, conversation: str, rev: int, base: tuple[int, int] | None = None) -> None:
        """Another process raised a conversation to *rev*: tell from the log what was not told here yet.

        *base* is the rev and the last seq before that, for a conversation of which nothing was told here so far.
        Without it only what visitors were shown counts.
        """
        told = self._told.get(conversation)
        if told is None:
            shown = self._shown.get(conversation)
            if base is None and (shown is None or shown[0] >= rev):
                return
            told = self._begin(conversation, *(base or (rev, 0)))
        self._told.move_to_end(conversation)
        if rev > told.rev:
            self._catch_up(conversation, told, rev, patience=0.0)

    def shown(self, conversation: str, rev: int, seq: int) -> None:
        """A visitor's screen was given a conversation as of *rev*: what comes after that is news to it."""
        if conversation not in self._told:
            self._shown.setdefault(conversation, (rev, seq))
            if len(self._shown) > REMEMBERED:
                self._shown.popitem(last=False)

    def knows(self, conversation: str) -> bool:
        """Whether something of a conversation was told here."""
        return conversation in self._told

    def forget(self, conversation: str) -> None:
        """Nobody here listens to a conversation that moves elsewhere: whoever comes starts from what they are shown."""
        told = self._told.get(conversation)
        if told and not told.filling:
            del self._told[conversation]

    def _begin(self, conversation: str, rev: int, seq: int) -> _Told:
        """Tell a conversation from *rev* on, or from what the screen was shown that is furthest behind."""
        shown = self._shown.pop(conversation, None)
        told = self._told[conversation] = _Told(*min((rev, seq), shown or (rev, seq)))
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return told

    def place(self, conversation: str) -> int | None:
        """Position of a waiting conversation in the queue."""
        return self._place(conversation)

    def sign(self, message: AgentMessage) -> AgentMessage:
        """Give a message's files their addresses."""
        for file in message["attachments"]:
            if file["state"] == "ready":
                file["url"] = self._sign(file)
        return message

    def _publish(self, change: Change, told: _Told) -> None:
        for message in change.messages:
            self._send("message" if message["seq"] > told.seq else "updated", change.identity, message)
            told.seq = max(told.seq, message["seq"])
        for message in change.updated:
            self._send("updated", change.identity, message)
        for message in change.read:
            self._out.to_agents("updated", self.sign(message))
        told.rev = change.rev
        for user, notice in notices(change):
            if user is None:
                self._out.to_agents("notification", notice)
            else:
                self._out.to_agent(user, "notification", notice)
        self._view(change, told)
        self._list(change)

    def _view(self, change: Change, told: _Told) -> None:
        """Tell the visitor what changed of the conversation itself: its rev and length come with the messages."""
        row = change.row
        place = self._place(change.conversation) if row["status"] == "open" else None
        shown = (row["status"], row["assignee_id"], row["assignee_name"], place, row["seen_by_agents"], row["rating"])
        if shown != told.view:
            told.view = shown
            place_visitor(change.view, self._place)
            self._out.to_visitor(change.identity, "conversation", change.view)

    def _send(self, event: str, identity: str, message: AgentMessage) -> None:
        self.sign(message)
        self._out.to_agents(event, message)
        if message["public"] and self._out.hears(identity):
            self._out.to_visitor(identity, event, views.for_visitor(message))

    def _list(self, change: Change) -> None:
        """Tell the agents' lists, at most once per conversation in a moment."""
        if not self._listed:
            asyncio.get_running_loop().call_later(COALESCE, self._flush)
        self._listed[change.conversation] = change

    def _flush(self) -> None:
        """Tell what has waited longest; what changes again meanwhile keeps its place."""
        due = list(itertools.islice(self._listed, LISTED))
        if len(self._listed) > len(due):
            asyncio.get_running_loop().call_later(COALESCE, self._flush)
        for conversation in due:
            change = self._listed.pop(conversation)
            place_agent(change.summary, self._place)
            self._out.to_agents("conversation", change.summary)

    def _catch_up(self, conversation: str, told: _Told, rev: int, *, patience: float = PATIENCE) -> None:
        told.heard = max(told.heard, rev)
        told.view = None
        if told.filling:
            return
        told.filling = True
        if patience:
            asyncio.get_running_loop().call_later(patience, self._want, conversation, told)
        else:
            self._want(conversation, told)

    def _want(self, conversation: str, told: _Told) -> None:
        """Have a gap filled, together with whatever other gaps there are, unless it has closed by itself."""
        if told.rev >= told.heard:
            told.filling = False
            return
        self._gaps[conversation] = told
        if self._filler is None:
            self._filler = asyncio.create_task(self._fill_gaps())

    async def _fill_gaps(self) -> None:
        while self._gaps:
            gaps = dict(itertools.islice(self._gaps.items(), AT_ONCE))
            for conversation in gaps:
                del self._gaps[conversation]
            try:
                found = await self._fill({conversation: told.rev for conversation, told in gaps.items()})
            except Exception as error:
                if not isinstance(error, DatabaseUnavailableError):
                    _log.exception("%d gaps were not filled: %s …", len(gaps), next(iter(gaps)))
                self._later(gaps)
                continue
            for conversation, told in gaps.items():
                self._filled(conversation, told, found.get(conversation))
        self._filler = None

    def _later(self, gaps: Mapping[str, _Told]) -> None:
        """Try again in a while, or as soon as anything else is told of them."""
        for conversation, told in gaps.items():
            told.filling = False
            asyncio.get_running_loop().call_later(RETRY, self._catch_up, conversation, told, told.heard)

    def _filled(self, conversation: str, told: _Told, whole: Change | None) -> None:
        told.filling = False
        if whole is None:
            return
        moved = whole.rev > told.rev
        if moved:
            if whole.view["status"] != "resolved":
                self.followed(whole.identity, whole.conversation)
            self._publish(whole, told)
            self.noted(whole.row["changed_at"], True)
        if told.rev < told.heard:
            self._catch_up(conversation, told, told.heard, patience=0.0 if moved else PATIENCE)


def _nothing(_one: Any, _other: Any) -> None:
    return None
