"""The table as a picture: how many times better or worse than its bar each figure is, on one scale."""

import math
from collections.abc import Sequence
from html import escape

from tests.bench.goals import Goal

WIDTH, ROW, TOP = 960, 26, 46
LEFT, RIGHT = 420, 800
LOW, HIGH = 0.25, 4.0
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.id { font-weight: 600 } .small { font-size: 11px; fill: #59636e } .grid { stroke: #d1d9e0 } .one { stroke: #1f2328 }
.good { fill: #2f6fdb } .bad { fill: #c2570c } .goal { fill: #ffffff; stroke: #1f2328; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
 text { fill: #f0f6fc } .small { fill: #9198a1 } .grid { stroke: #3d444d } .one { stroke: #f0f6fc }
 .good { fill: #5b9bff } .bad { fill: #f0883e } .goal { fill: #0d1117; stroke: #f0f6fc }
}
"""


def better(goal: Goal, value: float) -> float:
    """How many times better than its bar a value is; under 1 the bar is missed."""
    assert goal.bar is not None
    if value <= 0:
        return 0.0 if goal.more else math.inf
    return value / goal.bar if goal.more else goal.bar / value


def picture(found: Sequence[tuple[Goal, float | None]]) -> str:
    """An SVG of all rows that have a bar; those without a value say so."""
    drawn = [(goal, value) for goal, value in found if goal.bar is not None]
    bottom = TOP + ROW * len(drawn)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 12}" role="img">',
        f"<title>Each figure against its bar</title><style>{STYLE}</style>",
        _text(_x(1) - 8, 18, "worse than the bar", "small", "end"),
        _text(_x(1) + 8, 18, "better, ○ the goal", "small"),
    ]
    for times in (0.25, 0.5, 1, 2, 4):
        label = f"×{times:g}" if times >= 1 else f"÷{1 / times:g}"
        parts.append(_text(_x(times), TOP - 8, label, "small", "middle"))
        parts.append(_line(_x(times), TOP, bottom, "one" if times == 1 else "grid"))
    for number, (goal, value) in enumerate(drawn):
        parts += _row(TOP + ROW * number, goal, value)
    return "\n".join([*parts, "</svg>", ""])


def _row(top: int, goal: Goal, value: float | None) -> list[str]:
    middle = top + ROW // 2
    parts = [_text(0, middle + 4, goal.id, "id"), _text(108, middle + 4, goal.what, "small")]
    if value is None:
        return [*parts, _text(RIGHT + 12, middle + 4, "not measured", "small")]
    times = better(goal, value)
    start, end = sorted((_x(1), _x(times)))
    kind = "good" if times >= 1 else "bad"
    place = f'x="{start:.1f}" y="{top + 6}" width="{max(end - start, 2):.1f}" height="{ROW - 12}"'
    parts.append(f'<rect class="{kind}" {place}/>')
    if goal.goal is not None:
        parts.append(f'<circle class="goal" cx="{_x(better(goal, goal.goal)):.1f}" cy="{middle}" r="4"/>')
    unit = "" if goal.unit == "ratio" else f" {goal.unit}"
    parts.append(_text(RIGHT + 12, middle + 4, f"{value:.3g}{unit}, bar {goal.bar:,g}", ""))
    return parts


def _x(times: float) -> float:
    share = math.log(min(max(times, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return LEFT + share * (RIGHT - LEFT)


def _line(x: float, top: int, bottom: int, kind: str) -> str:
    return f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>'


def _text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'
