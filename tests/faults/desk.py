"""An agent who has every conversation open."""

import asyncio
from random import Random
from typing import Any

import aiohttp

from tests.faults.line import Line
from tests.faults.receiver import Receiver


class Desk:
    """Collects what an agent is told of every conversation. *cookie* and *token* are those of a signed-in agent."""

    name = "agent"

    def __init__(self, url: str, cookie: str, token: str, http: aiohttp.ClientSession, random: Random) -> None:
        self.refusals: list[str] = []
        self.receivers: dict[str, Receiver] = {}
        self.line = Line(url, "/agent", {"v": 1, "token": token}, http, random, self._hear, self._up)
        self._url = url
        self._cookie = cookie
        self._http = http

    async def run(self) -> None:
        """Stay connected."""
        await self.line.run()

    async def _up(self) -> None:
        """After a reconnect lists are fetched again, and open threads synced."""
        query = {"view": "all"}
        headers = {"Cookie": self._cookie}
        async with self._http.get(f"{self._url}/api/conversations", params=query, headers=headers) as answer:
            page = await answer.json()
        for item in page["items"]:
            self._open(item["id"])
        await self.sync()

    async def sync(self) -> None:
        """Catch up with every thread."""
        for receiver in list(self.receivers.values()):
            await receiver.sync()

    async def keep_in_step(self) -> None:
        """Sync each second, in turn: an agent may ask ten times a second."""
        while True:
            await asyncio.sleep(1.5)
            if self.line.connected:
                await self.sync()

    def _open(self, conversation: str) -> Receiver:
        if conversation not in self.receivers:
            self.receivers[conversation] = Receiver(self.line, conversation, self.refusals, all_seqs=True)
        return self.receivers[conversation]

    async def _hear(self, event: str, data: Any = None) -> None:
        if event == "conversation":
            self._open(data["id"])
        elif event == "message":
            await self._open(data["conversation"]).pushed_message(data)
