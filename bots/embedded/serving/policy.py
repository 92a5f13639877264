"""What to do next: rules first, then the story that fits the longest stretch of what happened."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .tracker import REQUESTED, Tracker

LISTEN = "action_listen"
BY_VALUE = ("bool", "categorical")
"""Slot types whose value counts in a condition; of the others only whether they are set."""


@dataclass(frozen=True, slots=True)
class Point:
    """A place in a rule or story where an action is due, and what must have gone before."""

    before: tuple[str, ...]
    action: str
    loop: str | None
    any_loop: bool
    slots: Mapping[str, Any]
    entities: frozenset[str]
    start: bool
    source: str

    @property
    def weight(self) -> tuple[int, int]:
        """More specific first: a longer past, then more conditions."""
        return len(self.before), len(self.slots) + (not self.any_loop) + len(self.entities) + self.start


def points(flow: Mapping[str, Any]) -> Iterator[Point]:
    """Yield the places of a compiled rule or story where an action is due, its final wait included."""
    before: list[str] = []
    loop, any_loop = flow["loop"], flow["any_loop"]
    slots = dict(flow["slots"])
    entities: frozenset[str] = frozenset()

    def point(action: str) -> Point:
        return Point(tuple(before), action, loop, any_loop, dict(slots), entities, flow["start"], flow["name"])

    for kind, *rest in flow["steps"]:
        if kind == "slots":
            slots |= rest[0]
        elif kind == "loop":
            if any_loop or loop != rest[0]:
                before.append(f"l/{rest[0] or ''}")
            loop, any_loop = rest[0], False
        elif kind == "intent":
            if before and before[-1][0] != "i":
                yield point(LISTEN)
            before.append(f"i/{rest[0]}")
            entities = frozenset(rest[1])
        else:
            if before:
                yield point(rest[0])
            before.append(f"a/{rest[0]}")
            entities = frozenset()
    if before and before[-1][0] != "i" and flow["wait"]:
        yield point(LISTEN)


class Policy:
    """The flows of one assistant, ready to be asked."""

    def __init__(
        self, rules: Iterable[Mapping[str, Any]], stories: Iterable[Mapping[str, Any]], slots: Mapping[str, Any]
    ) -> None:
        self._types = {name: slot["type"] for name, slot in slots.items()}
        self._rules = _by_last(point for rule in rules for point in points(rule))
        self._stories = _by_last(point for story in stories for point in points(story))

    def rule(self, tracker: Tracker, entities: Sequence[str]) -> Point | None:
        """Return the most specific rule that says what is next."""
        fitting = [point for point in self._candidates(self._rules, tracker) if self._fits(point, tracker, entities)]
        return max(fitting, key=lambda point: point.weight, default=None)

    def story(self, tracker: Tracker, entities: Sequence[str]) -> Point | None:
        """Return the story whose past agrees longest with ours, back to the last message at least."""
        best: tuple[int, Point | None] = (0, None)
        since = next((count for count, token in enumerate(reversed(tracker.history), 1) if token[0] == "i"), 0)
        for point in self._candidates(self._stories, tracker):
            agreed = _agreement(point.before, tracker.history)
            if since and agreed >= since and agreed > best[0] and self._holds(point, tracker, entities):
                best = (agreed, point)
        return best[1]

    @staticmethod
    def _candidates(index: Mapping[str, list[Point]], tracker: Tracker) -> list[Point]:
        return index.get(tracker.history[-1], []) if tracker.history else []

    def _fits(self, point: Point, tracker: Tracker, entities: Sequence[str]) -> bool:
        size = len(point.before)
        if tuple(tracker.history[-size:]) != point.before or (point.start and len(tracker.history) != size):
            return False
        return self._holds(point, tracker, entities)

    def _holds(self, point: Point, tracker: Tracker, entities: Sequence[str]) -> bool:
        if not point.any_loop and point.loop != tracker.loop:
            return False
        return point.entities <= set(entities) and all(
            self._slot_holds(name, wanted, tracker) for name, wanted in point.slots.items()
        )

    def _slot_holds(self, name: str, wanted: Any, tracker: Tracker) -> bool:
        held = tracker.slots.get(name)
        if name == REQUESTED or self._types.get(name) in BY_VALUE:
            return bool(held == wanted)
        return (held is None) == (wanted is None)


def _by_last(found: Iterable[Point]) -> dict[str, list[Point]]:
    index: dict[str, list[Point]] = {}
    for point in found:
        index.setdefault(point.before[-1], []).append(point)
    return index


def _agreement(before: Sequence[str], history: Sequence[str]) -> int:
    count = 0
    for ours, theirs in zip(reversed(history), reversed(before), strict=False):
        if ours != theirs:
            break
        count += 1
    return count
