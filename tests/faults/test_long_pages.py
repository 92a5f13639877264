"""However long messages are, whoever missed them gets them, in answers that fit into a reader's buffer."""

import json
from typing import Any

import pytest
from sqlalchemy import update

from hub.fastpath import MAX_BYTES
from models.db import Database
from models.tables import messages
from tests.faults.engines.counter import PERSON
from tests.support.hub import HubProcess
from tests.support.raw import Raw, ready_of
from tests.support.visitor import Socket, agent, visitor

LONGEST = '"' * 8_000
"""Twice as long as JSON."""
COUNT = 150
"""More than one page."""


@pytest.fixture
async def talk(sqlite_hub: HubProcess) -> Socket:
    """A visitor who wrote very much."""
    async with visitor(sqlite_hub) as writer:
        await writer.say(PERSON)
        for number in range(COUNT):
            assert (await writer.say(f"{number}{LONGEST}"[:8_000]))["ok"]
        return writer


async def _all(raw: Raw, conversation: str, after: int, rev: int) -> dict[int, dict[str, Any]]:
    """What a screen at *after* and *rev* has missed, asked for as a browser does."""
    found: dict[int, dict[str, Any]] = {}
    for _ in range(40):
        ack = await raw.call("sync", {"conversation": conversation, "after": after, "rev": rev})
        assert ack["ok"], ack
        assert len(json.dumps(ack, ensure_ascii=False).encode()) < MAX_BYTES
        found.update({message["seq"]: message for message in (*ack["messages"], *ack["changed"])})
        before = (after, rev)
        after = max([after, *(message["seq"] for message in ack["messages"])])
        rev = max(rev, ack["rev"])
        if not ack["next"] or (after, rev) == before:
            return found
    raise AssertionError("no end of pages")


async def test_longest_messages_reach_their_reader(sqlite_hub: HubProcess, talk: Socket) -> None:
    """# INV-4, # INV-17: a new tab, one that was away, and an agent who was away."""
    last = max(message["seq"] for message in talk.heard("message"))
    conversation = talk.heard("message")[0]["conversation"]
    async with Raw(sqlite_hub.url) as tab:
        assert "sid" in await tab.connect({"v": 1, "key": "demo", "token": talk.ready["token"]})
        await tab.packet('42/visitor,["ready"')
        shown = [message["seq"] for message in ready_of(tab)["messages"]]
        assert shown == list(range(shown[0], last + 1))
        public = set(await _all(tab, conversation, 0, 0))
    assert public >= {message["seq"] for message in talk.heard("message")}
    async with Raw(sqlite_hub.url, "/agent") as desk:
        assert "sid" in await desk.connect(agent(sqlite_hub).auth)
        assert sorted(await _all(desk, conversation, 0, 0)) == list(range(1, last + 1))


async def test_all_that_changed_comes_in_pieces(sqlite_hub: HubProcess, talk: Socket) -> None:
    """# INV-17: whoever claims to know all messages and no change of them gets no answer without end."""
    database = Database(sqlite_hub.database_url)
    anew = update(messages).values(first_rev=None)  # as if from before it was noted what changes
    database.write_now(lambda conn, _: conn.execute(anew), None)
    database.close()
    last = max(message["seq"] for message in talk.heard("message"))
    conversation = talk.heard("message")[0]["conversation"]
    for namespace, auth in (("/visitor", talk.auth), ("/agent", agent(sqlite_hub).auth)):
        async with Raw(sqlite_hub.url, namespace) as raw:
            assert "sid" in await raw.connect(auth)
            found = await _all(raw, conversation, 2**31 - 1, 0)
            assert set(found) >= {message["seq"] for message in talk.heard("message")}
            assert max(found) == last
