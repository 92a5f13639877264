"""Runs measurements in turn, reference and product next to each other, and keeps the middle of three."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.bench.figures import noisy

Figures = Mapping[str, float]


class VoidError(Exception):
    """A measurement during which something was lost, refused or doubled: its figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Case:
    """Something to measure from a fresh start.

    ``main`` is the figure that decides which repetition is the middle one, ``beside`` the case it is compared to.
    """

    name: str
    run: Callable[[], Figures]
    main: str = "us"
    beside: str = ""


@dataclass(slots=True)
class Results:
    """What the repetitions of each case gave, and what is wrong with some."""

    figures: dict[str, list[Figures]] = field(default_factory=dict)
    noisy: set[str] = field(default_factory=set)
    void: dict[str, str] = field(default_factory=dict)
    mains: dict[str, str] = field(default_factory=dict)

    def middle(self, case: str) -> Figures:
        """The repetition with the median main figure; ``KeyError`` if the case is void or did not run."""
        if case in self.void:
            raise KeyError(case)
        main = self.mains[case]
        return sorted(self.figures[case], key=lambda figures: figures[main])[(len(self.figures[case]) - 1) // 2]


def measure(cases: Sequence[Case], repetitions: int, say: Callable[[str], None]) -> Results:
    """Run all cases in turn, *repetitions* times; again, once, those that came out noisy and what they are compared to.

    A void repetition is run once more; void again, the case has no figure.
    """
    results = Results(mains={case.name: case.main for case in cases})
    _run(cases, repetitions, results, say)
    beside = {case.beside for case in cases if case.name in results.noisy}
    again = [case for case in cases if case.name in results.noisy | beside]
    if again:
        say(f"noisy, measured again: {', '.join(sorted(results.noisy))}")
        for case in again:
            del results.figures[case.name]
        results.noisy.clear()
        _run(again, repetitions, results, say)
    return results


def _run(cases: Sequence[Case], repetitions: int, results: Results, say: Callable[[str], None]) -> None:
    for number in range(repetitions):
        for case in cases:
            if case.name in results.void:
                continue
            figures = _once(case, results, say)
            if figures is not None:
                results.figures.setdefault(case.name, []).append(figures)
                say(f"{number + 1}/{repetitions} {case.name:<24}{_told(figures)}")
    for case in cases:
        mains = [figures[case.main] for figures in results.figures.get(case.name, ())]
        if len(mains) > 1 and noisy(mains):
            results.noisy.add(case.name)


def _once(case: Case, results: Results, say: Callable[[str], None]) -> Figures | None:
    for last in (False, True):
        try:
            return case.run()
        except VoidError as error:
            say(f"    {case.name}: void: {error}")
            if last:
                results.void[case.name] = str(error)
    return None


def _told(figures: Figures) -> str:
    return "  ".join(
        f"{name} {value:,.3g}" if value < 1000 else f"{name} {value:,.0f}" for name, value in figures.items()
    )
