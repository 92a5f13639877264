"""The rows of the table: what each figure is, and what it must be. ``docs/performance.md`` explains them."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.figures import slope
from tests.bench.rounds import Results

AGENTS = (1, 5, 20)
MESSAGES = 2
"""What an agent is told of one visitor's message: the message, and the bot's answer."""


@dataclass(frozen=True, slots=True)
class Goal:
    """One row. ``bar`` must be reached, ``goal`` is wanted, ``limit`` is the best seen or computed; None: only told.

    ``more``: larger is better. ``needs`` are the cases that must have run.
    """

    id: str
    what: str
    unit: str
    needs: tuple[str, ...]
    value: Callable[[Results], float]
    bar: float | None = None
    goal: float | None = None
    limit: float | None = None
    more: bool = False

    @property
    def group(self) -> str:
        """What ``--only`` selects by: the id up to its first dash."""
        return self.id.partition("-")[0]

    def reached(self, value: float, mark: float | None) -> bool:
        """Whether *value* is as good as *mark*, to the precision the table shows."""
        if mark is None:
            return True
        return value >= mark if self.more else value <= mark


def of(case: str, figure: str, scale: float = 1.0) -> Callable[[Results], float]:
    """One figure of a case's middle repetition."""
    return lambda results: results.middle(case)[figure] * scale


def over(above: str, below: str, figure: str = "us", other: str = "") -> Callable[[Results], float]:
    """One case's figure divided by another's."""
    return lambda results: results.middle(above)[figure] / results.middle(below)[other or figure]


def per_agent(results: Results, name: str) -> float:
    """CPU of one more agent, µs per message of a visitor."""
    return slope({agents: results.middle(name.format(agents))["us"] for agents in AGENTS})


def recipient(results: Results) -> float:
    """CPU of one more recipient of one message here, over the same in a room of Node's Socket.IO."""
    chat = slope({1: us(results, "chat-100-1"), 5: us(results, "chat-100"), 20: us(results, "chat-100-20")})
    return chat / MESSAGES / per_agent(results, "room-{}")


def us(results: Results, case: str) -> float:
    """Server CPU per message."""
    return results.middle(case)["us"]


GOALS = [
    Goal("G1", "echo µs / full path µs, 100 chats, 5 agents", "ratio", ("echo-100", "chat-100"),
         over("echo-100", "chat-100"), 0.5, 0.7, 0.95, more=True),
    Goal("G1-one-agent", "the same with 1 agent", "ratio", ("echo-100", "chat-100-1"),
         over("echo-100", "chat-100-1"), 0.8, None, 1.5, more=True),
    Goal("G1-normal", "G1 with synchronous=NORMAL", "ratio", ("echo-100", "chat-100-normal"),
         over("echo-100", "chat-100-normal"), more=True),
    Goal("G1-postgresql", "G1 on PostgreSQL, its CPU aside", "ratio", ("echo-100", "chat-100-postgresql"),
         over("echo-100", "chat-100-postgresql"), more=True),
    Goal("G2", "echo µs / full path µs, 1,000 chats, 5 agents", "ratio", ("echo-1000", "chat-1000"),
         over("echo-1000", "chat-1000"), 1.0, 1.3, 2.6, more=True),
    Goal("G2-normal", "G2 with synchronous=NORMAL", "ratio", ("echo-1000", "chat-1000-normal"),
         over("echo-1000", "chat-1000-normal"), more=True),
    Goal("G3", "full path µs at 1,000 chats / at 100", "ratio", ("chat-1000", "chat-100"),
         over("chat-1000", "chat-100"), 1.15, 1.0, 0.75),
    Goal("G4", "CPU of one more recipient / in a Node Socket.IO room", "ratio",
         ("chat-100-1", "chat-100", "chat-100-20", "room-1", "room-5", "room-20"), recipient, 1.0, 0.6, 0.3),
    Goal("G5", "visitor → agent p50 / echo p50, 300 messages/s", "ratio", ("echo-open", "chat-open"),
         over("chat-open", "echo-open", "delivery_p50", "ack_p50"), 5.0, 3.0, 2.4),
    Goal("G5-p99", "visitor → agent p99, 300 messages/s", "ms", ("chat-open",),
         of("chat-open", "delivery_p99"), 25.0, 10.0, 8.0),
    Goal("G6", "CPU per stored message / raw sqlite3, same rows", "ratio", ("storage",),
         lambda results: results.middle("storage")["ours"] / results.middle("storage")["raw"], 2.5, 1.5, 1.0),
    Goal("G9", "memory of an idle visitor, of 3,000", "KiB", ("idle-3000",),
         of("idle-3000", "kib"), 48.0, 32.0, 17.0),
    Goal("G9-5000", "memory of an idle visitor, of 5,000", "KiB", ("idle-5000",),
         of("idle-5000", "kib"), 48.0, 32.0, 17.0),
    Goal("G10", "CPU per connect, 64 at once", "ms", ("idle-3000",),
         of("idle-3000", "connect_us", 1e-3), 1.0, 0.5, 0.12),
    Goal("G10-storm", "1,000 visitors cut off at once: all back", "s", ("storm",), of("storm", "back"), 3.0),
    Goal("G10-restart", "1,000 visitors, hub killed and started: all back", "s", ("storm",),
         of("storm", "restart"), 3.0),
    Goal("G11", "memory of an idle hub", "MB", ("start",), of("start", "mb"), 120.0, 90.0, 32.0),
    Goal("G11-start", "cold start: exec to the first visitor let in", "s", ("start",),
         of("start", "seconds"), 2.5, 1.5, 0.2),
    Goal("silent", "memory of a visitor who never reads, until dropped", "KiB", ("silent",),
         of("silent", "kib"), 1024.0),
]  # fmt: skip
