"""The other processes of a deployment: what they are told at once, as far as Redis carries, and what they are heard of.

Everything here is a hint. What must not be lost they find in the database.
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hub.agents import AgentDesk
from hub.bell import Bell, NoBell
from hub.colleagues import TOPIC, Colleagues
from hub.signin import SignIn

if TYPE_CHECKING:
    from hub.redisline import RedisLine

Publish = Callable[[str, str, str, Any], None]
"""Sends ``(namespace, room, event, data)`` to sockets."""


class Others:
    """Whom this process talks to over *line*; without one nobody hears."""

    def __init__(self, line: "RedisLine | None", publish: Publish) -> None:
        self.line = line
        self._publish = publish
        self._ending: set[asyncio.Task[None]] = set()
        self.bell: Bell = line or NoBell()

    def say(self, topic: str, data: Any) -> None:
        """Give the other processes a hint."""
        if self.line:
            self.line.say(topic, data)

    def hint(self, namespace: str, room: str, event: str, data: Any) -> None:
        """Send an event that may be lost to the sockets of every process."""
        self._publish(namespace, room, event, data)
        self.say("publish", [namespace, room, event, data])

    def listen(self, colleagues: Colleagues, signin: SignIn, desk: AgentDesk, missed: Callable[[], None]) -> None:
        """Act on what others say; *missed* is called when they may have said something unheard."""
        line = self.line
        if line is None:
            return

        async def tell_of_end(user: str) -> None:
            self.say("signed_out", user)

        def end(_process: str, user: str) -> None:
            signin.forget(user)
            task = asyncio.create_task(desk.cut(user))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

        def joined() -> None:
            missed()
            self.say("hello", None)
            colleagues.announce()

        signin.on_revoked.append(tell_of_end)
        line.on("publish", lambda _process, event: self._publish(*event))
        line.on("signed_out", end)
        line.on("hello", lambda _process, _data: colleagues.announce())
        line.on(TOPIC, colleagues.heard)
        line.joined = joined
