"""Who owns a chat when everybody reaches for it at once, and after they lost it."""

import asyncio
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, Self

import pytest
from sqlalchemy import Connection, bindparam, insert, select, update

from hub.routing import balanced
from models import ownership, users
from models.db import Database
from models.ownership import Act, Acted, AssignQueue
from models.receive import receive
from models.replies import Replied, Reply, reply
from models.tables import conversations, presence
from models.users import NewUser
from models.wire import Author, Availability
from tests.models.test_inv_log import processes
from tests.support.scale import scaled
from tests.support.stage import Stage

AGENTS = 20
CLAIMED = scaled(60, 4_000)
GIVEN = scaled(240, 4_000)
"""More than one look at the queue takes."""
ROUNDS = scaled(6, 200)
TRIES = 50
"""Stale tries of a round."""
pytestmark = pytest.mark.timeout(scaled(120, 1_800))


def team(stage: Stage, *, capacity: int = 2) -> list[Author]:
    """Twenty agents; the hub has just heard of each."""
    found = []
    for number in range(AGENTS):
        new = NewUser(f"{uuid.uuid4().hex}@shop.example", f"Agent {number}", "agent", capacity=capacity)
        user = stage.db.write_now(users.add, new)
        assert user is not None
        found.append(Author(id=user.id, name=user.name))
    online: dict[str, Availability] = {agent["id"]: "online" for agent in found}
    stage.db.write_now(users.beat, online)
    return found


def queue(stage: Stage, count: int) -> list[str]:
    """Chats that wait for a person, first in line first: by priority, then as they came."""
    stage.renew()
    random = Random(10)
    args = [stage.arg("a person, please", f"v:{uuid.uuid4().hex}") for _ in range(count)]
    with stage.db.writing.begin() as conn:
        came = [done.conversation for done in receive.run(conn, args)]
    order = [(-random.choice([0, 0, 1, 2]), at, chat) for at, chat in enumerate(came)]
    where = update(conversations).where(conversations.c.id == bindparam("chat"))
    values = [{"chat": chat, "priority": -before, "waiting_since": 1_000 + at} for before, at, chat in order]
    with stage.db.writing.begin() as conn:
        conn.execute(where, values)
    return [chat for _, _, chat in sorted(order)]


def owners(conn: Connection, inbox: str) -> list[tuple[str, str, str | None, int]]:
    """Id, status, owner and version of all chats, at one moment."""
    columns = (conversations.c.id, conversations.c.status, conversations.c.assignee_id, conversations.c.version)
    return [tuple(row) for row in conn.execute(select(*columns).where(conversations.c.inbox_id == inbox))]


async def test_twenty_agents_reach_for_the_same_chats(stage: Stage) -> None:
    """# INV-10: each chat has the one owner who was told so, whoever else tried at the same moment."""
    chats = queue(stage, CLAIMED)
    first = stage.row(chats[0])["version"]
    won: dict[str, list[str]] = {chat: [] for chat in chats}
    tries = 0

    async def work(db: Database, agent: Author, random: Random) -> None:
        nonlocal tries
        left = list(chats)
        while left:
            chat = left.pop(random.randrange(min(3, len(left))))
            tries += 1
            done = await db.write(ownership.act, Act("claim", chat, first, agent), chat)
            assert done.refused in (None, "stale")
            if done.refused is None:
                won[chat].append(agent["id"])

    with processes(stage.url, 2) as pair:
        await asyncio.gather(*(work(pair[n % 2], agent, Random(n)) for n, agent in enumerate(team(stage))))
    assert tries == AGENTS * CLAIMED
    assert {len(winners) for winners in won.values()} == {1}
    found = stage.db.read_now(owners, stage.inbox)
    assert sorted(found) == sorted((chat, "open", won[chat][0], first + 1) for chat in chats)


class Watch:
    """Looks at all chats in a tight loop, each time at one moment, and keeps what must not be."""

    def __init__(self, stage: Stage, line: Sequence[str], capacity: int) -> None:
        self.wrong: list[str] = []
        self.looks = 0
        self._stage = stage
        self._place = {chat: number for number, chat in enumerate(line)}
        self._capacity = capacity
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._over.is_set():
            time.sleep(0.002)
            rows = self._stage.db.read_now(owners, self._stage.inbox)
            self.looks += 1
            load: dict[str, int] = {}
            waiting: list[int] = []
            taken: list[int] = []
            for chat, status, owner, _ in rows:
                (waiting if status == "open" and owner is None else taken).append(self._place[chat])
                if status == "open" and owner is not None:
                    load[owner] = load.get(owner, 0) + 1
            if waiting and taken and max(taken) > min(waiting):
                self.wrong.append(f"{max(taken)} was taken before {min(waiting)}")
            self.wrong += [f"{owner} has {count}" for owner, count in load.items() if count > self._capacity]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join(60)


