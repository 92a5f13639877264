"""A bot that is slow, gone, broken or talks nonsense costs two apologies; the third time a person is fetched."""

import asyncio
from collections.abc import Iterator

import pytest

from models import inboxes
from models.db import Database
from models.inboxes import NewInbox, TrainedModel
from tests.bots.peer import Play, RecordedRasa, sample
from tests.support.hub import HubProcess
from tests.support.visitor import visitor

FAULTS = {
    "slow": sample("rest_greet", wait=2.0),
    "down": Play(b"", drop=True),
    "error": Play(b'{"status":"failure"}', status=500),
    "malformed": Play(b'{"text": "not a list"}'),
}


@pytest.fixture
def rasa() -> Iterator[RecordedRasa]:
    peer = RecordedRasa()
    yield peer
    peer.close()


def add_bot(hub: HubProcess, name: str, url: str) -> None:
    """An inbox of its own whose assistant is a Rasa server at *url*."""
    db = Database(hub.database_url)
    config = {"url": url, "limit": 0.5}
    assistant = db.write_now(inboxes.promote, TrainedModel(name, "rasa", "remote", "remote", {}, config))
    db.write_now(inboxes.add, NewInbox("web", name, name, {}, assistant=assistant))
    db.close()


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_person_after_three_failures(hub: HubProcess, rasa: RecordedRasa, fault: str) -> None:
    """# INV-13"""
    add_bot(hub, fault, rasa.url)
    await asyncio.sleep(2.0)
    async with visitor(hub, key=fault) as guest:
        await guest.say("hello")
        await guest.wait("message", sender="bot")
        rasa.plays("POST webhook", FAULTS[fault])
        for number in (1, 2):
            await guest.say(f"are you there {number}")
            await guest.wait("message", seq=2 + 2 * number, sender="bot")
            assert not guest.heard("conversation", status="open")
        await guest.say("are you there 3")
        told = await guest.wait("conversation", status="open")
        with hub.client() as http:
            detail = http.get(f"/api/conversations/{told['id']}").json()
        assert detail["brief"]["reason"] == "bot_failed"
        assert detail["brief"]["asked"] == "are you there 3"
        said = [message["text"] for message in detail["messages"] if message["sender"] == "bot"][1:]
        assert said, "the customer is told"
        assert all("Sorry" in text for text in said)
