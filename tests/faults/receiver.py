"""The receiving half of a client: one conversation's messages, exactly as they arrived."""

import asyncio
from collections.abc import Mapping
from typing import Any

from tests.faults.ledger import Heard
from tests.faults.line import Line

RETRIED = frozenset({"rate_limited", "unavailable"})
"""Refusals that say "later"."""


class Receiver:
    """Drops what it has, appends what follows, and asks for what is missing. *all_seqs*: an agent sees every seq.

    It asks when the contract says so: after a reconnect and at a gap. ``strays`` are pushed messages that do not follow
    the one pushed before them on the same connection: the hub owes them in order and without gaps. ``states`` is what
    it shows of each message's delivery, by seq.
    """

    def __init__(self, line: Line, conversation: str, refusals: list[str], *, all_seqs: bool = False) -> None:
        self.conversation = conversation
        self.heard: list[Heard] = []
        self.strays: list[str] = []
        self.states: dict[int, str] = {}
        self.pushed = 0
        self._line = line
        self._refusals = refusals
        self.all_seqs = all_seqs
        self._rev = 0
        self._asking = asyncio.Lock()
        self._wanted = False
        self._told = (0, 0)
        self._revs: dict[int, int] = {}

    @property
    def last(self) -> int:
        """The last seq it has."""
        return self.heard[-1].seq if self.heard else 0

    @property
    def wanting(self) -> bool:
        """Whether the last attempt to catch up failed."""
        return self._wanted and not self._asking.locked()

    async def pushed_message(self, message: Mapping[str, Any]) -> None:
        """A ``message`` event; a gap before it makes us ask."""
        seq = message["seq"]
        before = seq - 1 if self.all_seqs else message["prev"]
        dial, told = self._told
        if dial == self._line.dials and before != told:
            self.strays.append(f"{self.conversation}: {seq} was pushed after {told}, not after {before}")
        self._told = (self._line.dials, seq)
        if seq <= self.last:
            return
        if before > self.last:
            await self.sync()
            return
        self.pushed += 1
        self._keep(message)

    def updated(self, message: Mapping[str, Any]) -> None:
        """An ``updated`` event, or what a sync says has changed: the newest is shown."""
        seq = message["seq"]
        if message["rev"] >= self._revs.get(seq, 0):
            self._revs[seq], self.states[seq] = message["rev"], message["state"]

    async def sync(self) -> None:
        """Ask for what is missing; whoever asks already asks once more for us."""
        self._wanted = True
        if self._asking.locked():
            return
        async with self._asking:
            try:
                while self._wanted:
                    self._wanted = False
                    self._wanted = await self._page() or self._wanted
            except (TimeoutError, ConnectionError):
                self._wanted = True

    async def _page(self) -> bool:
        after, rev = self.last, self._rev
        ack = await self._line.ask("sync", {"conversation": self.conversation, "after": after, "rev": rev})
        if not ack["ok"]:
            if ack["error"]["code"] not in RETRIED:
                self._refusals.append(ack["error"]["code"])
            await asyncio.sleep(min(1.0, ack["error"].get("retry_after", 0.2)))
            return True
        self._rev = ack["rev"]
        for message in ack["messages"]:
            if message["seq"] > self.last:
                self._keep(message)
        for message in ack["changed"]:
            self.updated(message)
        return bool(ack["next"] and (self.last > after or self._rev > rev))

    def _keep(self, message: Mapping[str, Any]) -> None:
        self.updated(message)
        self.heard.append(Heard(message["seq"], message["client_id"], message["sender"], message["text"]))
