"""``verify_action`` (# INV-6): after every action, the old snapshot and the events since are the fresh snapshot."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.faults.engines.counter import PERSON
from tests.faults.mirrors import AgentColleagues, AgentList, AgentThread, VisitorScreen, differences
from tests.support.hub import AGENT, HubProcess
from tests.support.visitor import Socket, agent, visitor

SECONDS = 8.0
"""Time the events of an action may take."""


class Office:
    """A visitor, an agent, and the three screens that must follow whatever happens."""

    def __init__(self, hub: HubProcess, guest: Socket, desk: Socket, http: httpx.Client) -> None:
        self.hub = hub
        self.guest = guest
        self.desk = desk
        self.http = http
        self.conversation = ""
        self.screens: list[VisitorScreen | AgentThread | AgentList | AgentColleagues] = [
            VisitorScreen(hub, guest),
            AgentList(desk, http),
        ]

    async def verify(self, action: str) -> None:
        """Fail if a screen does not come to show what a fresh one shows."""
        for screen in self.screens:
            deadline = time.monotonic() + SECONDS
            while wrong := differences(screen.held(), await screen.fresh()):
                if time.monotonic() > deadline:
                    pytest.fail(f"after {action} the {screen.name} differs:\n" + "\n".join(wrong[:12]))
                await asyncio.sleep(0.1)

    async def say(self, text: str) -> None:
        """The visitor writes; the agent opens the thread when it comes up."""
        ack = await self.guest.say(text)
        if not self.conversation:
            self.conversation = ack["conversation"]
            self.screens.append(AgentThread(self.desk, self.http, self.conversation))

    def post(self, action: str, **body: Any) -> None:
        """One action of the agent, under the newest version."""
        path = f"/api/conversations/{self.conversation}"
        if action in ("messages", "read"):
            body = {**body, **({"client_id": uuid.uuid4().hex} if action == "messages" else {})}
        if action != "read":
            body["version"] = self.http.get(path).json()["conversation"]["version"]
        answer = self.http.post(f"{path}/{action}", json=body)
        assert answer.is_success, answer.text

    def contact(self, conversation: str) -> dict[str, Any]:
        """The customer record behind a conversation."""
        contact: dict[str, Any] = self.http.get(f"/api/conversations/{conversation}").json()["contact"]
        return contact


@pytest.fixture(scope="module")
def quick_hub(
    database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, counter_model: Path
) -> Any:
    folder = tmp_path_factory.mktemp("quick")
    url = f"sqlite:///{folder}/test.db"
    if database_kind == "postgresql":
        url = request.getfixturevalue("postgres").create()
    nursery = request.getfixturevalue("nursery")
    with HubProcess(folder / "var", url, counter_model, nursery.launch) as hub:
        yield hub


@pytest.fixture
async def office(quick_hub: HubProcess) -> AsyncIterator[Office]:
    async with visitor(quick_hub) as guest, agent(quick_hub) as desk:
        with quick_hub.client() as http:
            yield Office(quick_hub, guest, desk, http)


async def _step(office: Office, name: str, action: Callable[[], Any]) -> None:
    done = action()
    if isinstance(done, Awaitable):
        await done
    await office.verify(name)


async def test_bot_queue_and_person(office: Office) -> None:
    """A chat goes from the bot into the queue, to a person, to a colleague and back."""
    sora = next(person for person in office.http.get("/api/agents").json() if person["name"] == AGENT.name)
    await office.guest.call("page", {"url": "https://shop.example/sale?x=1", "title": "Sale", "referrer": ""})
    await _step(office, "send and answer", lambda: office.say("hello"))
    await _step(office, "a second answer", lambda: office.say("and again"))
    await _step(office, "typing", lambda: office.guest.call("typing", {"on": True}))
    async with visitor(office.hub) as other:
        await _step(office, "hand over", lambda: office.say(PERSON))
        await _step(office, "another in the queue", lambda: other.say(PERSON))
        await _step(office, "claim", lambda: office.post("claim"))
        await _step(office, "the other ends", lambda: other.call("end", {}))
    await _step(office, "reply", lambda: office.post("messages", text="Hello, Mika here."))
    await _step(office, "note", lambda: office.post("messages", kind="note", text="nice customer"))
    await _step(office, "customer answers", lambda: office.say("thanks"))
    await _step(office, "agent reads", lambda: office.post("read", seq=99))
    await _step(office, "customer reads", lambda: office.guest.call("seen", {"seq": 99}))
    await _step(office, "assign", lambda: office.post("assign", agent=sora["id"]))
    await _step(office, "release", lambda: office.post("assign", agent=None))
    await _step(office, "hand back", lambda: office.post("hand-back", slots={"size": "L"}))
    await _step(office, "send after hand back", lambda: office.say("hello bot"))


async def test_snooze_resolve_and_reopen(office: Office) -> None:
    """A chat is put aside, woken, closed, rated and opened again."""
    await _step(office, "send", lambda: office.say("hello"))
    await _step(office, "claim from the bot", lambda: office.post("claim"))
    await _step(office, "snooze", lambda: office.post("snooze", until=None))
    await _step(office, "wake by a message", lambda: office.say("are you there"))
    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat(timespec="milliseconds")
    await _step(office, "snooze until", lambda: office.post("snooze", until=soon))
    await _step(office, "wake by time", lambda: asyncio.sleep(3.2))
    await _step(office, "resolve", lambda: office.post("resolve"))
    await _step(office, "rate", lambda: office.guest.call("rate", {"score": 5, "comment": "quick"}))
    await _step(office, "reopen", lambda: office.post("reopen"))
    await _step(office, "resolve again", lambda: office.post("resolve"))
    await _step(office, "reopen by a message", lambda: office.say("one more thing"))
    await _step(office, "customer ends", lambda: office.guest.call("end", {}))


async def test_record_and_links(office: Office) -> None:
    """What changes outside a conversation, in its customer's record, reaches the screens as well."""
    await _step(office, "send", lambda: office.say("hello"))
    mine = office.contact(office.conversation)
    path = f"/api/contacts/{mine['id']}"
    await _step(office, "name", lambda: office.http.patch(path, json={"name": "Kim"}).raise_for_status())
    async with visitor(office.hub) as other:
        theirs = office.contact((await other.say("it is me"))["conversation"])
    link = {"identity": theirs["identities"][0]["id"], "reason": "said so"}
    await _step(office, "link", lambda: office.http.post(f"{path}/link", json=link).raise_for_status())
    await _step(office, "unlink", lambda: office.http.post(f"{path}/unlink", json=link).raise_for_status())
    await _step(office, "consent", lambda: office.guest.call("consent", {"purpose": "analytics", "granted": True}))
    await _step(office, "resolve", lambda: office.post("resolve"))
    await _step(
        office, "name of a resolved one", lambda: office.http.patch(path, json={"name": "Kim Lee"}).raise_for_status()
    )
