"""What a run says: a table of goals, and under it what was measured."""

from collections.abc import Sequence

from tests.bench.goals import Goal
from tests.bench.rounds import Results


def value_of(goal: Goal, results: Results) -> float | None:
    """A row's value, None if something it needs has no figure."""
    try:
        return goal.value(results)
    except KeyError:
        return None


def verdict(goal: Goal, value: float | None, results: Results) -> str:
    """What to say of a value."""
    if value is None:
        why = next((results.void[case] for case in goal.needs if case in results.void), "not measured")
        return f"void: {why}"
    said = "" if goal.bar is None else "below the bar"
    if goal.bar is not None and goal.reached(value, goal.bar):
        said = "goal" if goal.goal is not None and goal.reached(value, goal.goal) else "bar"
    return f"{said}, noisy".strip(", ") if results.noisy.intersection(goal.needs) else said


def table(goals: Sequence[Goal], results: Results) -> str:
    """All rows as text."""
    lines = [f"{'':<15}{'':<62}{'value':>9} {'unit':<6}{'bar':>7}{'goal':>7}{'limit':>7}  reached"]
    for goal in goals:
        value = value_of(goal, results)
        marks = "".join(f"{_short(mark):>7}" for mark in (goal.bar, goal.goal, goal.limit))
        said = verdict(goal, value, results)
        lines.append(f"{goal.id:<15}{goal.what:<62}{_short(value):>9} {goal.unit:<6}{marks}  {said}".rstrip())
    return "\n".join(lines)


def _short(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
