"""What a run leaves behind, and how a profile is divided."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.bench import report
from tests.bench.goals import GOALS
from tests.bench.picture import picture
from tests.bench.profiler import divide
from tests.bench.rounds import Figures, Results
from tests.bench.stages import stage

FIGURES = {"us": 80.0, "per_second": 9_000.0, "server": 0.97, "load": 0.4, "aside_us": 0.0}
FIGURES |= {"delivery_p50": 1.0, "ack_p50": 0.4, "delivery_p99": 9.0, "ours": 20.0, "raw": 10.0, "kib": 30.0}
FIGURES |= {"connect_us": 600.0, "back": 1.0, "restart": 2.0, "mb": 88.0, "seconds": 1.4}


def everything() -> Results:
    """A run in which every case has figures; more agents cost more."""
    cases = {case for goal in GOALS for case in goal.needs}
    extra = {"chat-100": 40.0, "chat-100-20": 190.0, "room-5": 16.0, "room-20": 76.0}
    found: dict[str, list[Figures]] = {case: [FIGURES | {"us": FIGURES["us"] + extra.get(case, 0.0)}] for case in cases}
    return Results(figures=found, mains=dict.fromkeys(cases, "us"))


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    page = report.PAGE.read_text()
    for name in ("FIGURES", "ENVIRONMENT", "PAGE", "PICTURE"):
        monkeypatch.setattr(report, name, tmp_path / getattr(report, name).name)
    (tmp_path / report.PAGE.name).write_text(page)
    return tmp_path


def test_every_row_has_its_value_in_the_files(elsewhere: Path) -> None:
    results = everything()
    table = report.rows(GOALS, results)
    report.publish(table, results, report.save(table, results, (0.1, 0.2, 0.3)))
    figures = json.loads((elsewhere / "bench.json").read_text())
    assert [list(row) for row in figures] == [["id", "value", "unit", "bar", "goal", "limit"]] * len(GOALS)
    assert {row["id"]: row["value"] for row in figures}["G4"] == pytest.approx(1.25)
    assert all(row["value"] is not None for row in figures)
    told = json.loads((elsewhere / "bench-env.json").read_text())
    assert told["cores"]["all"] >= 1
    assert told["libraries"]["python-socketio"]
    page = (elsewhere / "performance.md").read_text()
    assert all(f"| {goal.id} |" in page for goal in GOALS)
    assert page.count("<!-- figures -->") == page.count("<!-- /figures -->") == 1
    assert page.endswith(report.PAGE.read_text()[-200:])


def test_what_is_void_or_noisy_is_said() -> None:
    results = everything()
    results.void["chat-1000"] = "sent 10, acked 9"
    results.noisy.add("chat-100-1")
    results.figures["chat-100-normal"] = [FIGURES | {"load": 0.81}]
    said = {row.goal.id: (row.value, row.said) for row in report.rows(GOALS, results)}
    assert said["G2"] == (None, "void: sent 10, acked 9")
    assert said["G1-one-agent"][1] == "bar, noisy"
    assert said["G1"] == (80 / 120, "bar")
    assert said["G1-normal"] == (1.0, "load busy")


def test_the_picture_is_an_image_of_every_row_with_a_bar() -> None:
    table = report.rows(GOALS, everything())
    drawn = ET.fromstring(picture([(row.goal, row.value) for row in table] + [(GOALS[0], None)]))
    words = [element.text or "" for element in drawn if element.tag.endswith("text")]
    assert words.count("not measured") == 1
    assert max(len(goal.what) for goal in GOALS if goal.bar is not None) <= 54, "as much as has room"
    bars = [element for element in drawn if element.tag.endswith("rect")]
    assert len(bars) == sum(goal.bar is not None for goal in GOALS)
    assert all(0 < float(bar.get("width", "0")) <= 400 for bar in bars)


@pytest.mark.parametrize(
    ("doing", "frames"),
    [
        ("event loop", "Server.run (uvicorn/server.py:86);Runner.run (asyncio/runners.py:118);uv_run (core.c:452)"),
        ("sockets in", "_websocket_handler (engineio/async_socket.py:211);receive (engineio/async_socket.py:50)"),
        ("dispatch", "_handle_event (hub/hardened.py:1);VisitorDesk._send (hub/visitors.py:2);x (pydantic/main.py:1)"),
        ("storage", "Hub.receive (hub/service.py:3);Database.write (models/db.py:103);put (_queuemodule.c:2)"),
        ("what is told", "Emitter.tell (hub/emitter.py:3);for_visitor (models/views.py:9);iso (models/clock.py:39)"),
        ("frames out", "Emitter.tell (hub/emitter.py:3);HardenedServer.publish (hub/hardened.py:160)"),
        ("frames out", "FastSocket.run (hub/fastpath.py:9);FastSocket.write (hub/fastpath.py:99);x (libc.so.6)"),
        ("sockets in", "x (uvicorn/protocols/a.py:1);Queue.put_nowait (asyncio/queues.py:97)"),
        ("encode", "HardenedServer.publish (hub/hardened.py:160);Packet.encode (socketio/packet.py:80)"),
        ("bot turn", "TurnTaker.take (hub/turns.py:66);_ConstantBot.answer (constant.py:20)"),
        ("garbage collection", "publish (hub/hardened.py:160);gc_collect_main (gcmodule.c:1)"),
    ],
)
def test_a_sample_belongs_to_what_it_was_doing(doing: str, frames: str) -> None:
    assert stage(frames.split(";")) == doing


def test_a_threads_cpu_is_divided_among_its_samples() -> None:
    """Samples that wait count nothing, and a thread with many samples but little CPU stays cheap."""
    samples = [
        "thread (7): MainThread;tell (hub/emitter.py:3) 3",
        "thread (7): MainThread;take (hub/turns.py:66) 1",
        "thread (8): db-write-0;_work (models/db.py:132) 500",
        "thread (8): db-write-0;_work (models/db.py:132);PyThread_acquire_lock_timed (libpython);0x1 (libc.so.6) 90",
        "thread (9): db-read;_worker (concurrent/futures/thread.py:81);epoll_pwait (libc.so.6) 90",
    ]
    profile = divide(samples, {7: 4.0, 8: 2.0, 9: 1.0})
    assert profile.stages == {"what is told": 3.0, "bot turn": 1.0, "storage": 2.0}
    assert profile.libraries == {"Frontdesk: hub": 4.0, "Frontdesk: models": 2.0}
    assert profile.functions["tell (hub/emitter.py)", "what is told"] == 3.0
