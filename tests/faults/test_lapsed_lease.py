"""A process that lost its lease (frozen, or cut off from its database for long) must leave the work to who took it."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, update

from models.tables import outbox
from tests.faults.nursery import Nursery
from tests.support.databases import Postgres
from tests.support.hub import HubProcess
from tests.support.texting import Answer, Line, Provider, new_phone, new_sid, until


@pytest.fixture
def pair(
    nursery: Nursery, counter_model: Path, tmp_path: Path, postgres: Postgres, redis_url: str
) -> Iterator[HubProcess]:
    url = postgres.create()
    with HubProcess(tmp_path, url, counter_model, nursery.launch, processes=2, redis_url=redis_url) as hub:
        yield hub


def _let_leases_lapse(hub: HubProcess) -> None:
    """As if their owner had not been heard of for long."""
    engine = create_engine(hub.database_url)
    with engine.begin() as conn:
        conn.execute(update(outbox).where(outbox.c.state == "leased").values(lease_until=0))
    engine.dispose()


def test_frozen_process_sends_nothing_twice(pair: HubProcess) -> None:
    """# INV-8, # INV-9: it wakes with messages in line that the other process has sent meanwhile."""
    with Provider() as provider, pair.doors[0].client() as http:
        line, phone = Line(pair, provider, http, bot=False), new_phone()
        assert line.text(phone, "hello").is_success
        found = line.thread(phone)["conversation"]
        version = found["version"]
        provider.tell(phone, Answer(hold=1.0))
        for number in range(3):
            said = {"client_id": new_sid("reply"), "text": f"reply {number}", "version": version}
            answer = http.post(f"/api/conversations/{found['id']}/messages", json=said).raise_for_status()
            version = answer.json()["version"]
        provider.wait(phone, "reply 0")
        os.kill(pair.pid_of(0), signal.SIGSTOP)
        try:
            _let_leases_lapse(pair)
            provider.wait(phone, "reply 2")
        finally:
            os.kill(pair.pid_of(0), signal.SIGCONT)
        until(lambda: {line.state(phone, f"reply {number}")[0] for number in range(3)} == {"sent"})
        time.sleep(0.5)
        assert provider.texts(phone) == ["reply 0", "reply 1", "reply 2"]
