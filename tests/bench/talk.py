"""Who takes part in a measured conversation: visitors who send, agents who listen, and what is counted of both.

Every text ends in a token, ``~visitor.number~``, so that whatever comes back is matched to the moment it was due.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from tests.bench.line import Door, Line

ACKED, ANSWERED = 1, 2
BOT = b'"sender":"bot"'
_ACK_TYPE = b"43"
_NO = b'"ok":false'


@dataclass(frozen=True, slots=True)
class Speech:
    """What is said, and when a message counts as done: ``ACKED``, or ``ACKED | ANSWERED`` where a bot answers."""

    event: str
    done: int
    text: str = "hello, where is my order"


CHAT = Speech("send", ACKED | ANSWERED)
ECHO = Speech("echo", ACKED)
ROOM = Speech("say", ACKED)


@dataclass(slots=True)
class Tally:
    """What was counted, and the latencies in seconds while ``recording``."""

    sent: int = 0
    acked: int = 0
    refused: int = 0
    answered: int = 0
    done: int = 0
    own: int = 0
    """Visitors' own messages that came back to them."""
    delivered: int = 0
    """Visitors' messages that reached an agent."""
    delivered_answers: int = 0
    visitor_frames: int = 0
    agent_frames: int = 0
    lost: int = 0
    first_refusal: str = ""
    recording: bool = False
    ack: list[float] = field(default_factory=list)
    answer: list[float] = field(default_factory=list)
    delivery: list[float] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """All counts by name."""
        return {name: value for name in self.__slots__ if type(value := getattr(self, name)) is int}


class Visitor:
    """Sends numbered messages. *done* is told when one is finished, whatever that means here."""

    __slots__ = ("_done", "_id", "_message", "_need", "_template", "due", "line", "pending", "tally")

    def __init__(
        self,
        number: int,
        door: Door,
        speech: Speech,
        tally: Tally,
        done: "Callable[[Visitor], None]",
        up: Callable[[], None],
    ) -> None:
        self.line = Line(door, self._hear, up, self._lost)
        self.tally = tally
        self.due: list[float] = []
        """When each message was, or should have been, sent."""
        self.pending: dict[int, int] = {}
        self._done = done
        self._need = speech.done
        self._id = 2 + len(door.prefix)
        self._message = f'42{door.prefix}["message"'.encode()
        who = f'{{"client_id":"{str(uuid4())[:24]}%012d","text":"{speech.text} ~{number}.%d~"}}'
        self._template = f'42{door.prefix}%d["{speech.event}",{who}]'.encode()

    def say(self, due: float) -> None:
        """Send the next message, which is due now or was a moment ago."""
        number = len(self.due)
        self.due.append(due)
        self.pending[number] = 0
        self.tally.sent += 1
        self.line.send(self._template % (number, number, number))

    def _hear(self, data: bytes, start: int, end: int) -> None:
        tally = self.tally
        tally.visitor_frames += 1
        if data.startswith(_ACK_TYPE, start):
            body = data.find(b"[", start, end)
            if data.find(_NO, body, end) >= 0:
                self._refused(data[start:end])
                return
            tally.acked += 1
            self._settle(int(data[start + self._id : body]), ACKED, tally.ack)
        elif data.startswith(self._message, start):
            if data.find(BOT, start, end) < 0:
                tally.own += 1
                return
            tally.answered += 1
            self._settle(token(data, start, end)[1], ANSWERED, tally.answer)

    def _settle(self, number: int, bit: int, latencies: list[float]) -> None:
        tally = self.tally
        if tally.recording:
            latencies.append(time.monotonic() - self.due[number])
        have = self.pending[number] | bit
        if have & self._need == self._need:
            del self.pending[number]
            tally.done += 1
            self._done(self)
        else:
            self.pending[number] = have

    def _refused(self, packet: bytes) -> None:
        self.tally.refused += 1
        self.tally.first_refusal = self.tally.first_refusal or packet[:300].decode(errors="replace")

    def _lost(self, why: str) -> None:
        self.tally.lost += 1
        self.tally.first_refusal = self.tally.first_refusal or why


class Agent:
    """Listens. With *timed* visitors each delivery's latency is taken; counting alone costs less."""

    __slots__ = ("_message", "_tally", "_timed", "line")

    def __init__(self, door: Door, tally: Tally, up: Callable[[], None], timed: Sequence[Visitor] = ()) -> None:
        self.line = Line(door, self._hear, up, self._lost)
        self._tally = tally
        self._timed = timed
        self._message = f'42{door.prefix}["message"'.encode()

    def _hear(self, data: bytes, start: int, end: int) -> None:
        tally = self._tally
        tally.agent_frames += 1
        if not data.startswith(self._message, start):
            return
        if data.find(BOT, start, end) >= 0:
            tally.delivered_answers += 1
            return
        tally.delivered += 1
        if self._timed and tally.recording:
            visitor, number = token(data, start, end)
            tally.delivery.append(time.monotonic() - self._timed[visitor].due[number])

    def _lost(self, _why: str) -> None:
        self._tally.lost += 1


def token(data: bytes, start: int, end: int) -> tuple[int, int]:
    """Visitor and number of the message that a packet repeats; ``ValueError`` without a token."""
    opening = data.index(b"~", start, end)
    closing = data.index(b"~", opening + 1, end)
    visitor, _, number = data[opening + 1 : closing].partition(b".")
    return int(visitor), int(number)
