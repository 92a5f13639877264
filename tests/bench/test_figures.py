"""The arithmetic behind the table, and what becomes of noisy and void repetitions."""

from collections.abc import Iterator

import pytest

from tests.bench.figures import noisy, percentile, slope
from tests.bench.goals import GOALS, Goal, of
from tests.bench.rounds import Case, Figures, Results, VoidError, measure


def test_percentiles_are_samples() -> None:
    hundred = [float(number) for number in range(1, 101)]
    assert [percentile(hundred, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert [percentile([7.0], share) for share in (0.01, 0.5, 1.0)] == [7, 7, 7]
    assert percentile([1.0, 2.0, 3.0], 0.5) == 2
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 0.5)


def test_noise_and_slope() -> None:
    assert not noisy([100, 110, 124])
    assert noisy([100, 110, 138])
    assert slope({1: 43.0, 5: 75.0, 20: 195.0}) == pytest.approx(8.0)


def turns(*answers: float | None) -> Case:
    """A case whose repetitions give these figures; None is a void one."""
    left: Iterator[float | None] = iter(answers)

    def run() -> Figures:
        us = next(left)
        if us is None:
            raise VoidError("an ack is missing")
        return {"us": us, "run": us * 10}

    return Case("chat", run)


def test_the_middle_repetition_counts_with_all_its_figures() -> None:
    results = measure([turns(105, 100, 110)], 3, print)
    assert results.middle("chat") == {"us": 105, "run": 1050}
    assert not results.noisy


def test_noisy_repetitions_are_replaced_once_and_said() -> None:
    results = measure([turns(100, 200, 150, 99, 100, 101)], 3, print)
    assert (results.middle("chat")["us"], results.noisy) == (100, set())
    results = measure([turns(100, 200, 150, 100, 160, 300)], 3, print)
    assert (results.middle("chat")["us"], results.noisy) == (160, {"chat"})


def test_what_a_noisy_case_is_compared_to_is_measured_again() -> None:
    ran: list[str] = []
    figures = iter([50, 100, 50, 200, 60, 100, 60, 100])

    def run(name: str) -> Figures:
        ran.append(name)
        return {"us": float(next(figures))}

    cases = [Case("echo", lambda: run("echo")), Case("chat", lambda: run("chat"), beside="echo")]
    results = measure(cases, 2, print)
    assert ran == ["echo", "chat"] * 4
    assert results.middle("echo")["us"] == 60


def test_void_repetitions_give_no_figure() -> None:
    assert measure([turns(None, 100, 100, 100)], 3, print).middle("chat")["us"] == 100
    results = measure([turns(100, None, None)], 3, print)
    assert results.void == {"chat": "an ack is missing"}
    with pytest.raises(KeyError):
        results.middle("chat")


def test_a_mark_is_reached_from_its_own_side() -> None:
    assert Goal("x", "", "", (), of("", ""), more=True).reached(0.5, 0.5)
    assert not Goal("x", "", "", (), of("", ""), more=True).reached(0.49, 0.5)
    assert Goal("x", "", "", (), of("", "")).reached(1.15, 1.15)
    assert not Goal("x", "", "", (), of("", "")).reached(1.16, 1.15)


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.id)
def test_marks_are_in_order(goal: Goal) -> None:
    """A limit is at least as good as a goal, a goal as a bar; a row names what it is computed from."""
    marks = [mark for mark in (goal.bar, goal.goal, goal.limit) if mark is not None]
    assert marks == sorted(marks, reverse=not goal.more)
    with pytest.raises(KeyError):
        goal.value(Results())
    assert goal.needs
