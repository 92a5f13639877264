"""Who of the agents is there and what they look at, in this process and in the others.

Each process says what its own agents do; hints carry that to the others and may be lost. Presence rows, written every
few seconds for whoever has a socket, are what remains then: an agent nobody spoke of is where their row says.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from models.wire import Author, Availability

LASTS = 25.0
"""Seconds a hint counts; a process repeats what it said more often than that."""
TOPIC = "agent"

Rows = Mapping[str, tuple[Availability, int]]
"""Agents with a recent sign of life: what they chose, and when it was written."""


@dataclass(frozen=True, slots=True)
class There:
    """An agent who has sockets in one process, and the conversations open on their screens."""

    name: str
    availability: Availability
    views: frozenset[str]
    until: float = math.inf


class Colleagues:
    """Keeps the picture, and tells this process's agents (``tell(event, data)``) what changes in it."""

    def __init__(self, tell: Callable[[str, Any], None], say: Callable[[str, Any], None]) -> None:
        self._tell = tell
        self._say = say
        self._there: dict[str, dict[str, There]] = {"": {}}
        self._rows: Rows = {}
        self._left: dict[str, int | None] = {}
        self._told: dict[str, Availability] = {}
        self.chosen: Callable[[str, Availability], None] = _nothing
        """Called when an agent of this process chose another availability elsewhere."""

    # --- agents of this process --------------------------------------------------------------------------------------

    def here(self, who: Author, availability: Availability, views: Iterable[str], *, chose: bool = False) -> None:
        """One of ours came, *chose* an availability, or opened something."""
        self._put("", who["id"], There(who["name"], availability, frozenset(views)))
        self._announce(who["id"], chose=chose)

    def gone(self, user: str) -> None:
        """The last socket of one of ours is gone."""
        self._drop("", user)
        self._say(TOPIC, {"user": user, "gone": True})

    def announce(self) -> None:
        """Repeat what our agents do: hints run out, and new processes have heard none."""
        for user in self._there[""]:
            self._announce(user)

    def _announce(self, user: str, *, chose: bool = False) -> None:
        mine = self._there[""][user]
        views = sorted(mine.views)
        hint = {"user": user, "name": mine.name, "availability": mine.availability, "views": views, "chose": chose}
        self._say(TOPIC, hint)

    # --- agents of others --------------------------------------------------------------------------------------------

    def heard(self, process: str, hint: Any) -> None:
        """Take a hint of another process."""
        user = hint["user"]
        if hint.get("gone"):
            self._drop(process, user)
            return
        until = asyncio.get_running_loop().time() + LASTS
        self._put(process, user, There(hint["name"], hint["availability"], frozenset(hint["views"]), until))
        if hint["chose"] and user in self._there[""]:
            self.chosen(user, hint["availability"])

    def look(self, rows: Rows) -> None:
        """Forget hints that ran out, and take what the presence rows say of agents nobody speaks of."""
        now = asyncio.get_running_loop().time()
        for process, agents in list(self._there.items()):
            for user in [user for user, there in agents.items() if there.until < now]:
                self._drop(process, user)
        for user, (chosen, written) in rows.items():
            if user in self._left and self._left[user] is None:
                self._left[user] = written
            elif user in self._left and self._left[user] != written:
                del self._left[user]
            mine, known = self._there[""].get(user), self._rows.get(user)
            if mine and known and known[0] == mine.availability != chosen:
                self.chosen(user, chosen)
        known_rows, self._rows = self._rows, rows
        for user in {*known_rows, *rows}:
            self._tell_presence(user)

    # --- the picture -------------------------------------------------------------------------------------------------

    def availability(self, user: str) -> Availability:
        """Where an agent is."""
        for agents in self._there.values():
            if user in agents:
                return agents[user].availability
        return self._rows[user][0] if user in self._rows and user not in self._left else "offline"

    def viewers(self, conversation: str) -> list[Author]:
        """Agents who have a conversation open."""
        found: dict[str, Author] = {}
        for agents in self._there.values():
            for user, there in agents.items():
                if conversation in there.views:
                    found[user] = {"id": user, "name": there.name}
        return list(found.values())

    def _put(self, process: str, user: str, there: There) -> None:
        agents = self._there.setdefault(process, {})
        before = agents[user].views if user in agents else frozenset()
        agents[user] = there
        self._left.pop(user, None)
        self._tell_change(user, before ^ there.views)

    def _drop(self, process: str, user: str) -> None:
        agents = self._there.get(process, {})
        there = agents.pop(user, None)
        if there is None:
            return
        if process and not agents:
            del self._there[process]
        self._left[user] = None
        self._tell_change(user, there.views)

    def _tell_change(self, user: str, views: Iterable[str]) -> None:
        for conversation in views:
            self._tell("viewing", {"conversation": conversation, "agents": self.viewers(conversation)})
        self._tell_presence(user)

    def _tell_presence(self, user: str) -> None:
        now = self.availability(user)
        if now != self._told.get(user, "offline"):
            self._told[user] = now
            self._tell("presence", {"agent": user, "availability": now})


def _nothing(_user: str, _availability: Availability) -> None:
    return None
