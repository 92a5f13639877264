"""``verify_action`` (# INV-6) for what the bot, files, a policy and texts do to a screen; nothing is left out."""

import ast
import asyncio
import inspect
import io
import uuid
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from hub.visitors import VisitorDesk
from tests.faults.mirrors import AgentColleagues, AgentThread
from tests.faults.nursery import Nursery
from tests.faults.test_snapshot import Office, _step
from tests.support.hub import AGENT, HubProcess
from tests.support.texting import ACCOUNT, Answer, Line, Provider, new_phone, new_sid, until
from tests.support.visitor import agent, visitor

READS = {"sync"}
"""Events that change nothing."""


@pytest.fixture(scope="module")
def moody_hub(
    database_kind: str,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    moody_model: Path,
    nursery: Nursery,
) -> Iterator[HubProcess]:
    folder = tmp_path_factory.mktemp("moody-hub")
    url = f"sqlite:///{folder}/test.db"
    if database_kind == "postgresql":
        url = request.getfixturevalue("postgres").create()
    with HubProcess(folder / "var", url, moody_model, nursery.launch) as hub:
        hub.add_inbox("web", "balanced", {}, assignment="balanced")
        yield hub


@pytest.fixture
async def office(moody_hub: HubProcess) -> AsyncIterator[Office]:
    async with visitor(moody_hub) as guest, agent(moody_hub) as desk:
        with moody_hub.client() as http:
            yield Office(moody_hub, guest, desk, http)


async def test_what_bots_do(office: Office) -> None:
    """Buttons, a choice, slots that become attributes, how a text was read, two misunderstandings, three failures."""
    await _step(office, "a menu", lambda: office.say("menu"))
    choice = {"client_id": "chosen", "choice": {"message_seq": 2, "index": 1}}
    await _step(office, "a choice", lambda: office.guest.call("send", choice))
    await _step(office, "not understood", lambda: office.say("lost"))
    await _step(office, "not understood again", lambda: office.say("lost"))
    await _step(office, "back to the bot", lambda: office.post("hand-back", slots={}))
    for number in range(3):
        await _step(office, f"a failure {number}", lambda: office.say("crash"))
    assert [row["status"] for row in office.http.get("/api/conversations?view=all").json()["items"]][:1] == ["open"]


async def test_files(office: Office) -> None:
    """A visitor's picture and an agent's file."""
    drawn = io.BytesIO()
    Image.new("RGB", (8, 6), "teal").save(drawn, "PNG")
    headers = {"authorization": f"Bearer {office.guest.ready['token']}", "x-site-key": "demo"}
    async with httpx.AsyncClient(base_url=office.hub.url) as theirs:
        taken = await theirs.post("/uploads", files={"file": ("a.png", drawn.getvalue(), "image/png")}, headers=headers)
    picture = taken.raise_for_status().json()["id"]
    await _step(office, "hello", lambda: office.say("plain"))
    said = {"client_id": uuid.uuid4().hex, "text": "see", "attachments": [picture]}
    await _step(office, "a picture", lambda: office.guest.call("send", said))
    await _step(office, "claim", lambda: office.post("claim"))
    kept = office.http.post(
        "/uploads", content=b"terms", headers={"x-file-name": "a.txt", "content-type": "text/plain"}
    )
    file = kept.raise_for_status().json()["id"]
    await _step(office, "a file of an agent", lambda: office.post("messages", text="here", attachments=[file]))


async def test_given_out(moody_hub: HubProcess) -> None:
    """A chat that a policy gives to whoever is there."""
    async with visitor(moody_hub, key="balanced") as guest, agent(moody_hub) as desk:
        with moody_hub.client() as http:
            office = Office(moody_hub, guest, desk, http)
            await _step(office, "assigned by policy", lambda: office.say("person"))
            await guest.wait("conversation", status="open")
            assert http.get(f"/api/conversations/{office.conversation}").json()["conversation"]["assignee"]
            await office.verify("the assignment")


