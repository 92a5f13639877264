"""Two processes that start at once on an empty database and an empty folder."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Connection, Table, func, select

from models import migrate
from models.db import Database
from models.tables import assistants, bot_models, inboxes
from tests.support.databases import Postgres
from tests.support.hub import HubProcess
from tests.support.visitor import visitor

pytestmark = pytest.mark.timeout(240)


def _count(conn: Connection, table: Table) -> int:
    return conn.execute(select(func.count()).select_from(table)).scalar_one()


async def test_two_first_starts_are_one(postgres: Postgres, redis_url: str, tmp_path: Path) -> None:
    """One migrates, trains the sample and makes the demo inbox and the key; the other waits, then finds all of it."""
    url = postgres.create()
    hub = HubProcess(tmp_path / "var", url, None, processes=2, redis_url=redis_url)
    with hub:
        db = Database(url)
        assert migrate.current(db) == migrate.head()
        counts = [db.read_now(_count, table) for table in (assistants, bot_models, inboxes)]
        db.close()
        assert counts == [1, 1, 1]
        assert hub.log().count("Training the sample assistant") == 1
        for door in hub.doors:
            async with visitor(door) as guest:
                await guest.say("where is my order")
                await guest.wait_text("order number")
                token = guest.ready["token"]
        async with visitor(hub.doors[0], token) as again:
            assert next(message["text"] for message in again.ready["messages"]) == "where is my order"
    said = [json.loads(line) for line in hub.log().splitlines() if line.startswith("{")]
    assert not [line for line in said if line["level"] == "error"]
