"""The receiving half of a client: one conversation's messages, exactly as they arrived."""

import asyncio
from collections.abc import Mapping
from typing import Any

from tests.faults.ledger import Heard
from tests.faults.line import Line


class Receiver:
    """Drops what it has, appends what follows, and asks for what is missing. *all_seqs*: an agent sees every seq."""

    def __init__(self, line: Line, conversation: str, refusals: list[str], *, all_seqs: bool = False) -> None:
        self.conversation = conversation
        self.heard: list[Heard] = []
        self.pushed = 0
        self._line = line
        self._refusals = refusals
        self._all_seqs = all_seqs
        self._rev = 0
        self._asking = asyncio.Lock()
        self._wanted = False

    @property
    def last(self) -> int:
        """The last seq it has."""
        return self.heard[-1].seq if self.heard else 0

    async def pushed_message(self, message: Mapping[str, Any]) -> None:
        """A ``message`` event; a gap before it makes us ask."""
        if message["seq"] <= self.last:
            return
        before = message["seq"] - 1 if self._all_seqs else message["prev"]
        if before > self.last:
            await self.sync()
            return
        self.pushed += 1
        self._keep(message)

    async def sync(self) -> None:
        """Ask for what is missing; whoever asks already asks once more for us."""
        self._wanted = True
        if not self._asking.locked():
            await self._ask()

    async def catch_up(self) -> None:
        """Return when everything that is stored by now is here."""
        self._wanted = True
        while True:
            if await self._ask():
                return
            await asyncio.sleep(0.1)

    async def _ask(self) -> bool:
        """Ask until nothing more is waiting; False if the line broke."""
        async with self._asking:
            try:
                while self._wanted:
                    self._wanted = False
                    self._wanted = await self._page() or self._wanted
            except (TimeoutError, ConnectionError):
                self._wanted = True
        return not self._wanted

    async def _page(self) -> bool:
        said = {"conversation": self.conversation, "after": self.last, "rev": self._rev}
        ack = await self._line.ask("sync", said)
        if not ack["ok"]:
            if ack["error"]["code"] != "rate_limited":
                self._refusals.append(ack["error"]["code"])
            await asyncio.sleep(ack["error"].get("retry_after", 0.2))
            return True
        self._rev = ack["rev"]
        for message in ack["messages"]:
            if message["seq"] > self.last:
                self._keep(message)
        return bool(ack["next"] and ack["messages"])

    def _keep(self, message: Mapping[str, Any]) -> None:
        self.heard.append(Heard(message["seq"], message["client_id"], message["sender"], message["text"]))
