"""What a customer says, stored once: idempotency, reopening, opting out, and one open conversation a person."""

import asyncio
import threading
import uuid
from typing import Any

import pytest
from sqlalchemy import func, select

from models import answers, files, records
from models.answers import BotAnswer
from models.db import Database
from models.files import Stored
from models.people import owner_key
from models.receive import Receive, Received, receive
from models.replies import reply
from models.tables import consents, identities, messages, outbox
from models.turns import Answer, BotMessage
from models.wire import Author, Choice
from tests.support.stage import HOUR, Stage


@pytest.fixture
def who() -> str:
    """Address of a visitor nobody has met."""
    return f"v:{uuid.uuid4().hex}"


def _together(stage: Stage, args: list[Receive]) -> list[Received]:
    with stage.db.writing.begin() as conn:
        return receive.run(conn, args)


def _upload(stage: Stage, owner: str) -> str:
    return stage.db.write_now(files.add, Stored(owner, "a.txt", "text/plain", 3, None, None, "0" * 64))


# --- idempotency -------------------------------------------------------------------------------------------------


def test_one_client_id_in_one_batch_is_one_row(stage: Stage, who: str) -> None:
    # INV-2
    args = [stage.arg("same", who, client_id="k1") for _ in range(4)] + [stage.arg("next", who, client_id="k2")]
    results = _together(stage, args)
    assert [r.seq for r in results] == [1, 1, 1, 1, 2]
    assert [r.duplicate for r in results] == [False, True, True, True, False]
    assert [m["text"] for m in stage.log(results[0].conversation)] == ["same", "next"]


def test_the_same_key_with_another_body_is_refused(stage: Stage, who: str) -> None:
    # INV-2
    first = stage.say("one", who, client_id="k1")
    before = stage.dump()
    again = _together(stage, [stage.arg("two", who, client_id="k1"), stage.arg("one", who, client_id="k1")])
    assert (again[0].refused, again[0].field) == ("key_reused", "client_id")
    assert again[1].duplicate
    assert again[1].seq == first.seq
    assert stage.dump() == before


def test_the_same_key_with_other_files_is_refused(stage: Stage, who: str) -> None:
    # INV-2
    mine = owner_key(stage.inbox, who)
    file, other = _upload(stage, mine), _upload(stage, mine)
    first = stage.say("see", who, client_id="k1", attachments=[file])
    assert stage.say("see", who, client_id="k1", attachments=[file]).duplicate
    assert stage.say("see", who, client_id="k1", attachments=[other]).refused == "key_reused"
    assert stage.say("see", who, client_id="k1").refused == "key_reused"
    assert stage.say("plain", who, client_id="k2").seq == first.seq + 1
    assert stage.say("plain", who, client_id="k2", attachments=[other]).refused == "key_reused"


def test_a_client_id_belongs_to_its_sender(stage: Stage, who: str) -> None:
    # INV-2: another visitor's equal key is another message
    other = f"v:{uuid.uuid4().hex}"
    mine, theirs = _together(stage, [stage.arg("one", who, client_id="k"), stage.arg("two", other, client_id="k")])
    assert mine.conversation != theirs.conversation
    assert not theirs.duplicate


def test_a_providers_message_is_taken_once(stage: Stage, who: str) -> None:
    # INV-7
    name = f"SM{uuid.uuid4().hex}"
    results = _together(stage, [stage.arg("text", who, external_id=name) for _ in range(3)])
    results.append(stage.say("text", who, external_id=name))
    assert [r.seq for r in results] == [1, 1, 1, 1]
    assert [r.duplicate for r in results] == [False, True, True, True]


def test_a_repeat_opens_and_reopens_nothing(stage: Stage, who: str) -> None:
    first = stage.say("one", who, client_id="k1")
    assert not stage.act("resolve", first.conversation).refused
    stage.change(first.conversation, resolved_at=1)
    before = stage.dump()
    assert stage.say("one", who, client_id="k1").conversation == first.conversation
    assert stage.dump() == before


# --- refusals change nothing -------------------------------------------------------------------------------------

