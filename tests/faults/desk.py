"""An agent who has every conversation open."""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Any

import aiohttp

from tests.faults.line import Line, Pick
from tests.faults.receiver import Receiver


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a browser keeps of a sign-in."""

    user: str
    cookie: str
    csrf: str
    socket: str


class Desk:
    """Collects what an agent is told of every conversation; ``rows`` is their list."""

    def __init__(self, name: str, me: SignedIn, pick: Pick, http: aiohttp.ClientSession, random: Random) -> None:
        self.name = name
        self.me = me
        self.refusals: list[str] = []
        self.receivers: dict[str, Receiver] = {}
        self.rows: dict[str, dict[str, Any]] = {}
        self.line = Line(pick, "/agent", {"v": 1, "token": me.socket}, http, random, self._hear, self._up)
        self._pick = pick
        self._http = http

    async def run(self) -> None:
        """Stay connected."""
        await self.line.run()

    async def _up(self) -> None:
        """After a reconnect lists are fetched again, and open threads synced."""
        headers = {"Cookie": self.me.cookie}
        url = f"{self._pick()}/api/conversations"
        async with self._http.get(url, params={"view": "all"}, headers=headers) as answer:
            if answer.status != 200:
                raise ConnectionError
            page = await answer.json()
        for row in page["items"]:
            self._keep(row)
        await asyncio.gather(*(receiver.sync() for receiver in list(self.receivers.values())))

    async def keep_in_step(self) -> None:
        """Ask again where that failed."""
        while True:
            await asyncio.sleep(0.5)
            for receiver in list(self.receivers.values()):
                if receiver.wanting and self.line.connected:
                    await receiver.sync()

    def _keep(self, row: dict[str, Any]) -> None:
        known = self.rows.get(row["id"])
        if known is None or known["rev"] <= row["rev"]:
            self.rows[row["id"]] = row
        self._open(row["id"])

    def _open(self, conversation: str) -> Receiver:
        if conversation not in self.receivers:
            self.receivers[conversation] = Receiver(self.line, conversation, self.refusals, all_seqs=True)
        return self.receivers[conversation]

    async def _hear(self, event: str, data: Any = None) -> None:
        if event == "conversation":
            self._keep(data)
        elif event == "message":
            await self._open(data["conversation"]).pushed_message(data)
        elif event == "updated":
            self._open(data["conversation"]).updated(data)