class Texts(Office):
    """An agent's screens alone: who texts has none."""

    def __init__(self, office: Office, provider: Provider) -> None:
        super().__init__(office.hub, office.guest, office.desk, office.http)
        self.screens = self.screens[1:]
        self.phone = new_phone()
        self.sid = new_sid()
        self.line = Line(office.hub, provider, office.http)
        provider.tell(self.phone, Answer(sid=self.sid))

    async def text(self, body: str, **more: str) -> None:
        """The customer texts; the agent opens the thread when it comes up."""
        answer = await asyncio.to_thread(self.line.text, self.phone, body, **more)
        assert answer.status_code == 200
        if not self.conversation:
            (found,) = await asyncio.to_thread(until, lambda: self.line.find(self.phone))
            self.conversation = found["id"]
            self.screens.append(AgentThread(self.desk, self.http, self.conversation))

    async def status(self, state: str, **more: str) -> None:
        """The provider reports on our first text."""
        assert (await asyncio.to_thread(self.line.status, self.sid, state, **more)).status_code == 200

    async def reach(self, text: str, state: str) -> None:
        """Wait until our text has got so far."""
        await asyncio.to_thread(until, lambda: self.line.state(self.phone, text)[0] == state)


async def test_text_messages(office: Office) -> None:
    """Sent, delivered, failed, unclear; a picture fetched from the provider; STOP and START."""
    with Provider() as provider:
        texts = await asyncio.to_thread(Texts, office, provider)
        await _step(texts, "a text", lambda: texts.text("plain"))
        await texts.reach("yes: plain", "sent")
        await _step(texts, "delivered", lambda: texts.status("delivered"))
        drawn = io.BytesIO()
        Image.new("RGB", (8, 6), "teal").save(drawn, "PNG")
        provider.files["/media/1"] = ("image/png", drawn.getvalue())
        media = {"NumMedia": "1", "MediaUrl0": f"{provider.url}/media/1", "MediaContentType0": "image/png"}
        await _step(texts, "claim", lambda: texts.post("claim"))
        await _step(texts, "a picture", lambda: texts.text("see", **media))
        provider.tell(texts.phone, Answer(status=0), Answer(400, {"code": 21211, "message": "no", "status": 400}))
        await _step(texts, "an unclear reply", lambda: texts.post("messages", text="unclear"))
        await texts.reach("unclear", "uncertain")
        await _step(texts, "a refused reply", lambda: texts.post("messages", text="refused"))
        await texts.reach("refused", "failed")
        await texts.verify("the refusal")
        await _step(texts, "STOP", lambda: texts.text("STOP"))
        await _step(texts, "START", lambda: texts.text("START"))
        assert ACCOUNT in str(provider.fetched)


async def test_who_is_there(office: Office) -> None:
    """A colleague comes, looks away and is back."""
    office.screens = [AgentColleagues(office.desk, office.http)]
    sora = agent(office.hub, AGENT)
    await _step(office, "a colleague", sora.connect)
    for availability in ("away", "online"):
        await _step(office, availability, partial(sora.call, "presence", {"availability": availability}))
        assert availability in office.screens[0].held().values()
    await sora.close()


def _said() -> set[str]:
    """Every word and every part of a path that the tests of snapshots speak."""
    words: set[str] = set()
    for name in ("test_snapshot.py", "test_snapshot_more.py"):
        tree = ast.parse(Path(__file__).with_name(name).read_text())
        texts = [
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        words |= {part for text in texts for part in (text, *text.split("/"))}
    return words


def test_every_action_is_verified(moody_hub: HubProcess) -> None:
    """# INV-6: whatever a browser can ask to be changed is asked for above, or in ``test_snapshot``."""
    paths: dict[str, Any] = httpx.get(f"{moody_hub.url}/api/openapi.json").json()["paths"]
    changing = [path for path, verbs in paths.items() if set(verbs) & {"post", "put", "patch", "delete"}]
    talk = [path for path in changing if path.startswith(("/api/conversations/", "/api/contacts/", "/uploads"))]
    assert len(talk) > 10
    actions = {path.rpartition("/")[2] for path in talk if not path.endswith("}")}
    events = {name.removeprefix("_") for name, do in vars(VisitorDesk).items() if _handles_an_event(do)}
    assert len(events) > 7
    assert sorted((actions | events) - READS - _said()) == []


def _handles_an_event(do: Any) -> bool:
    return inspect.iscoroutinefunction(do) and list(inspect.signature(do).parameters) == ["self", "who", "data"]
