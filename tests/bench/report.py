"""What a run says: as text, as ``var/bench.json``, and in ``docs/performance.md``."""

import json
import os
import platform
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench.goals import Goal
from tests.bench.picture import picture
from tests.bench.processes import cores
from tests.bench.rounds import Results
from tests.support.hub import ROOT
from widget.build import npm

LIBRARIES = ("python-socketio", "python-engineio", "uvicorn", "uvloop", "websockets", "orjson", "SQLAlchemy", "psycopg")
FIGURES = ROOT / "var" / "bench.json"
ENVIRONMENT = ROOT / "var" / "bench-env.json"
PAGE = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "performance.svg"
BUSY = 0.8
"""Share of its core above which the load may hold the server up: then CPU counts, messages per second do not."""
_PLACE = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)
MARKDOWN = str.maketrans({"|": "\\|"})


@dataclass(frozen=True, slots=True)
class Row:
    """A goal with what came out: ``value`` is None if it could not be measured, ``said`` what to think of it."""

    goal: Goal
    value: float | None
    said: str

    @property
    def marks(self) -> tuple[float | None, ...]:
        """Bar, goal and limit."""
        return self.goal.bar, self.goal.goal, self.goal.limit


def rows(goals: Sequence[Goal], results: Results) -> list[Row]:
    """Every goal with its value."""
    return [Row(goal, value := _value(goal, results), _said(goal, value, results)) for goal in goals]


def _value(goal: Goal, results: Results) -> float | None:
    try:
        return goal.value(results)
    except KeyError:
        return None


def _said(goal: Goal, value: float | None, results: Results) -> str:
    if value is None:
        return f"void: {next((results.void[case] for case in goal.needs if case in results.void), 'not measured')}"
    said = "" if goal.bar is None else "below the bar"
    if goal.bar is not None and goal.reached(value, goal.bar):
        said = "goal" if goal.goal is not None and goal.reached(value, goal.goal) else "bar"
    doubts = ["noisy"] if results.noisy.intersection(goal.needs) else []
    if any(results.middle(case).get("load", 0.0) > BUSY for case in goal.needs):
        doubts.append("load busy")
    return ", ".join(filter(None, [said, *doubts]))


def text(table: Sequence[Row]) -> str:
    """The table for a terminal."""
    lines = [f"{'':<15}{'':<63}{'value':>9} {'unit':<6}{'bar':>7}{'goal':>7}{'limit':>7}  reached"]
    for row in table:
        marks = "".join(f"{short(mark):>7}" for mark in row.marks)
        start = f"{row.goal.id:<15}{row.goal.what:<63}{short(row.value):>9} {row.goal.unit:<6}"
        lines.append(f"{start}{marks}  {row.said}".rstrip())
    return "\n".join(lines)


def short(value: float | None) -> str:
    """Three digits, or a dash."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def save(table: Sequence[Row], results: Results, began: Sequence[float]) -> dict[str, Any]:
    """Write ``var/bench.json`` and ``var/bench-env.json``; return what stands in the second."""
    FIGURES.parent.mkdir(exist_ok=True)
    figures = [
        {"id": row.goal.id, "value": row.value, "unit": row.goal.unit}
        | dict(zip(("bar", "goal", "limit"), row.marks, strict=True))
        for row in table
    ]
    FIGURES.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    found = environment(began) | {"noisy": sorted(results.noisy), "void": results.void, "cases": results.figures}
    ENVIRONMENT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return found


def environment(began: Sequence[float]) -> dict[str, Any]:
    """Where and of what a run was; *began* is the load average before it."""
    server, load = cores()
    return {
        "at": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()),
        "commit": _first_line("git", "describe", "--always", "--dirty"),
        "python": platform.python_version(),
        "node": _node(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}, {_processor()}",
        "cores": {"all": os.cpu_count(), "server": server, "load": load},
        "load average": {"before": [round(value, 2) for value in began], "after": list(os.getloadavg())},
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def _node() -> str | None:
    try:
        _, environ = npm()
    except SystemExit:
        return None
    return _first_line("node", "--version", environ=environ)


def _processor() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def _first_line(*command: str, environ: Mapping[str, str] | None = None) -> str | None:
    try:
        done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip().partition("\n")[0]


def publish(table: Sequence[Row], results: Results, found: dict[str, Any]) -> None:
    """Bring ``docs/performance.md`` and its picture up to date."""
    PICTURE.write_text(picture([(row.goal, row.value) for row in table]))
    lines = ["| | | value | | bar | goal | limit | reached |", "|---|---|--:|---|--:|--:|--:|---|"]
    for row in table:
        cells = [row.goal.id, row.goal.what, f"**{short(row.value)}**", row.goal.unit, *map(short, row.marks), row.said]
        lines.append("| " + " | ".join(cell.translate(MARKDOWN) for cell in cells) + " |")
    lines += ["", _beside(results), "", _where(found)]
    page = _PLACE.sub(lambda place: place[1] + "\n".join(lines) + "\n" + place[2], PAGE.read_text())
    PAGE.write_text(page)


def _beside(results: Results) -> str:
    lines = [
        "| server CPU | µs a message | messages/s | server's core | load's core | database's µs |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name in results.figures:
        if name in results.void or "us" not in (middle := results.middle(name)) or name.endswith("-open"):
            continue
        shares = f"{middle['server']:.0%} | {middle['load']:.0%}"
        aside = short(middle["aside_us"] or None)
        lines.append(f"| {name} | {short(middle['us'])} | {middle['per_second']:,.0f} | {shares} | {aside} |")
    return "\n".join(lines)


def _where(found: dict[str, Any]) -> str:
    before, after = (found["load average"][when][0] for when in ("before", "after"))
    libraries = ", ".join(f"{name} {number}" for name, number in found["libraries"].items())
    return (
        f"Measured {found['at'][:10]} at commit {found['commit']} on {found['cores']['all']} cores ({found['system']}),"
        f" Python {found['python']}, Node {found['node'] or 'not there'}, {libraries}; load average {before:.1f} before"
        f" and {after:.1f} after."
    )
