"""The main job, end to end through the public doors, on both databases."""

import asyncio
import uuid

from tests.support.hub import AGENT, HubProcess
from tests.support.visitor import agent, visitor


async def test_bot_person_and_back(hub: HubProcess) -> None:
    """A visitor chats, the bot's form asks, a person takes over from the queue and hands back."""
    async with visitor(hub) as guest, agent(hub) as desk:
        await guest.say("where is my order")
        await guest.wait_text("order number")
        await guest.say("FD-10234")
        await guest.wait_text("FD-10234 can be followed")
        await guest.say("I want to talk to a person")
        summary = await desk.wait("conversation", status="open")
        conversation = summary["id"]
        await guest.wait("conversation", status="open", id=conversation)
        with hub.client() as http:
            queue = http.get("/api/conversations", params={"view": "queue"}).json()
            assert conversation in [item["id"] for item in queue["items"]]
            assert queue["counts"]["queue"] == len(queue["items"])
            detail = http.get(f"/api/conversations/{conversation}").json()
            assert detail["brief"]["asked"] == "I want to talk to a person"
            assert "order_status" in detail["brief"]["intents"]
            assert detail["brief"]["slots"]["order_number"] == "FD-10234"
            assert detail["messages"][0]["trace"]["intent"] == "order_status"
            version = detail["conversation"]["version"]
            said = {"client_id": uuid.uuid4().hex, "text": "Hello, Mika here.", "version": version}
            answer = http.post(f"/api/conversations/{conversation}/messages", json=said)
            assert answer.status_code == 201, answer.text
            again = http.post(f"/api/conversations/{conversation}/messages", json=said)
            assert again.status_code == 200
            assert again.json()["seq"] == answer.json()["seq"]
            told = await guest.wait_text("Mika here")
            assert told["author"]["name"] == "Mika"
            claimed = await guest.wait("message", kind="activity")
            assert claimed["activity"]["what"] == "claimed"
            note = {"client_id": uuid.uuid4().hex, "kind": "note", "text": "a private word", "version": 0}
            assert http.post(f"/api/conversations/{conversation}/messages", json=note).status_code == 201
            await desk.wait_text("a private word")
            back = http.post(
                f"/api/conversations/{conversation}/hand-back",
                json={"version": answer.json()["version"], "slots": {}},
            )
            assert back.json()["status"] == "pending"
        await guest.say("what are your opening hours")
        await guest.wait_text("9")
        assert not [m for m in guest.heard("message") if "private" in m["text"]]
        seen = [m["seq"] for m in guest.heard("message")]
        assert seen == sorted(seen)


async def test_resume_after_restart(hub: HubProcess) -> None:
    """# INV-4: after a restart the same token finds the same conversation, nothing missing, nothing twice."""
    guest = await visitor(hub).connect()
    await guest.say("hello")
    await guest.wait("message", sender="bot")
    token = guest.ready["token"]
    hub.restart()
    async with visitor(hub, token) as later:
        seqs = [m["seq"] for m in later.ready["messages"]]
        assert seqs == list(range(1, later.ready["conversation"]["last_seq"] + 1))
        again = await later.say("hello again")
        assert again["conversation"] == later.ready["conversation"]["id"]
    await guest.close()


async def test_one_client_id_is_one_row(hub: HubProcess) -> None:
    """# INV-2: resends get the same seq; the key with another body is an error."""
    async with visitor(hub) as guest:
        acks = await asyncio.gather(*(guest.say("same", "key-1") for _ in range(5)))
        assert {ack["seq"] for ack in acks} == {1}
        assert sorted(ack["duplicate"] for ack in acks) == [False, True, True, True, True]
        other = await guest.say("different", "key-1")
        assert other["error"]["code"] == "key_reused"


async def test_order_of_a_pipelining_sender(hub: HubProcess) -> None:
    """# INV-5: eight in flight keep their order; # INV-3: seqs have no holes."""
    async with visitor(hub) as guest, agent(hub) as desk:
        gate = asyncio.Semaphore(8)

        async def send(number: int) -> dict[str, object]:
            async with gate:
                return await guest.say(f"number {number}", f"k{number}")

        acks = await asyncio.gather(*(send(number) for number in range(80)))
        seqs = [int(str(ack["seq"])) for ack in acks]
        assert seqs == sorted(seqs)
        conversation = str(acks[0]["conversation"])
        await asyncio.sleep(0.5)
        rows = []
        after = 0
        while True:
            page = await desk.call("sync", {"conversation": conversation, "after": after, "rev": 0})
            rows += page["messages"]
            if not page["next"]:
                break
            after = rows[-1]["seq"]
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))


async def test_stale_agent_cannot_write(hub: HubProcess) -> None:
    """# INV-11: whoever lost a chat cannot write to it or close it."""
    async with visitor(hub) as guest:
        await guest.say("I want to talk to a person")
        await guest.wait("conversation", status="open")
        with hub.client() as mika, hub.client(AGENT) as sora:
            mine = guest.heard("conversation", status="open")[0]["id"]
            found = mika.get(f"/api/conversations/{mine}").json()["conversation"]
            path = f"/api/conversations/{found['id']}"
            assert mika.post(f"{path}/claim", json={"version": found["version"]}).status_code == 200
            assert sora.post(f"{path}/claim", json={"version": found["version"]}).json()["code"] == "stale"
            now = sora.get(path).json()["conversation"]["version"]
            assert sora.post(f"{path}/claim", json={"version": now}).status_code == 200
            for number in range(20):
                late = {"client_id": f"late-{number}", "text": "too late", "version": now}
                assert mika.post(f"{path}/messages", json=late).status_code == 409
            assert mika.post(f"{path}/resolve", json={"version": now}).json()["code"] == "stale"
            texts = [m["text"] for m in sora.get(path).json()["messages"]]
            assert "too late" not in texts
