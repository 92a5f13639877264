"""A newcomer adds a channel and a bot engine: one file each, nothing else is touched, and a running hub uses them."""

import hashlib
import hmac
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import httpx
import pytest

from tests.support.command import frontdesk
from tests.support.hub import ROOT, HubProcess, Process
from tests.support.texting import Provider, until

KEY = "a key that both ends know"
PIGEON = '''
"""Carrier pigeons: signed JSON in, a form to the loft out."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

import httpx
from pydantic import BaseModel, SecretStr

from channels import Call, Caps, MediaSource, Reply, Request, SendError, Sent
from models.inbound import Event, Inbound, Outbound


class PigeonConfig(BaseModel):
    key: SecretStr
    loft: str


class Pigeon:
    kind = "pigeon"
    caps = Caps(label="Carrier pigeon", icon="M2 2h20v20z", delivery="call", text_max=80)
    Config = PigeonConfig

    def challenge(self, request: Request, config: PigeonConfig) -> Reply | None:
        return None

    def verify(self, request: Request, config: PigeonConfig, now: float) -> bool:
        expected = hmac.new(config.key.get_secret_value().encode(), request.body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(request.headers.get("x-ring", "").encode("utf-8", "replace"), expected.encode())

    def parse(self, request: Request, config: PigeonConfig) -> Sequence[Event]:
        note = json.loads(request.body)
        return [Inbound(address=note["from"], proven=True, external_id=note["id"], text=note["text"])]

    def ack(self, request: Request, events: Sequence[Event]) -> Reply:
        return Reply(body=b"coo")

    def render(self, message: Outbound, config: PigeonConfig) -> Sequence[Call]:
        return [Call({"To": message.address, "Body": message.text})]

    async def send(self, call: Call, config: PigeonConfig, http: httpx.AsyncClient) -> Sent:
        answer = await http.post(config.loft, data=dict(call.payload))
        if not answer.is_success:
            raise SendError("invalid", str(answer.status_code))
        return Sent(answer.json()["sid"])

    def media(self, url: str, config: Any) -> MediaSource:
        return MediaSource(url)


def create() -> Pigeon:
    return Pigeon()
'''
PARROT = '''
"""A bot that says it again."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bots import Finding, Report
from models.turns import Answer, BotMessage, HandOver, Reading, Turn


class ParrotBot:
    model = "polly-1"
    limit = 1.0

    async def answer(self, turn: Turn) -> Answer:
        if "person" in turn.text:
            return Answer(hand_over=HandOver(reason="bored"))
        said = BotMessage(text=f"{turn.text}, says a {turn.channel}!")
        return Answer(messages=[said], reading=Reading(text=turn.text, intent="chatter", confidence=1.0))

    async def parse(self, texts: Sequence[str]) -> list[Reading]:
        return [Reading(text=text, intent="chatter", confidence=1.0) for text in texts]

    async def close(self) -> None:
        """Fly away."""


class Parrot:
    kind = "parrot"

    def check(self, project: Path) -> list[Finding]:
        return []

    async def train(self, project: Path, out: Path, progress: Callable[[str], None]) -> Report:
        model = out / "polly-1"
        model.mkdir()
        return Report(model, "polly-1", 0.0)

    async def open(self, model: Path) -> ParrotBot:
        assert model.is_dir()
        return ParrotBot()


def create(config: Mapping[str, Any]) -> Parrot:
    return Parrot()
'''


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code with one file more in channels/ and one in bots/."""
    copy = tmp_path_factory.mktemp("tree")
    for room in ("hub", "models", "channels", "bots"):
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "channels" / "pigeon.py").write_text(PIGEON)
    (copy / "bots" / "parrot.py").write_text(PARROT)
    return copy


@pytest.fixture(scope="module")
def loft() -> Iterator[Provider]:
    """Where pigeons are sent to."""
    with Provider() as running:
        yield running


@pytest.fixture(scope="module")
def newcomer(
    tree: Path, loft: Provider, tmp_path_factory: pytest.TempPathFactory, sample_model: Path
) -> Iterator[HubProcess]:
    """A hub that runs the copy, set up by the command line alone."""

    def serve(environ: Mapping[str, str], log: IO[bytes]) -> Process:
        command = [sys.executable, "-c", "from hub.cli import main; main()", "serve"]
        return subprocess.Popen(command, cwd=tree, env=environ, stdout=log, stderr=log)

    folder = tmp_path_factory.mktemp("newcomer")
    hub = HubProcess(folder / "var", f"sqlite:///{folder}/hub.db", sample_model, launch=serve)
    project = folder / "polly"
    project.mkdir()
    settings = ("--set", f"loft={loft.url}", "--secret", "key=env:PIGEON_KEY")
    frontdesk(hub, "inbox", "add", "pigeon", "--key", "loft", *settings, root=tree, PIGEON_KEY=KEY)
    frontdesk(hub, "bot", "train", str(project), "--engine", "parrot", "--inbox", "loft", root=tree)
    with hub:
        yield hub


def post(hub: HubProcess, inbox: str, note: dict[str, str], key: str = KEY) -> httpx.Response:
    body = json.dumps(note).encode()
    ring = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    return httpx.post(f"{hub.url}/webhooks/pigeon/{inbox}", content=body, headers={"x-ring": ring})


def test_a_toy_channel_gets_a_toy_bots_answer(newcomer: HubProcess, loft: Provider) -> None:
    """A signed webhook in, the answer out, the record complete, a person on wish; a forged one is refused."""
    with newcomer.client() as http:
        (inbox,) = [one for one in http.get("/api/inboxes").json() if one["channel"] == "Carrier pigeon"]
        assert (inbox["text_max"], inbox["simulated"]) == (80, False)
        note = {"id": "ring-1", "from": "rooftop 7", "text": "Land ahoy"}
        assert post(newcomer, inbox["id"], note, "a wrong key").status_code == 403
        for _ in range(3):
            assert post(newcomer, inbox["id"], note).text == "coo"
        assert loft.wait("rooftop 7").body == "Land ahoy, says a pigeon!"
        (found,) = http.get("/api/conversations", params={"view": "all"}).json()["items"]
        thread = f"/api/conversations/{found['id']}"
        until(lambda: [m["state"] for m in http.get(thread).json()["messages"]] == ["stored", "sent"])
        trace = http.get(thread).json()["messages"][0]["trace"]
        assert (trace["intent"], trace["model"]) == ("chatter", "polly-1")
        post(newcomer, inbox["id"], {"id": "ring-2", "from": "rooftop 7", "text": "a person, please"})
        until(lambda: http.get(thread).json()["conversation"]["status"] == "open")
        assert http.get(thread).json()["brief"]["reason"] == "bored"
        version = http.get(thread).json()["conversation"]["version"]
        said = {"client_id": "reply-1", "text": "Mika here.", "version": version}
        assert http.post(f"{thread}/messages", json=said).status_code == 201
        loft.wait("rooftop 7", "Mika here.")
    assert loft.texts("rooftop 7").count("Land ahoy, says a pigeon!") == 1
