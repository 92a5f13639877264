"""The child process: small, blind to our secrets, replaceable at any moment. It hangs or dies, the hub goes on."""

import asyncio
import os
import shutil
import signal
import socket
import struct
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from bots import Bot, BotError, Report
from bots.embedded import create
from bots.embedded.engine import EmbeddedBot, EmbeddedEngine
from bots.embedded.process import BOOT, Child, environment
from bots.embedded.serving import frames
from models.turns import Turn
from tests.bots.projects import write

SERVING = str(Path(frames.__file__).parents[1])


def turn(text: str = "hello", number: int = 1) -> Turn:
    return Turn(id=str(number), conversation="c", text=text, language="en")


def child_of(engine: EmbeddedEngine) -> psutil.Process:
    pid = engine.child.pid
    assert pid
    return psutil.Process(pid)


async def test_small_and_fast(engine: EmbeddedEngine, webshop: Report) -> None:
    started = time.monotonic()
    bot = await engine.open(webshop.model)
    assert time.monotonic() - started < 10
    try:
        times = []
        for number in range(40):
            before = time.monotonic()
            answer = await bot.answer(turn(f"when are you open, number {number}", number))
            times.append(time.monotonic() - before)
            assert answer.messages
        child = child_of(engine)
        assert child.memory_info().rss < 170e6
        loaded = " ".join(item.path for item in child.memory_maps())
        assert "numpy" in loaded
        assert not [name for name in ("sklearn", "scipy", "pydantic") if f"/{name}" in loaded]
        assert sorted(times)[20] < 0.25
    finally:
        await bot.close()


async def test_knows_no_secret(
    engine: EmbeddedEngine, webshop: Report, monkeypatch: pytest.MonkeyPatch
) -> None:  # S-22
    secrets = {"FRONTDESK_SECRET_KEY": "k", "FRONTDESK_DATABASE_URL": "d", "PGPASSWORD": "p", "AWS_SECRET": "a"}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    bot = await engine.open(webshop.model)
    try:
        assert not set(child_of(engine).environ()) & set(secrets)
        assert not set(environment()) & set(secrets)
    finally:
        await bot.close()


async def test_killed_while_idle(engine: EmbeddedEngine, bot: Bot) -> None:  # INV-13
    before = child_of(engine).pid
    os.kill(before, signal.SIGKILL)
    await asyncio.sleep(0.05)
    answer = await patiently(bot, turn())
    assert answer
    assert child_of(engine).pid != before


async def test_killed_in_the_middle_of_a_turn(engine: EmbeddedEngine, bot: Bot) -> None:  # INV-13
    child = child_of(engine)
    child.suspend()
    asked = asyncio.create_task(bot.answer(turn()))
    waiting = asyncio.create_task(bot.answer(turn("bye", 2)))
    await asyncio.sleep(0.2)
    child.kill()
    with pytest.raises(BotError) as refused:
        await asked
    assert refused.value.kind == "down"
    assert (await settled(waiting)) in ("answered", "timeout")
    assert await patiently(bot, turn())


async def test_hanging_child_is_replaced(webshop: Report) -> None:  # INV-13
    engine = create({"limit": 1.5})
    bot = await engine.open(webshop.model)
    try:
        child = child_of(engine)
        child.suspend()
        started = time.monotonic()
        with pytest.raises(BotError) as refused:
            await bot.answer(turn())
        assert refused.value.kind == "timeout"
        assert time.monotonic() - started < 3
        await patiently(bot, turn())
        assert not child.is_running()
    finally:
        await bot.close()


async def patiently(bot: Bot, one: Turn) -> object:
    """Ask until the replacement is there, as the hub's retries do."""
    for _ in range(40):
        try:
            return await bot.answer(one)
        except BotError:
            await asyncio.sleep(0.25)
    raise AssertionError("no replacement came")


async def settled(task: "asyncio.Task[object]") -> str:
    try:
        await task
    except BotError as error:
        return error.kind
    return "answered"