BAD: dict[str, dict[str, Any]] = {
    "nothing said": {"text": " \n"},
    "a button never offered": {"text": "", "choice": Choice(message_seq=1, index=0)},
    "a button of no message": {"text": "", "choice": Choice(message_seq=2**53, index=0)},
    "a file nobody uploaded": {"attachments": ["f" * 32]},
    "half a file id": {"attachments": ["' OR 1=1"]},
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("known", ["stranger", "open", "resolved", "expired"])
def test_a_refusal_changes_nothing(stage: Stage, who: str, known: str, bad: dict[str, Any]) -> None:
    if known != "stranger":
        mine = stage.say("hello", who, has_bot=True).conversation
        if known != "open":
            stage.act("resolve", mine)
        if known == "expired":
            stage.change(mine, resolved_at=1)
    before = stage.dump()
    done = stage.say(bad.get("text", "see"), who, **{k: v for k, v in bad.items() if k != "text"})
    assert done.refused == "bad_request"
    assert done.field in {"text", "choice", "attachments"}
    assert done.change is None
    assert stage.dump() == before


def test_a_refusal_leaves_its_neighbours_alone(stage: Stage, who: str) -> None:
    other = f"v:{uuid.uuid4().hex}"
    results = _together(
        stage,
        [
            stage.arg("one", who),
            stage.arg(" ", who),
            stage.arg("see", other, attachments=["f" * 32]),
            stage.arg("two", who),
        ],
    )
    assert [r.refused for r in results] == [None, "bad_request", "bad_request", None]
    assert [m["text"] for m in stage.log(results[0].conversation)] == ["one", "two"]
    with stage.db.reading.connect() as conn:
        assert conn.execute(select(identities.c.id).where(identities.c.address == other)).first() is None


def test_a_file_goes_to_one_message_of_its_sender(stage: Stage, who: str) -> None:
    other = f"v:{uuid.uuid4().hex}"
    file = _upload(stage, owner_key(stage.inbox, who))
    assert stage.say("theirs", other, attachments=[file]).refused == "bad_request"
    assert stage.say("twice", who, attachments=[file, file]).refused == "bad_request"
    mine = stage.say("mine", who, attachments=[file])
    assert mine.change is not None
    assert [a["id"] for a in mine.change.messages[-1]["attachments"]] == [file]
    assert stage.say("again", who, attachments=[file]).refused == "bad_request"


# --- reopening ---------------------------------------------------------------------------------------------------


def _resolved(stage: Stage, who: str, *, by_agent: bool, hours: float = 0) -> str:
    conversation = stage.say("hello", who, has_bot=True).conversation
    if by_agent:
        assert not stage.act("claim", conversation).refused
    assert not stage.act("resolve", conversation).refused
    stage.change(conversation, resolved_at=stage.row(conversation)["resolved_at"] - int(hours * HOUR))
    return conversation


@pytest.mark.parametrize(
    ("by_agent", "has_bot", "status"),
    [(False, True, "pending"), (True, True, "open"), (False, False, "open"), (True, False, "open")],
)
def test_within_reopen_hours_the_last_owner_gets_it_back(
    stage: Stage, who: str, by_agent: bool, has_bot: bool, status: str
) -> None:
    conversation = _resolved(stage, who, by_agent=by_agent, hours=71.9)
    version = stage.row(conversation)["version"]
    assert stage.say("again", who, has_bot=has_bot).conversation == conversation
    row = stage.row(conversation)
    assert row["status"] == status
    assert row["version"] == version + 1
    assert row["resolved_at"] is None
    assert row["assignee_id"] is None
    assert (row["waiting_since"] is not None) == (status == "open")
    assert stage.log(conversation)[-2]["data"]["activity"]["what"] == "reopened"


@pytest.mark.parametrize("by_agent", [False, True])
def test_later_it_is_a_new_conversation(stage: Stage, who: str, by_agent: bool) -> None:
    old = _resolved(stage, who, by_agent=by_agent, hours=72.1)
    new = stage.say("again", who, has_bot=True)
    assert new.conversation != old
    assert new.seq == 1
    assert stage.row(old)["status"] == "resolved"
    assert stage.row(new.conversation)["status"] == "pending"


@pytest.mark.parametrize("word", ["opt_out", "opt_in", "help"])
@pytest.mark.parametrize("hours", [1, 1000])
def test_opt_out_words_never_reopen(stage: Stage, who: str, word: str, hours: int) -> None:
    conversation = _resolved(stage, who, by_agent=True, hours=hours)
    done = stage.say("STOP", who, consent=word, external_id=uuid.uuid4().hex, has_bot=True)
    assert done.conversation == conversation
    row = stage.row(conversation)
    assert row["status"] == "resolved"
    assert row["opted_out"] == (word == "opt_out")
    with stage.db.reading.connect() as conn:
        turns = (
            select(func.count())
            .select_from(outbox)
            .where(outbox.c.conversation_id == conversation, outbox.c.seq == done.seq)
        )
        assert conn.execute(turns).scalar_one() == 0
        facts = select(func.count()).where(consents.c.identity_id == owner_key(stage.inbox, who))
        assert conn.execute(facts).scalar_one() == (word != "help")


def test_a_first_word_of_stop_is_kept_and_bothers_nobody(stage: Stage, who: str) -> None:
    done = stage.say("STOP", who, consent="opt_out", external_id=uuid.uuid4().hex, has_bot=True)
    row = stage.row(done.conversation)
    assert (row["status"], row["opted_out"]) == ("resolved", True)


def test_a_message_ends_a_snooze(stage: Stage, who: str) -> None:
    conversation = stage.say("hello", who).conversation
    stage.act("claim", conversation)
    stage.act("snooze", conversation)
    assert stage.row(conversation)["status"] == "snoozed"
    stage.say("still there?", who)
    row = stage.row(conversation)
    assert (row["status"], row["assignee_id"]) == ("open", stage.agents[0]["id"])
    assert row["snoozed_until"] is None
    assert row["waiting_since"] is not None


def test_stop_does_not_end_a_snooze(stage: Stage, who: str) -> None:
    conversation = stage.say("hello", who).conversation
    stage.act("snooze", conversation)
    stage.say("STOP", who, consent="opt_out", external_id=uuid.uuid4().hex)
    assert stage.row(conversation)["status"] == "snoozed"


def test_typed_commands_reach_the_bot_as_text(stage: Stage, who: str) -> None:
    """Only what a button carries is a payload; slashes in front of typed text are gone before any engine sees it."""
    for typed, heard in (("/restart", "restart"), (" // /x{}", "x{}"), ("and/or", "and/or"), ("/", "")):
        change = stage.say(typed, who, has_bot=True).change
        assert change is not None
        (promise,) = change.promises
        turn = promise.context.turn
        assert (turn.text, turn.payload) == (heard, None)
        assert change.messages[-1]["text"] == typed


def test_what_a_bot_says_is_cleaned_too(stage: Stage, who: str) -> None:
    """A bot behind HTTP can send what a database refuses; its customer must get the answer all the same."""
    said = stage.say("hello", who, has_bot=True)
    assert said.change is not None
    answer = Answer(messages=[BotMessage(text="a\x00b\ud800")], slots={"order": "x\x00y"})
    (turn,) = said.change.promises
    bot: Author = {"id": "b", "name": "Bot"}
    given = BotAnswer(turn.id, said.conversation, said.seq, 1, answer, "m1", bot, deliver=False, owner="o")
    done = stage.db.write_now(answers.answer, given)
    assert done.change is not None
    assert done.change.messages[0]["text"] == "ab\ufffd"
    contact = stage.db.read_now(records.contact, done.change.summary["contact"])
    assert contact is not None
    assert [(fact["name"], fact["value"]) for fact in contact["attributes"]] == [("order", "xy")]


def test_threads_of_a_channel_are_conversations_of_their_own(stage: Stage, who: str) -> None:
    one, two = _together(stage, [stage.arg("a", who, thread="t1"), stage.arg("b", who, thread="t2")])
    assert one.conversation != two.conversation
    assert stage.say("c", who, thread="t1").conversation == one.conversation


# --- several writers ---------------------------------------------------------------------------------------------


async def test_one_open_conversation_a_person_whoever_writes(stage: Stage) -> None:
    """Two processes get strangers' messages at once, each twice: one conversation a person, seq 1..n, no holes."""
    # INV-1 INV-2 INV-3
    people = [f"v:{uuid.uuid4().hex}" for _ in range(6)]
    processes = [Database(stage.url, synchronous="NORMAL", writers=1) for _ in range(2)]

    async def send(db: Database, person: str, number: int) -> tuple[str, str, int]:
        done = await db.write(receive, stage.arg(f"{number}", person, client_id=f"n{number}"), person)
        return person, done.conversation, done.seq

    work = [send(db, person, number) for number in range(8) for person in people for db in processes]
    acks = await asyncio.gather(*work)
    for db in processes:
        db.close()
    for person in people:
        mine = {(conversation, seq) for name, conversation, seq in acks if name == person}
        assert len({conversation for conversation, _ in mine}) == 1
        assert sorted(seq for _, seq in mine) == list(range(1, 9))
        log = stage.log(mine.pop()[0])
        assert [m["seq"] for m in log] == list(range(1, 9))
        assert [m["prev"] for m in log] == list(range(8))


async def test_commit_order_is_seq_order(stage: Stage, who: str) -> None:
    """A reader that asks for "after seq n" in a tight loop, while a customer and agents write, misses nothing."""
    # INV-3: the row lock gives seq; a global counter would show a later row before an earlier one
    conversation = stage.say("first", who).conversation
    processes = [Database(stage.url, synchronous="NORMAL", writers=1) for _ in range(3)]
    done = threading.Event()
    seen = [1]
    query = select(messages.c.seq).where(messages.c.conversation_id == conversation).order_by(messages.c.seq)

    def read() -> None:
        with stage.db.reading.connect() as conn:
            finished = False
            while not finished:
                finished = done.is_set()
                with conn.begin():
                    seen.extend(conn.execute(query.where(messages.c.seq > seen[-1])).scalars())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        said = [db.write(receive, stage.arg(f"{n}", who), f"{n % 2}") for n in range(50) for db in processes]
        noted = [db.write(reply, stage.note(conversation), f"{n % 2}") for n in range(50) for db in processes]
        acks: list[Any] = await asyncio.gather(*(job for pair in zip(said, noted, strict=True) for job in pair))
    finally:
        done.set()
        reader.join(10)
        for db in processes:
            db.close()
    assert sorted(ack.seq for ack in acks) == list(range(2, 302))
    assert seen == list(range(1, 302))