async def test_processes_give_out_one_queue(stage: Stage) -> None:
    """# INV-10: never above capacity, FIFO within priority, while processes assign at once and agents close chats."""
    capacity = 2
    line = queue(stage, GIVEN)
    team(stage, capacity=capacity)
    given: list[str] = []

    async def assign(db: Database) -> None:
        while len(given) < GIVEN:
            changes = await db.write(ownership.assign_queue, AssignQueue([stage.inbox], balanced), "queue")
            given.extend(change.conversation for change in changes)
            await asyncio.sleep(0.01)

    async def close(db: Database) -> None:
        closed = 0
        while closed < GIVEN:
            for chat, status, owner, version in await db.read(owners, stage.inbox):
                if status == "open" and owner is not None and closed < GIVEN:
                    by = Author(id=owner, name="Agent")
                    done = await db.write(ownership.act, Act("resolve", chat, version, by), chat)
                    closed += done.refused is None
            await db.write(_still_here, None, "presence")

    with processes(stage.url, 4) as opened, Watch(stage, line, capacity) as watch:
        await asyncio.gather(*map(assign, opened[:3]), close(opened[3]))
    assert watch.looks > 20
    assert watch.wrong == []
    assert sorted(given) == sorted(line), "each was given out once"


def _still_here(conn: Connection, _arg: None) -> None:
    here = conn.execute(select(presence.c.user_id)).scalars().all()
    users.beat(conn, dict.fromkeys(here, "online"))


async def test_who_lost_a_chat_changes_nothing(stage: Stage) -> None:
    """# INV-11: whatever the last owner tries under versions they saw, through two processes: refused."""
    stage.renew()
    chat = stage.say("a person, please", f"v:{uuid.uuid4().hex}").conversation
    assert not stage.act("claim", chat, by=0).refused
    accepted = 0
    with processes(stage.url, 2) as pair:
        for number in range(ROUNDS):
            loser, owner = number % 2, (number + 1) % 2
            lost = stage.row(chat)["version"]
            assert not stage.act("assign", chat, by=loser, to=stage.agents[owner]).refused
            before = stage.row(chat)
            late = [
                _late(stage, db, chat, lost - (n % 3 if n else 0), n, loser) for n, db in enumerate(pair * (TRIES // 2))
            ]
            right = pair[0].write(reply, _reply(stage, chat, lost + 1, owner), chat)
            *refused, replied = await asyncio.gather(*late, right)
            accepted += sum(done.refused is None for done in refused)
            assert {done.refused for done in refused} == {"stale"}
            assert replied.refused is None
            after = stage.row(chat)
            assert (after["version"], after["assignee_id"]) == (before["version"], stage.agents[owner]["id"])
            assert after["last_seq"] == before["last_seq"] + 1
    assert accepted == 0
    assert [m["author_id"] for m in stage.log(chat) if m["kind"] == "text" and m["sender"] == "agent"] == [
        stage.agents[(number + 1) % 2]["id"] for number in range(ROUNDS)
    ]


def _reply(stage: Stage, chat: str, version: int, by: int, text: str = "reply") -> Reply:
    return Reply(
        conversation=chat, by=stage.agents[by], client_id=uuid.uuid4().hex, kind="text", text=text, attachments=(),
        version=version, deliver=False, owner="owner",
    )  # fmt: skip


async def _late(stage: Stage, db: Database, chat: str, version: int, number: int, by: int) -> Acted | Replied:
    acts: Any = ("claim", "assign", "release", "hand_back", "resolve", "reopen", "snooze")
    if number % 2:
        return await db.write(reply, _reply(stage, chat, version, by, "too late"), f"{number}")
    act = Act(acts[number // 2 % len(acts)], chat, version, stage.agents[by], to=stage.agents[by], has_bot=True)
    return await db.write(ownership.act, act, f"{number}")


def test_chats_of_the_absent_are_given_back(stage: Stage) -> None:
    """# INV-12: a customer never waits for somebody who is gone, and never loses somebody who is there."""
    stage.renew()
    while stage.db.write_now(ownership.requeue_absent, None):
        pass
    here, gone = stage.agents[0], stage.agents[1]
    chats = {}
    for number, agent in enumerate((here, gone)):
        chats[agent["id"]] = stage.say("hello", f"v:{uuid.uuid4().hex}").conversation
        assert not stage.act("claim", chats[agent["id"]], by=number).refused
        stage.say("are you there", stage.row(chats[agent["id"]])["address"])
        waited = stage.row(chats[agent["id"]])["waiting_since"] - ownership.AWAY_AFTER
        stage.change(chats[agent["id"]], waiting_since=waited)
    seen: dict[str, Availability] = {here["id"]: "away", gone["id"]: "online"}
    stage.db.write_now(users.beat, seen)
    with aged(stage, gone, ownership.AWAY_AFTER - 5_000):
        assert stage.db.write_now(ownership.requeue_absent, None) == []
    before = stage.row(chats[gone["id"]])
    with aged(stage, gone, ownership.AWAY_AFTER + 1):
        (change,) = stage.db.write_now(ownership.requeue_absent, None)
    after = stage.row(change.conversation)
    assert (change.conversation, after["assignee_id"]) == (chats[gone["id"]], None)
    assert after["waiting_since"] == before["waiting_since"], "it keeps its place, at the front"
    assert stage.reply(change.conversation, by=1, version=before["version"]).refused == "stale"
    assert stage.row(chats[here["id"]])["assignee_id"] == here["id"]


@contextmanager
def aged(stage: Stage, agent: Author, milliseconds: int) -> Iterator[None]:
    """Let an agent's last sign of life be some time ago, by the database's clock."""
    mine = presence.c.user_id == agent["id"]
    with stage.db.writing.begin() as conn:
        kept = dict(conn.execute(select(presence).where(mine)).mappings().one())
        conn.execute(update(presence).where(mine).values(seen_at=kept["seen_at"] - milliseconds))
    yield
    with stage.db.writing.begin() as conn:
        conn.execute(presence.delete().where(mine))
        conn.execute(insert(presence), kept)
