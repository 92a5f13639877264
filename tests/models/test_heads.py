"""What a process asks of the log each second, and what it reads of it: on the databases that have several processes."""

from collections.abc import Iterator

import pytest
from sqlalchemy import update

from models import answers, heads, threads
from models.answers import BotAnswer
from models.heads import WINDOW, Watched
from models.tables import conversations, messages
from models.threads import Mark
from models.turns import Answer, BotMessage, Reading
from tests.support.databases import Postgres
from tests.support.stage import Stage


@pytest.fixture
def stage(postgres: Postgres) -> Iterator[Stage]:
    made = Stage(postgres.create())
    yield made
    made.close()


def _age(stage: Stage, conversation: str, by: int) -> None:
    """Let all of a conversation have happened *by* milliseconds earlier."""
    with stage.db.writing.begin() as conn:
        mine = conversations.c.id == conversation
        conn.execute(update(conversations).where(mine).values(changed_at=conversations.c.changed_at - by))
        theirs = messages.c.conversation_id == conversation
        conn.execute(update(messages).where(theirs).values(created_at=messages.c.created_at - by))


def _heads(
    stage: Stage, *identities: str, agents: bool = False, since: int | None = None
) -> dict[str, tuple[int, bool]]:
    found = stage.db.read_now(heads.look, Watched(identities, agents, since))
    return {head.conversation: (head.rev, head.fresh) for head in found.heads}


def test_agents_want_what_is_fresh_and_visitors_what_is_theirs(stage: Stage) -> None:
    old, new, other = (stage.say("hello", who).change for who in ("v:1", "v:2", "v:3"))
    assert old
    assert new
    assert other
    _age(stage, old.conversation, 2 * WINDOW)
    assert _heads(stage) == {}
    assert _heads(stage, agents=True) == {new.conversation: (1, True), other.conversation: (1, True)}
    assert _heads(stage, old.identity, new.identity) == {old.conversation: (1, False), new.conversation: (1, True)}
    assert set(_heads(stage, old.identity, agents=True)) == {old.conversation, new.conversation, other.conversation}


def test_a_resolved_conversation_is_looked_at_while_it_is_fresh(stage: Stage) -> None:
    said = stage.say("hello").change
    assert said
    stage.act("resolve", said.conversation)
    assert _heads(stage, said.identity) == {said.conversation: (3, True)}
    _age(stage, said.conversation, 2 * WINDOW)
    assert _heads(stage, said.identity) == {}


def test_a_look_reaches_back_to_before_the_last_one(stage: Stage) -> None:
    """A transaction that began before the last look and ended after it is not missed; nor is a pause."""
    said = stage.say("hello").change
    assert said
    last = stage.db.read_now(heads.look, Watched((), True, None))
    _age(stage, said.conversation, WINDOW // 2)
    assert set(_heads(stage, agents=True, since=last.at)) == {said.conversation}
    _age(stage, said.conversation, 3 * WINDOW)
    assert _heads(stage, agents=True, since=last.at) == {}
    assert set(_heads(stage, agents=True, since=last.at - 3 * WINDOW)) == {said.conversation}


def test_what_happened_within_the_window_is_news(stage: Stage) -> None:
    """Two messages were old when the window began; a mark since then is no message."""
    conversation = stage.say("one").conversation
    stage.say("two")
    _age(stage, conversation, 2 * WINDOW)
    assert stage.db.read_now(heads.bases, ((conversation,), None)) == {conversation: (1, 2)}
    stage.db.write_now(threads.mark, Mark(conversation, 2, user=stage.agents[0]["id"]))
    assert stage.db.read_now(heads.bases, ((conversation,), None)) == {conversation: (2, 2)}
    stage.say("three")
    stage.say("four")
    assert stage.db.read_now(heads.bases, ((conversation,), None)) == {conversation: (3, 2)}


def test_a_new_reading_of_an_old_message_is_news_by_itself(database_url: str) -> None:
    """The bot's reading is told to agents with the message it belongs to, which is not told anew."""
    made = Stage(database_url)
    try:
        said = made.say("where is it", has_bot=True)
        assert said.change
        (turn,) = said.change.promises
        reading = Reading(text="where is it", intent="order", confidence=0.9)
        arg = BotAnswer(
            promise=turn.id, conversation=said.conversation, seq=1, version=1, model="m",
            answer=Answer(messages=[BotMessage(text="here")], reading=reading),
            bot={"id": "b", "name": "Bot"}, deliver=False, owner="owner",
        )  # fmt: skip
        assert not made.db.write_now(answers.answer, arg).dropped
        found = made.db.read_now(heads.news, {said.conversation: 1})[said.conversation]
        assert [(one["seq"], one["sender"]) for one in found.messages] == [(2, "bot")]
        assert [(one["seq"], one["trace"] and one["trace"]["intent"]) for one in found.read] == [(1, "order")]
        whole = made.db.read_now(heads.news, {said.conversation: 0})[said.conversation]
        assert [(one["seq"], bool(one["trace"])) for one in whole.messages] == [(1, True), (2, False)]
        assert whole.read == ()
    finally:
        made.close()


@pytest.mark.parametrize("told", [0, 1, 3])
def test_news_of_many_is_what_each_missed(database_url: str, told: int) -> None:
    """As sync gives it to an agent's screen, conversation by conversation."""
    made = Stage(database_url)
    try:
        where = [made.say("one", f"v:{number}").conversation for number in range(3)]
        for number in (0, 0, 2):
            made.say("more", f"v:{number}")
        found = made.db.read_now(heads.news, {**dict.fromkeys(where, told), "0" * 32: 0})
        assert set(found) == set(where)
        for conversation, change in found.items():
            missed = made.db.read_now(threads.agent_missed, conversation, told, told)
            assert missed is not None
            assert list(change.messages) == missed.messages
            assert (change.before, change.rev) == (told, made.row(conversation)["rev"])
            assert change.summary == missed.conversation
    finally:
        made.close()


@pytest.mark.parametrize("known", [True, False], ids=["stored", "stored before it was noted"])
@pytest.mark.parametrize(("told", "seqs"), [(0, [1, 2, 3]), (1, [1, 2, 3]), (2, [1, 3]), (3, [1]), (4, [])])
def test_an_old_message_that_changed_is_news(database_url: str, told: int, seqs: list[int], *, known: bool) -> None:
    """In the log's order with what is new, whether or not the row says that it changed."""
    made = Stage(database_url)
    try:
        (where, *_) = [made.say(text).conversation for text in ("one", "two", "three")]
        mine = messages.c.conversation_id == where
        with made.db.writing.begin() as conn:
            conn.execute(update(messages).where(mine, messages.c.seq == 1).values(rev=4, state="failed"))
            conn.execute(update(conversations).where(conversations.c.id == where).values(rev=4))
            if not known:
                conn.execute(update(messages).where(mine).values(first_rev=None))
        news = made.db.read_now(heads.news, {where: told})[where]
        assert [message["seq"] for message in news.messages] == seqs
        after = min(told, 3)
        visitor, agent = (made.db.read_now(one, where, after, told) for one in (threads.missed, threads.agent_missed))
        assert visitor
        assert agent
        for missed in (visitor, agent):
            assert [one["seq"] for one in missed.messages] == [seq for seq in seqs if seq > after]
            assert [one["seq"] for one in missed.changed] == [seq for seq in seqs if seq <= after]
    finally:
        made.close()
