"""The picture of who is there: own agents, hints of other processes, presence rows; who left is not brought back."""

from typing import Any

import pytest

from hub import colleagues
from hub.colleagues import TOPIC, Colleagues
from models.wire import Availability

ANN: Any = {"id": "ann", "name": "Ann"}
BEA: Any = {"id": "bea", "name": "Bea"}


class Desk:
    """One process: what its agents were told, what it said to others, and what its agents chose elsewhere."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.said: list[Any] = []
        self.chosen: list[tuple[str, Availability]] = []
        self.of = Colleagues(lambda event, data: self.told.append((event, data)), self._say)
        self.of.chosen = lambda user, availability: self.chosen.append((user, availability))

    def _say(self, topic: str, data: Any) -> None:
        assert topic == TOPIC
        self.said.append(data)

    def presence(self) -> list[tuple[str, str]]:
        return [(data["agent"], data["availability"]) for event, data in self.told if event == "presence"]

    def viewing(self) -> list[tuple[str, list[str]]]:
        shown = [data for event, data in self.told if event == "viewing"]
        return [(data["conversation"], [who["name"] for who in data["agents"]]) for data in shown]

    def hears(self, process: str, desk: "Desk") -> None:
        """Take everything another process said."""
        for hint in desk.said:
            self.of.heard(process, hint)
        desk.said.clear()


@pytest.fixture
def desks() -> tuple[Desk, Desk]:
    return Desk(), Desk()


async def test_what_one_process_says_is_the_others_picture(desks: tuple[Desk, Desk]) -> None:
    one, other = desks
    one.of.here(ANN, "online", ["c1"])
    other.hears("p1", one)
    assert other.presence() == [("ann", "online")]
    assert other.of.viewers("c1") == [ANN]
    other.of.here(BEA, "online", ["c1"])
    assert other.viewing()[-1] == ("c1", ["Bea", "Ann"])
    one.of.here(ANN, "away", ["c2"])
    other.hears("p1", one)
    assert other.presence()[-1] == ("ann", "away")
    assert sorted(other.viewing()[-2:]) == [("c1", ["Bea"]), ("c2", ["Ann"])]
    one.of.gone("ann")
    other.hears("p1", one)
    assert other.presence()[-1] == ("ann", "offline")
    assert other.of.viewers("c2") == []


async def test_nothing_is_told_twice(desks: tuple[Desk, Desk]) -> None:
    one, other = desks
    one.of.here(ANN, "online", ["c1"])
    for _ in range(3):
        one.of.announce()
        other.hears("p1", one)
    assert other.presence() == [("ann", "online")]
    assert other.viewing() == [("c1", ["Ann"])]


async def test_who_is_in_two_processes_leaves_with_the_second(desks: tuple[Desk, Desk]) -> None:
    one, other = desks
    other.of.here(ANN, "online", [])
    one.of.here(ANN, "online", ["c1"])
    other.hears("p1", one)
    one.of.gone("ann")
    other.hears("p1", one)
    assert other.presence() == [("ann", "online")]
    assert other.of.availability("ann") == "online"
    other.of.gone("ann")
    assert other.presence()[-1] == ("ann", "offline")


async def test_a_choice_made_elsewhere_is_adopted_here(desks: tuple[Desk, Desk]) -> None:
    """By a hint at once; without one when the presence row turns from ours into another."""
    one, other = desks
    other.of.here(ANN, "online", [])
    one.of.here(ANN, "away", [], chose=True)
    other.hears("p1", one)
    assert other.chosen == [("ann", "away")]
    one.of.here(ANN, "online", [])
    other.hears("p1", one)
    assert other.chosen == [("ann", "away")], "being somewhere is no choice"
    other.of.look({"ann": ("online", 1)})
    other.of.look({"ann": ("away", 2)})
    assert other.chosen[1:] == [("ann", "away")]


async def test_a_choice_of_ours_is_not_undone_by_an_older_row(desks: tuple[Desk, Desk]) -> None:
    one, _ = desks
    one.of.here(ANN, "online", [])
    one.of.look({"ann": ("online", 1)})
    one.of.here(ANN, "away", [], chose=True)
    one.of.look({"ann": ("online", 1)})
    assert one.chosen == []


async def test_rows_tell_of_whom_nobody_speaks(desks: tuple[Desk, Desk]) -> None:
    one, _ = desks
    one.of.look({"ann": ("online", 1)})
    one.of.look({"ann": ("away", 2)})
    one.of.look({})
    assert one.presence() == [("ann", "online"), ("ann", "away"), ("ann", "offline")]


async def test_an_old_row_does_not_bring_back_who_left(desks: tuple[Desk, Desk]) -> None:
    """The last sign of life stays for a while; only a newer one counts."""
    one, other = desks
    one.of.here(ANN, "online", [])
    other.hears("p1", one)
    one.of.gone("ann")
    other.hears("p1", one)
    for _ in range(3):
        other.of.look({"ann": ("online", 7)})
    assert other.presence() == [("ann", "online"), ("ann", "offline")]
    other.of.look({"ann": ("online", 8)})
    assert other.presence()[-1] == ("ann", "online")


async def test_a_process_that_died_is_forgotten(desks: tuple[Desk, Desk], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its hints run out; its agents' rows do, too."""
    one, other = desks
    monkeypatch.setattr(colleagues, "LASTS", -1.0)
    one.of.here(ANN, "online", ["c1"])
    other.hears("p1", one)
    other.of.look({})
    assert other.presence() == [("ann", "online"), ("ann", "offline")]
    assert other.viewing() == [("c1", ["Ann"]), ("c1", [])]
