"""What a screen holds: a snapshot, changed by nothing but the events that followed it."""

from collections.abc import Iterable, Sequence
from typing import Any

import httpx

from tests.support.hub import HubProcess
from tests.support.visitor import Socket, visitor

VIEWS = ("mine", "queue", "bot", "all", "resolved")
State = dict[str, Any]


class Mirror:
    """Follows a socket's events from where it stands now."""

    def __init__(self, socket: Socket) -> None:
        self._events = socket.events
        self._next = len(socket.events)

    def news(self) -> list[tuple[str, Any]]:
        """Events since the last look."""
        new = self._events[self._next :]
        self._next += len(new)
        return new


def _newest(old: State | None, new: State) -> State:
    return new if old is None or new["rev"] >= old["rev"] else old


class Thread:
    """Messages of one conversation, and the conversation itself, as a visitor or an agent has them open."""

    def __init__(self, conversation: State | None, messages: Iterable[State]) -> None:
        self.conversation = conversation
        self.messages = {message["seq"]: message for message in messages}

    def apply(self, events: Iterable[tuple[str, Any]], only: str | None = None) -> None:
        """Take what was told; *only* is the conversation an agent has open."""
        for name, data in events:
            if name in ("message", "updated") and only in (None, data["conversation"]):
                self.messages[data["seq"]] = _newest(self.messages.get(data["seq"]), data)
            elif name == "conversation" and only in (None, data["id"]):
                self.conversation = _newest(self.conversation, data)

    def state(self) -> State:
        """To compare."""
        kept = [self.messages[seq] for seq in sorted(self.messages)]
        return {"conversation": self.conversation, "messages": kept}


class VisitorScreen:
    """One tab of the widget."""

    name = "visitor"

    def __init__(self, hub: HubProcess, socket: Socket) -> None:
        self._hub = hub
        self._mirror = Mirror(socket)
        self._thread = Thread(socket.ready["conversation"], socket.ready["messages"])
        self._token = socket.ready["token"]
        self._key = socket.auth["key"]

    def held(self) -> State:
        """What it shows by now."""
        self._thread.apply(self._mirror.news())
        return _shown(self._thread)

    async def fresh(self) -> State:
        """What it would show after a reload."""
        async with visitor(self._hub, self._token, key=self._key) as tab:
            return _shown(Thread(tab.ready["conversation"], tab.ready["messages"]))


def _shown(thread: Thread) -> State:
    """What a visitor can tell: messages bring the conversation's length, and its rev is for ``sync`` alone."""
    conversation = thread.conversation
    if conversation:
        length = max([conversation["last_seq"], *thread.messages])
        conversation = {**conversation, "last_seq": length, "rev": None}
    return {**thread.state(), "conversation": conversation}


class AgentThread:
    """One conversation open in the inbox."""

    name = "agent's thread"

    def __init__(self, desk: Socket, http: httpx.Client, conversation: str) -> None:
        self._mirror = Mirror(desk)
        self._http = http
        self._id = conversation
        self._thread = self._load()

    def _load(self) -> Thread:
        detail = self._http.get(f"/api/conversations/{self._id}").raise_for_status().json()
        return Thread(detail["conversation"], detail["messages"])

    def held(self) -> State:
        """What it shows by now."""
        self._thread.apply(self._mirror.news(), self._id)
        return self._thread.state()

    async def fresh(self) -> State:
        """What it would show after a reload."""
        return self._load().state()


class AgentList:
    """All views of one agent's list, with their counts."""

    name = "agent's list"

    def __init__(self, desk: Socket, http: httpx.Client) -> None:
        self._mirror = Mirror(desk)
        self._http = http
        self._me = http.get("/api/session").json()["id"]
        self._rows: dict[str, State] = {}
        for view in VIEWS:
            self._rows.update({item["id"]: item for item in self._page(view)["items"]})

    def _page(self, view: str) -> State:
        page: State = self._http.get("/api/conversations", params={"view": view}).raise_for_status().json()
        return page

    def held(self) -> State:
        """What it shows by now."""
        for name, data in self._mirror.news():
            if name == "conversation":
                self._rows[data["id"]] = _newest(self._rows.get(data["id"]), data)
        shown = {view: self._sorted(view) for view in VIEWS}
        return {**shown, "counts": {view: len(shown[view]) for view in VIEWS if view != "resolved"}}

    def _sorted(self, view: str) -> Sequence[State]:
        mine = [row for row in self._rows.values() if self._belongs(row, view)]
        if view == "queue":
            return sorted(mine, key=lambda row: (-row["priority"], row["waiting_since"], row["id"]))
        return sorted(mine, key=lambda row: (row["changed_at"], row["id"]), reverse=True)

    def _belongs(self, row: State, view: str) -> bool:
        owner = (row["assignee"] or {}).get("id")
        belongs: dict[str, bool] = {
            "mine": row["status"] in ("open", "snoozed") and owner == self._me,
            "queue": row["status"] == "open" and owner is None,
            "bot": row["status"] == "pending",
            "all": row["status"] != "resolved",
            "resolved": row["status"] == "resolved",
        }
        return belongs[view]

    async def fresh(self) -> State:
        """What it would show after a reload."""
        pages = {view: self._page(view) for view in VIEWS}
        return {**{view: page["items"] for view, page in pages.items()}, "counts": pages["all"]["counts"]}


class AgentColleagues:
    """Who of the others is there, as one agent sees it."""

    name = "agent's list of colleagues"

    def __init__(self, desk: Socket, http: httpx.Client) -> None:
        self._mirror = Mirror(desk)
        self._http = http
        self._me = http.get("/api/session").json()["id"]
        self._there = self._load()

    def _load(self) -> State:
        people = self._http.get("/api/agents").raise_for_status().json()
        return {person["id"]: person["availability"] for person in people if person["id"] != self._me}

    def held(self) -> State:
        """What it shows by now."""
        told = {data["agent"]: data["availability"] for name, data in self._mirror.news() if name == "presence"}
        self._there |= {agent: there for agent, there in told.items() if agent != self._me}
        return self._there

    async def fresh(self) -> State:
        """What it would show after a reload."""
        return self._load()


def differences(held: Any, fresh: Any, where: str = "") -> list[str]:
    """Where two states differ, as paths with both values."""
    if isinstance(held, dict) and isinstance(fresh, dict):
        keys = sorted({*held, *fresh})
        return [line for key in keys for line in differences(held.get(key), fresh.get(key), f"{where}.{key}")]
    if isinstance(held, list) and isinstance(fresh, list) and len(held) == len(fresh):
        pairs = enumerate(zip(held, fresh, strict=True))
        return [line for number, (a, b) in pairs for line in differences(a, b, f"{where}[{number}]")]
    return [] if held == fresh else [f"{where}: held {held!r}, fresh {fresh!r}"]
