"""Who should answer: pure policies, testable without a database."""

from collections.abc import Sequence

from models.ownership import Assignment, Candidate, Policy, Waiting


def manual(_chat: Waiting, _people: Sequence[Candidate]) -> Assignment | None:
    """Agents pick from the queue themselves."""
    return None


def balanced(chat: Waiting, people: Sequence[Candidate]) -> Assignment | None:
    """The customer's last agent if there is room, else whoever has the smallest share of their capacity in use."""
    free = [agent for agent in people if agent.load < agent.capacity]
    if not free:
        return None
    same = next((agent for agent in free if agent.id == chat.last_agent), None)
    best = same or min(free, key=lambda agent: (agent.load / agent.capacity, agent.load, agent.id))
    seen = [{"agent": agent.id, "load": agent.load, "capacity": agent.capacity} for agent in people]
    inputs = {"candidates": seen, "sticky": same is not None}
    return Assignment({"id": best.id, "name": best.name}, "balanced", inputs)


POLICIES: dict[str, Policy] = {"manual": manual, "balanced": balanced}
