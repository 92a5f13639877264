"""An agent at work, by HTTP: answers customers, takes chats and gives them back, now and then on old knowledge."""

import asyncio
import contextlib
from random import Random
from typing import Any

import aiohttp

from tests.faults.desk import Desk
from tests.faults.ledger import Ack
from tests.faults.line import PATIENCE, Pick
from tests.faults.owners import Written

STALE = 0.15
"""Share of writes that name an old fencing number on purpose."""
LATER = frozenset({429, 500, 502, 503})


class Clerk:
    """Works on what its desk shows. ``acks``: its replies that are stored; ``written``: every write that was taken."""

    def __init__(self, desk: Desk, pick: Pick, http: aiohttp.ClientSession, random: Random) -> None:
        self.acks: list[Ack] = []
        self.written: list[Written] = []
        self.refused = 0
        self.resent = 0
        self.absorbed = 0
        self._desk = desk
        self._pick = pick
        self._http = http
        self._random = random
        self._count = 0

    async def work(self, pause: tuple[float, float]) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(self._random.uniform(*pause))
            rows = list(self._desk.rows.values())
            mine = [row for row in rows if (row["assignee"] or {}).get("id") == self._desk.me.user]
            if mine and self._random.random() < 0.8:
                row = self._random.choice(mine)
                await (self._reply(row) if self._random.random() < 0.75 else self._give_away(row))
            elif queued := [row for row in rows if row["status"] == "open" and row["assignee"] is None]:
                await self._reply(self._random.choice(queued))
            elif rows and self._random.random() < 0.5:
                await self._move(self._random.choice(rows), "claim")

    def _version(self, row: dict[str, Any]) -> int:
        return max(1, int(row["version"]) - (self._random.random() < STALE))

    async def _give_away(self, row: dict[str, Any]) -> None:
        if self._random.random() < 0.8:
            await self._move(row, "hand-back", slots={})
        else:
            await self._move(row, "assign", agent=None)

    async def _move(self, row: dict[str, Any], what: str, **said: Any) -> None:
        """Once: who does not hear how it ended looks again."""
        named = self._version(row)
        answer = await self._post(row["id"], what, {"version": named, **said})
        if answer:
            self._note(row["id"], what, named, answer)

    async def _reply(self, row: dict[str, Any]) -> None:
        """Until it is known whether it is stored: the key makes a repeat harmless."""
        number, self._count = self._count, self._count + 1
        text = f"{self._desk.name} {number}"
        said: dict[str, Any] = {"client_id": text.replace(" ", "-"), "text": text, "version": self._version(row)}
        while (answer := await self._post(row["id"], "messages", said)) is None:
            self.resent += 1
            await asyncio.sleep(0.2)
        if not answer:
            return
        self.acks.append(Ack(said["client_id"], row["id"], answer["seq"]))
        self.absorbed += answer["duplicate"]
        if not answer["duplicate"]:
            self._note(row["id"], "reply", said["version"], answer)

    def _note(self, conversation: str, what: str, named: int, answer: dict[str, Any]) -> None:
        self.written.append(Written(self._desk.name, conversation, what, named, answer["version"]))

    async def _post(self, conversation: str, what: str, said: dict[str, Any]) -> dict[str, Any] | None:
        """The answer; empty if it was refused, None if nobody knows."""
        me = self._desk.me
        url = f"{self._pick()}/api/conversations/{conversation}/{what}"
        headers = {"Cookie": me.cookie, "X-CSRF-Token": me.csrf}
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, ConnectionError):
            async with self._http.post(url, json=said, headers=headers, timeout=timeout) as answer:
                if answer.status in LATER:
                    return None
                body: dict[str, Any] = await answer.json()
                if answer.ok:
                    return body
                self.refused += 1
                return {}
        return None
