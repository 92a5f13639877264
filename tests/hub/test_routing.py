"""Who should answer: the policies, which are pure."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hub.routing import POLICIES, balanced, manual
from models.ownership import Candidate, Waiting

CHAT = Waiting("c", 1, "inbox", "en", None)
PEOPLE = st.lists(
    st.builds(
        Candidate, id=st.sampled_from("abcdef"), name=st.just("N"), load=st.integers(0, 9), capacity=st.integers(0, 9)
    ),
    max_size=6,
    unique_by=lambda agent: agent.id,
)


def test_manual_assigns_nobody() -> None:
    assert manual(CHAT, [Candidate("a", "Ann", 0, 5)]) is None


def test_the_least_busy_share_wins() -> None:
    ann, bea = Candidate("a", "Ann", 2, 4), Candidate("b", "Bea", 2, 5)
    decision = balanced(CHAT, [ann, bea])
    assert decision is not None
    assert decision.agent == {"id": "b", "name": "Bea"}
    assert decision.inputs["candidates"] == [
        {"agent": "a", "load": 2, "capacity": 4},
        {"agent": "b", "load": 2, "capacity": 5},
    ]


def test_the_last_agent_keeps_a_customer_while_there_is_room() -> None:
    ann, bea = Candidate("a", "Ann", 4, 5), Candidate("b", "Bea", 0, 5)
    before = replace(CHAT, last_agent="a")
    kept = balanced(before, [ann, bea])
    assert kept is not None
    assert (kept.agent["id"], kept.inputs["sticky"]) == ("a", True)
    full = balanced(before, [replace(ann, load=5), bea])
    assert full is not None
    assert (full.agent["id"], full.inputs["sticky"]) == ("b", False)


@given(people=PEOPLE, last=st.sampled_from(["a", "b", None]))
def test_balanced_never_overloads_and_never_idles(people: list[Candidate], last: str | None) -> None:
    # INV-10
    decision = balanced(replace(CHAT, last_agent=last), people)
    free = [agent for agent in people if agent.load < agent.capacity]
    assert (decision is None) == (not free)
    if decision is not None:
        chosen = next(agent for agent in free if agent.id == decision.agent["id"])
        sticky = chosen.id == last
        assert sticky or all(chosen.load / chosen.capacity <= agent.load / agent.capacity for agent in free)
        assert balanced(replace(CHAT, last_agent=last), people[::-1]) is not None
        again = balanced(replace(CHAT, last_agent=last), people[::-1])
        assert again is not None
        assert again.agent == decision.agent


def test_every_policy_has_a_name() -> None:
    assert set(POLICIES) == {"manual", "balanced"}
    assert (POLICIES["manual"], POLICIES["balanced"]) == (manual, balanced)