async def test_abandoned_turn_leaves_no_trace(bot: Bot) -> None:
    task = asyncio.create_task(bot.answer(turn("where is my order")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    answer = await bot.answer(turn("when are you open", 2))
    assert answer.reading
    assert answer.reading.intent == "opening_hours"


async def test_many_at_once_each_gets_its_own(bot: Bot) -> None:
    texts = ["where is my order", "when are you open", "I want to talk to a person"] * 20
    answers = await asyncio.gather(*(bot.answer(turn(text, number)) for number, text in enumerate(texts)))
    assert [answer.reading.intent for answer in answers if answer.reading] == [
        "order_status", "opening_hours", "talk_to_human",
    ] * 20  # fmt: skip


async def test_event_loop_stays_free(bot: Bot) -> None:
    asked = asyncio.gather(*(bot.answer(turn(f"unseen question {number}", number)) for number in range(50)))
    rounds = 0
    while not asked.done():
        await asyncio.sleep(0.001)
        rounds += 1
    await asked
    assert rounds > 25


async def test_swap_without_a_gap(engine: EmbeddedEngine, bot: EmbeddedBot, project: Path, tmp_path: Path) -> None:
    pid = child_of(engine).pid
    report = await engine.train(write(project), tmp_path / "out", lambda _: None)
    longest, stop = 0.0, asyncio.Event()

    async def keep_asking() -> int:
        nonlocal longest
        number = 0
        while not stop.is_set():
            before = time.monotonic()
            await bot.answer(turn("when are you open", number))
            longest = max(longest, time.monotonic() - before)
            number += 1
        return number

    asking = asyncio.create_task(keep_asking())
    new = await engine.open(report.model)
    stop.set()
    assert await asking > 0
    assert longest < 2
    assert [message.text for message in (await new.answer(turn("hello"))).messages] == ["Hello!"]
    assert new.model != bot.model
    await bot.close()
    assert (await new.answer(turn("bye"))).messages[0].text == "Bye!"
    assert child_of(engine).pid == pid
    await new.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(BotError):
        await new.answer(turn())


async def test_missing_interpreter_is_tried_for_ever() -> None:
    child = Child("/nonexistent/python")
    child._failures = 5_000  # as after hours; its delay is then capped
    with pytest.raises(BotError) as refused:
        await child.call({"op": "parse", "model": "x", "texts": []}, 0.3)
    assert refused.value.kind == "timeout"
    assert not child._task.done()
    await child.stop()


async def test_closing_ends_what_waits(engine: EmbeddedEngine, webshop: Report) -> None:
    bot = await engine.open(webshop.model)
    child_of(engine).suspend()
    asked = [asyncio.create_task(bot.answer(turn("hello", number))) for number in range(3)]
    await asyncio.sleep(0.1)
    await bot.close()
    assert [await settled(one) for one in asked] == ["down"] * 3


async def test_model_that_cannot_be_opened_leaves_no_process(
    engine: EmbeddedEngine, webshop: Report, tmp_path: Path
) -> None:
    changed = tmp_path / "model"
    shutil.copytree(webshop.model, changed)
    (changed / "nlu.json").write_text("{}")
    with pytest.raises(BotError) as refused:
        await engine.open(changed)
    assert refused.value.kind == "no_model"
    with pytest.raises(BotError):
        _ = engine.child


async def test_parse_in_bulk(bot: Bot) -> None:
    readings = await bot.parse(["where is my order FD-10234"] * 130 + ["", "/restart"])
    assert len(readings) == 132
    assert readings[0].entities[0]["value"] == "FD-10234"
    assert readings[130].intent == "nlu_fallback"


@pytest.fixture
async def raw() -> AsyncIterator[tuple[socket.socket, asyncio.subprocess.Process]]:
    """A child on a bare socket, to speak nonsense to."""
    ours, theirs = socket.socketpair()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", BOOT, SERVING, stdin=theirs.fileno(), env=environment(), stderr=asyncio.subprocess.DEVNULL
    )
    theirs.close()
    ours.settimeout(20)
    yield ours, process
    ours.close()
    if process.returncode is None:
        process.kill()
    await process.wait()


def exchange(sock: socket.socket, body: bytes) -> object:
    sock.sendall(struct.pack(">I", len(body)) + body)
    answer = frames.receive(sock)
    assert answer is not None
    return frames.decode(answer)


async def test_malformed_requests_are_answered(raw: tuple[socket.socket, asyncio.subprocess.Process]) -> None:  # INV-18
    sock, process = raw
    for body in (
        b"",
        b"\xff",
        b"[]",
        b"3",
        b"{}",
        b'{"id": 1}',
        b'{"id": 1, "op": "answer", "model": "x", "turn": {}}',
    ):
        answer = await asyncio.to_thread(exchange, sock, body)
        assert isinstance(answer, dict)
        assert answer["error"]["kind"] == "broken"
    missing = await asyncio.to_thread(exchange, sock, b'{"id": 1, "op": "open", "model": "x", "path": "/nonexistent"}')
    assert isinstance(missing, dict)
    assert missing["error"]["kind"] == "no_model"
    assert process.returncode is None


async def test_oversize_frame_ends_the_child(raw: tuple[socket.socket, asyncio.subprocess.Process]) -> None:  # INV-18
    sock, process = raw
    sock.sendall(struct.pack(">I", frames.MAX_FRAME + 1))
    assert await asyncio.wait_for(process.wait(), 20) != 0


async def test_dies_with_its_parent(raw: tuple[socket.socket, asyncio.subprocess.Process]) -> None:
    sock, process = raw
    sock.close()
    assert await asyncio.wait_for(process.wait(), 20) == 0


async def test_oversize_turn_is_refused_before_it_is_sent(bot: Bot) -> None:
    with pytest.raises(BotError) as refused:
        await bot.answer(Turn(id="1", conversation="c", text="hello", attributes={"x": "y" * (frames.MAX_FRAME + 1)}))
    assert refused.value.kind == "broken"
    assert (await bot.answer(turn())).messages


async def test_training_can_be_abandoned(engine: EmbeddedEngine, project: Path, tmp_path: Path) -> None:
    write(project)
    started = asyncio.Event()
    task = asyncio.create_task(engine.train(project, tmp_path / "out", lambda _: started.set()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not [item for item in psutil.Process().children() if "bots.embedded.train" in " ".join(item.cmdline())]


async def test_child_error_names_no_text(engine: EmbeddedEngine, bot: Bot) -> None:  # S-28
    with pytest.raises(BotError) as refused:
        await engine.child.call({"op": "parse", "model": "nobody", "texts": ["my secret"]}, 3)
    assert "secret" not in str(refused.value)
