"""Whatever people, customers, the bot and the clock do to conversations, ownership stays whole (INV-10, INV-11)."""

import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from hub.routing import balanced
from models import answers, ownership, users
from models.answers import BotAnswer
from models.ownership import Alarm, AssignQueue
from models.tables import conversations, messages, outbox
from models.turns import Answer, BotMessage, HandOver
from tests.support.scale import scaled
from tests.support.stage import ROOM, Stage

AGENTS = st.integers(0, 2)
OWNED = ("status", "assignee_id")
ACTIONS = st.sampled_from(["claim", "assign", "release", "hand_back", "resolve", "reopen", "snooze"])


class Ownership(RuleBasedStateMachine):
    """Four visitors who wait, three agents with room for two chats each, one bot."""

    stage: Stage
    chats = Bundle("chats")

    def __init__(self) -> None:
        super().__init__()
        self.stage.renew()
        self.people = [f"v:{uuid.uuid4().hex}" for _ in range(4)]
        self.last: dict[str, dict[str, Any]] = {}

    @initialize(target=chats)
    def first(self) -> Any:
        return multiple(*(self.stage.say("hello", who).conversation for who in self.people))

    # --- what happens --------------------------------------------------------------------------------------------

    @rule(target=chats, who=st.integers(0, 3), has_bot=st.booleans())
    def customer_writes(self, who: int, has_bot: bool) -> Any:
        done = self.stage.say("more", self.people[who], has_bot=has_bot)
        assert done.refused is None
        known = done.conversation in self.last
        assert self.stage.row(done.conversation)["status"] != "resolved"
        return multiple() if known else done.conversation

    @rule(chat=chats, do=ACTIONS, by=AGENTS, to=AGENTS, has_bot=st.booleans())
    def agent_acts(self, chat: str, do: str, by: int, to: int, has_bot: bool) -> None:
        before = self.stage.row(chat)
        done = self.stage.act(do, chat, by=by, to=self.stage.agents[to], has_bot=has_bot)
        after = self.stage.row(chat)
        if done.refused:
            assert done.refused == "conflict"
            assert after == before
            return
        assert after["version"] == before["version"] + 1
        owner = {"claim": by, "reopen": by, "assign": to}.get(do)
        if owner is not None:
            assert (after["status"], after["assignee_id"]) == ("open", self.stage.agents[owner]["id"])
        expected = {"release": "open", "hand_back": "pending", "resolve": "resolved", "snooze": "snoozed"}
        assert after["status"] == expected.get(do, "open")

    @rule(chat=chats, by=AGENTS)
    def agent_replies(self, chat: str, by: int) -> None:
        before = self.stage.row(chat)
        done = self.stage.reply(chat, by=by)
        after = self.stage.row(chat)
        me = self.stage.agents[by]["id"]
        if done.refused:
            assert done.refused == ("conflict" if before["status"] == "resolved" else "forbidden")
            assert before["assignee_id"] != me
            assert after == before
        else:
            assert (after["status"], after["assignee_id"], after["waiting_since"]) == ("open", me, None)

    @rule(chat=chats, do=ACTIONS, by=AGENTS, late=st.integers(1, 3), has_bot=st.booleans())
    def late_agent(self, chat: str, do: str, by: int, late: int, has_bot: bool) -> None:
        """# INV-11: who names an older version changes nothing, whatever they try."""
        before = self.stage.row(chat)
        for version in (before["version"] - late, before["version"] + late):
            done = self.stage.act(do, chat, by=by, version=version, to=self.stage.agents[0], has_bot=has_bot)
            assert done.refused == "stale"
            assert self.stage.reply(chat, by=by, version=version).refused == "stale"
        assert self.stage.row(chat) == before

    @rule(chat=chats, late=st.booleans(), wish=st.booleans(), failed=st.booleans(), fallback=st.booleans())
    def bot_answers(self, chat: str, late: bool, wish: bool, failed: bool, fallback: bool) -> None:
        before = self.stage.row(chat)
        with self.stage.db.reading.connect() as conn:
            mine = (outbox.c.conversation_id == chat) & (outbox.c.kind == "turn")
            turn = conn.execute(select(outbox.c.id, outbox.c.seq).where(mine).order_by(outbox.c.seq)).first()
        if turn is None:
            return
        answer = Answer(
            messages=[BotMessage(text="yes")], fallback=fallback, hand_over=HandOver(reason="asked") if wish else None
        )
        given = BotAnswer(
            turn.id,
            chat,
            turn.seq,
            before["version"] - late,
            answer,
            "m1",
            {"id": "b", "name": "Bot"},
            False,
            "o",
            failed,
        )
        done = self.stage.db.write_now(answers.answer, given)
        again = self.stage.db.write_now(answers.answer, given)
        after = self.stage.row(chat)
        assert again.dropped
        assert done.dropped == (late or before["status"] != "pending")
        if done.dropped:
            assert after == before
        elif wish:
            assert (after["status"], after["assignee_id"]) == ("open", None)

    @rule(here=st.sets(AGENTS))
    def queue_is_given_out(self, here: set[int]) -> None:
        everybody = {agent["id"]: "away" for agent in self.stage.agents}
        online = {self.stage.agents[index]["id"]: "online" for index in here}
        self.stage.db.write_now(users.beat, {**everybody, **online})  # type: ignore[arg-type]  # literal availabilities
        changes = self.stage.db.write_now(ownership.assign_queue, AssignQueue([self.stage.inbox], balanced))
        for change in changes:
            who = self.stage.row(change.conversation)["assignee_id"]
            assert who in online
            assert self._load(who) <= ROOM
        if any(chat in self.last for chat in self.stage.db.read_now(ownership.queue)):
            assert all(self._load(agent) >= ROOM for agent in online)

    def _load(self, agent: str) -> int:
        mine = (conversations.c.assignee_id == agent) & (conversations.c.status == "open")
        with self.stage.db.reading.connect() as conn:
            return len(conn.execute(select(conversations.c.id).where(mine)).all())

    @rule(chat=chats, late=st.booleans())
    def snooze_ends(self, chat: str, late: bool) -> None:
        before = self.stage.row(chat)
        alarm = Alarm("none", chat, before["version"] - late)
        rang = self.stage.db.write_now(ownership.unsnooze, alarm) is not None
        assert rang == (before["status"] == "snoozed" and not late)

    @rule(target=chats, chat=chats, do=ACTIONS, has_bot=st.booleans())
    def customer_returns_after_days(self, chat: str, do: str, has_bot: bool) -> Any:
        """What was resolved stays so; the customer's new conversation is the one that is open."""
        if self.stage.row(chat)["status"] != "resolved":
            self.stage.act("resolve", chat)
        self.stage.change(chat, resolved_at=1)
        done = self.stage.say("me again", self.stage.row(chat)["address"], has_bot=has_bot)
        if done.conversation != chat:
            assert self.stage.act(do, chat, to=self.stage.agents[0], has_bot=has_bot).refused == "conflict"
            assert self.stage.reply(chat).refused == "conflict"
        assert self.stage.row(chat)["status"] == "resolved"
        return multiple() if done.conversation in self.last else done.conversation

    # --- what must hold ------------------------------------------------------------------------------------------

    @invariant()
    def whole(self) -> None:
        with self.stage.db.reading.connect() as conn:
            query = select(conversations).where(conversations.c.inbox_id == self.stage.inbox)
            rows = [dict(row) for row in conn.execute(query).mappings()]
            logs: dict[str, list[tuple[int, int]]] = {row["id"]: [] for row in rows}
            numbers = select(messages.c.conversation_id, messages.c.seq, messages.c.rev).order_by(messages.c.seq)
            for where, seq, rev in conn.execute(numbers.where(messages.c.conversation_id.in_(logs))):
                logs[where].append((seq, rev))
        open_ = [row["identity_id"] for row in rows if row["status"] != "resolved"]
        assert len(open_) == len(set(open_))
        for row in rows:
            self._consistent(row)
            assert [seq for seq, _ in logs[row["id"]]] == list(range(1, row["last_seq"] + 1))
            assert max(rev for _, rev in logs[row["id"]]) <= row["rev"]
            self._forward(row, self.last.get(row["id"]))
            self.last[row["id"]] = row

    def _consistent(self, row: dict[str, Any]) -> None:
        status = row["status"]
        assert (row["resolved_at"] is not None) == (status == "resolved")
        assert row["snoozed_until"] is None or status == "snoozed"
        if status in ("pending", "resolved"):
            assert row["assignee_id"] is None
        if status in ("pending", "resolved", "snoozed"):
            assert row["waiting_since"] is None
        if status == "open" and row["assignee_id"] is None:
            assert row["waiting_since"] is not None

    def _forward(self, row: dict[str, Any], before: dict[str, Any] | None) -> None:
        if before is None:
            return
        assert row["version"] >= before["version"]
        assert row["rev"] >= before["rev"]
        moved = before["assignee_id"] != row["assignee_id"]
        if moved or (before["status"] != row["status"] and before["status"] != "snoozed"):
            assert row["version"] > before["version"]


@pytest.mark.timeout(scaled(120, 1_800))
def test_ownership_stays_whole(stage: Stage) -> None:
    # INV-10 INV-11
    few = scaled(50 if stage.db.sqlite else 15, 1_000)
    machine = type("OnThisDatabase", (Ownership,), {"stage": stage})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=few,
            stateful_step_count=scaled(30, 50),
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate],  # on a real database making a failure smaller takes longer than the test may
        ),
    )
