"""Rate limits: bursts, refilling, waiting times, and a bound on what is remembered."""

from hypothesis import given
from hypothesis import strategies as st

from hub.limits import Limit


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_one_at_a_time() -> None:
    clock = Clock()
    limit = Limit(5, 10.0, clock=clock)
    assert [limit.wait("a") for _ in range(5)] == [0.0] * 5
    assert limit.wait("a") == 2.0
    clock.now += 1.9
    assert 0 < limit.wait("a") < 0.11
    clock.now += 0.1
    assert limit.wait("a") == 0.0
    assert limit.wait("a") > 0


def test_asking_in_vain_takes_nothing() -> None:
    clock = Clock()
    limit = Limit(1, 10.0, clock=clock)
    assert limit.wait("a") == 0.0
    assert [limit.wait("a") for _ in range(50)] == [10.0] * 50
    clock.now += 10
    assert limit.wait("a") == 0.0


def test_keys_do_not_share() -> None:
    limit = Limit(1, 10.0, clock=Clock())
    assert limit.wait("a") == limit.wait("b") == 0.0


def test_old_keys_are_forgotten() -> None:
    clock = Clock()
    limit = Limit(1, 10.0, keys=100, clock=clock)
    for number in range(1_000):
        limit.wait(f"{number}")
    assert limit.wait("999") > 0
    assert limit.wait("0") == 0.0


def test_what_others_took_counts() -> None:
    """# S-23: a bucket emptied elsewhere is empty here; one that is fuller elsewhere changes nothing."""
    clock = Clock()
    limit = Limit(5, 10.0, clock=clock)
    limit.learn("a", 10.0)
    assert limit.wait("a") == 2.0
    limit.learn("a", 1.0)
    assert limit.wait("a") == 2.0
    clock.now += 2.0
    assert limit.wait("a") == 0.0


def test_only_what_was_taken_is_counted() -> None:
    limit = Limit(2, 10.0, clock=Clock())
    assert limit.taken() == {}
    assert [limit.wait(key) > 0 for key in "aaab"] == [False, False, True, False]
    assert limit.taken() == {"a": 2, "b": 1}
    assert limit.taken() == {}


@given(
    burst=st.integers(1, 20),
    seconds=st.floats(0.5, 60.0),
    steps=st.lists(st.floats(0.0, 10.0), min_size=1, max_size=60),
)
def test_never_more_than_burst_and_rate(burst: int, seconds: float, steps: list[float]) -> None:
    """In any stretch of time at most *burst* plus what has refilled; and whoever waits as told gets in."""
    clock = Clock()
    limit = Limit(burst, seconds, clock=clock)
    taken: list[float] = []
    for step in steps:
        clock.now += step
        wait = limit.wait("a")
        if wait:
            clock.now += wait
            assert limit.wait("a") == 0.0
        taken.append(clock.now)
    for first, begin in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= burst + (taken[last] - begin) * burst / seconds + 1e-6
