"""People on different processes see each other: typing, who looks at what, who is there; and leave together."""

import asyncio
import time
from typing import Any

from tests.support.hub import ADMIN, AGENT, HubProcess
from tests.support.redis import RedisServer
from tests.support.visitor import Socket, agent, visitor


def _user(hub: HubProcess, person: Any = ADMIN) -> str:
    with hub.client(person) as http:
        return str(http.get("/api/session").json()["id"])


async def _viewers(desk: Socket, conversation: str, wanted: set[str]) -> None:
    async with asyncio.timeout(8):
        while True:
            told = desk.heard("viewing", conversation=conversation)
            if told and {who["name"] for who in told[-1]["agents"]} == wanted:
                return
            await asyncio.sleep(0.05)


async def test_typing_is_seen_across(pair: HubProcess) -> None:
    here, there = pair.doors
    async with visitor(here) as guest, agent(there) as desk:
        conversation = (await guest.say("hello"))["conversation"]
        await desk.wait_text("hello")
        await guest.call("typing", {"on": True})
        assert (await desk.wait("typing", conversation=conversation))["sender"] == "contact"
        await desk.call("typing", {"on": True, "conversation": conversation})
        assert (await guest.wait("typing", conversation=conversation, sender="agent"))["name"] == "Mika"


async def test_a_tab_elsewhere_belongs_to_the_conversation(pair: HubProcess) -> None:
    """A conversation opened by a visitor's tab here is what their tab there types in, reads and ends."""
    here, there = pair.doors
    async with visitor(here) as first, agent(here) as desk, visitor(there, first.ready["token"]) as second:
        conversation = (await first.say("hello"))["conversation"]
        told = await second.wait("message", conversation=conversation)
        await second.call("seen", {"seq": told["seq"]})
        await desk.wait("seen", conversation=conversation)
        assert (await second.call("end", {}))["ok"]
        await first.wait("conversation", id=conversation, status="resolved")


async def test_who_looks_and_who_is_there(pair: HubProcess) -> None:
    here, there = pair.doors
    mika, sora = _user(pair), _user(pair, AGENT)
    async with agent(here) as one:
        async with agent(there, AGENT) as other:
            await one.wait("presence", agent=sora, availability="online")
            await other.call("presence", {"availability": "away"})
            await one.wait("presence", agent=sora, availability="away")
            await one.call("viewing", {"conversation": "a" * 32})
            await other.call("viewing", {"conversation": "a" * 32})
            for desk in (one, other):
                await _viewers(desk, "a" * 32, {"Mika", "Sora"})
            one.events.clear()
        await one.wait("presence", agent=sora, availability="offline")
        await _viewers(one, "a" * 32, {"Mika"})
        async with agent(there) as tab:
            await tab.call("presence", {"availability": "away"})
            await one.wait("presence", agent=mika, availability="away")


async def test_without_redis_rows_tell_who_is_there(pair: HubProcess, doorbell: RedisServer) -> None:
    """Who left a moment ago is believed to be back at their next sign of life, which is written every ten seconds."""
    here, there = pair.doors
    sora = _user(pair, AGENT)
    async with agent(here) as one:
        doorbell.kill()
        try:
            async with agent(there, AGENT) as other:
                await other.call("presence", {"availability": "away"})
                await one.wait("presence", 25.0, agent=sora, availability="away")
        finally:
            doorbell.start()


async def test_signing_out_here_ends_sockets_there(pair: HubProcess, doorbell: RedisServer) -> None:
    """# S-8: at once by a hint, and by looking where Redis is away."""
    here, there = pair.doors
    for redis in ("up", "down"):
        with here.client() as http:
            token = http.get("/api/session").json()["socket"]
            desk = await Socket(there, "/agent", {"v": 1, "token": token}).connect()
            if redis == "down":
                doorbell.kill()
            try:
                began = time.monotonic()
                assert http.delete("/api/session").status_code == 204
                async with asyncio.timeout(5.0):
                    await desk.client.wait()
            finally:
                if redis == "down":
                    doorbell.start()
            assert time.monotonic() - began < 5.0
