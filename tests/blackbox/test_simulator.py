"""The phone simulator: an inbox without an account, tried through the real webhook and the real sending."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.command import frontdesk
from tests.support.hub import ADMIN, AGENT, HubProcess
from tests.support.texting import new_phone, new_sid, until


@dataclass
class Phone:
    """A make-believe phone, as the simulator's page drives it."""

    http: httpx.Client
    inbox: str
    number: str

    def write(self, text: str) -> httpx.Response:
        return self.http.post(f"/api/simulator/{self.inbox}", json={"sender": self.number, "text": text})

    def shows(self) -> list[dict[str, Any]]:
        found = self.http.get(f"/api/simulator/{self.inbox}", params={"sender": self.number})
        items: list[dict[str, Any]] = found.json()["items"]
        return items

    def wait(self, fragment: str, state: str) -> dict[str, Any]:
        """A text of the hub, once it has come that far."""
        return until(
            lambda: next(
                (one for one in self.shows() if one["from_us"] and fragment in one["text"] and one["state"] == state),
                None,
            )
        )


@pytest.fixture(scope="module")
def simulated(hub: HubProcess) -> Iterator[tuple[httpx.Client, str]]:
    """An inbox that one command made, and an administrator."""
    told = frontdesk(hub, "inbox", "add", "sms", "--simulated", "--name", "Make-believe line")
    assert "/inbox#simulator" in told
    with hub.client(ADMIN) as http:
        found = until(lambda: [one for one in http.get("/api/inboxes").json() if one["name"] == "Make-believe line"])
        assert [one["simulated"] for one in found] == [True]
        yield http, found[0]["id"]


@pytest.fixture
def phone(simulated: tuple[httpx.Client, str]) -> Phone:
    """A new phone."""
    return Phone(*simulated, new_phone())


def _states(phone: Phone, conversation: str) -> set[str]:
    thread = phone.http.get(f"/api/conversations/{conversation}").json()
    return {one["state"] for one in thread["messages"] if one["sender"] in ("bot", "agent") and one["text"]}


def test_a_conversation_by_text(phone: Phone) -> None:
    """What the phone writes is answered by the bot, then by an agent; the reports of delivery come back."""
    taken = phone.write("where is my order")
    assert (taken.status_code, taken.json()["state"]) == (202, "delivered")
    phone.wait("order number", "delivered")
    phone.write("FD-10234")
    phone.wait("FD-10234", "delivered")
    (found,) = phone.http.get("/api/conversations", params={"view": "all", "q": phone.number}).json()["items"]
    said = {"client_id": new_sid("reply"), "text": "Mika here.", "version": found["version"]}
    assert phone.http.post(f"/api/conversations/{found['id']}/messages", json=said).status_code == 201
    phone.wait("Mika here.", "delivered")
    deadline = time.monotonic() + 5
    while (states := _states(phone, found["id"])) != {"delivered"}:
        assert time.monotonic() < deadline, states
        time.sleep(0.05)
    thread = phone.http.get(f"/api/conversations/{found['id']}").json()
    assert thread["contact"]["identities"][0]["proven"] is True
    shown = phone.shows()
    assert [item["from_us"] for item in shown][:2] == [False, True]
    assert [item["at"] for item in shown] == sorted(item["at"] for item in shown)


def test_a_menu_and_a_stop(phone: Phone) -> None:
    """Numbered buttons are answered by number; after STOP the phone hears nothing more."""
    phone.write("hello")
    phone.wait("2. Opening hours", "delivered")
    phone.write("2")
    phone.wait("9:00", "delivered")
    phone.write("STOP")
    heard = len(phone.shows())
    (found,) = phone.http.get("/api/conversations", params={"view": "all", "q": phone.number}).json()["items"]
    said = {"client_id": new_sid("reply"), "text": "Still there?", "version": found["version"]}
    refused = phone.http.post(f"/api/conversations/{found['id']}/messages", json=said)
    assert refused.json()["code"] == "opted_out"
    assert len(phone.shows()) == heard


def test_a_picture_of_an_agent(phone: Phone) -> None:
    """A file goes out as a signed address that the phone can open."""
    phone.write("I want to talk to a person")
    (found,) = until(
        lambda: phone.http.get("/api/conversations", params={"view": "queue", "q": phone.number}).json()["items"]
    )
    given = phone.http.post("/uploads", files={"file": ("hours.txt", b"nine to six", "text/plain")}).json()
    said = {"client_id": new_sid("reply"), "text": "", "attachments": [given["id"]], "version": found["version"]}
    assert phone.http.post(f"/api/conversations/{found['id']}/messages", json=said).status_code == 201
    shown = phone.wait("/files/", "delivered")
    assert httpx.get(shown["text"]).content == b"nine to six"


def test_two_phones_know_nothing_of_each_other(phone: Phone) -> None:
    """Each sees its own texts only."""
    other = Phone(phone.http, phone.inbox, new_phone())
    phone.write("hello")
    phone.wait("Opening hours", "delivered")
    assert other.shows() == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"sender": "5550100", "text": "hello"}, "sender"),
        ({"sender": "+15005550100", "text": "x" * 1_601}, "text"),
        ({"sender": "+15005550100", "text": "hello", "more": 1}, "more"),
        ({"sender": {"$ne": ""}, "text": "hello"}, "sender"),
    ],
)
def test_bad_input(phone: Phone, body: dict[str, Any], field: str) -> None:
    """# S-16: the field is named and nothing is sent."""
    refused = phone.http.post(f"/api/simulator/{phone.inbox}", json=body)
    assert (refused.status_code, refused.json()["field"]) == (400, field)


def test_only_administrators_and_only_simulated_inboxes(hub: HubProcess, phone: Phone) -> None:
    """# S-7: an agent is refused; an inbox with a real provider cannot be played."""
    path = f"/api/simulator/{phone.inbox}"
    with hub.client(AGENT) as agent:
        assert agent.get(path, params={"sender": phone.number}).status_code == 403
        assert agent.post(path, json={"sender": phone.number, "text": "hello"}).status_code == 403
    assert httpx.get(hub.url + path, params={"sender": phone.number}).status_code == 401
    assert Phone(phone.http, hub.inbox, phone.number).write("hello").status_code == 404
    assert [one["simulated"] for one in phone.http.get("/api/inboxes").json() if one["id"] == hub.inbox] == [False]
    assert phone.shows() == []


def test_without_the_switch_there_is_no_simulator(tmp_path: Path, sample_model: Path) -> None:
    """A hub that is not for development has no such route, even for a simulated inbox."""
    with HubProcess(tmp_path / "var", f"sqlite:///{tmp_path}/plain.db", sample_model, dev="false") as plain:
        frontdesk(plain, "inbox", "add", "sms", "--simulated")
        with plain.client() as http:
            (found,) = until(lambda: [one for one in http.get("/api/inboxes").json() if one["simulated"]])
            assert Phone(http, found["id"], new_phone()).write("hello").status_code == 404
            assert not any("/simulator" in path for path in http.get("/api/openapi.json").json()["paths"])
