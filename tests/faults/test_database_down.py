"""PostgreSQL is stopped, or cannot be reached: nobody is told that something is stored, and all goes on by itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, create_engine, select, update
from sqlalchemy.engine import make_url

from models.db import Database
from models.tables import messages, outbox
from tests.faults.nursery import Nursery
from tests.faults.proxy import Proxy
from tests.faults.servers import OwnPostgres
from tests.support.hub import HubProcess
from tests.support.patience import until
from tests.support.scale import scaled
from tests.support.texting import Line, Provider, new_phone, new_sid
from tests.support.visitor import Socket, visitor

TOLD = 5.0
"""Seconds in which whoever asks must be told that nothing was stored; and in which all works again."""
ROUNDS = scaled(1, 4)
BUSY = 3.0
"""Seconds a busy machine may add."""


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[OwnPostgres]:
    with OwnPostgres(tmp_path / "pg") as server:
        yield server


@asynccontextmanager
async def unreachable(server: OwnPostgres, folder: Path) -> AsyncIterator[tuple[str, Proxy]]:
    """A way to *server* that can go dead: its URL, and the proxy."""
    url = make_url(server.url())
    host = str(url.query["host"])
    port = url.port or 5432
    async with Proxy(f"{host}/.s.PGSQL.{port}", f"{folder}/.s.PGSQL.{port}") as proxy:
        yield url.update_query_dict({"host": str(folder)}).render_as_string(hide_password=False), proxy


def _stored(conn: Connection) -> list[tuple[str | None, int]]:
    mine = messages.c.sender == "contact"
    return [(row.client_id, row.seq) for row in conn.execute(select(messages).where(mine))]


class Outage:
    """Visitors who write, an agent who acts, and a provider, before, during and after."""

    def __init__(self, guests: list[Socket], http: httpx.Client, line: Line) -> None:
        self.acked: dict[str, int] = {}
        self.refused: list[str] = []
        self._guests = guests
        self._http = http
        self._line = line

    async def say(self, guest: Socket, text: str) -> bool:
        """Write, once, under the text as its key; whether it was acked."""
        began = time.monotonic()
        ack = await guest.say(text, text)
        assert time.monotonic() - began < TOLD + BUSY, f"told after {time.monotonic() - began:.1f} s"
        if ack["ok"]:
            self.acked[text] = ack["seq"]
        else:
            assert ack["error"]["code"] == "unavailable"
            assert ack["error"]["retry_after"] > 0
            self.refused.append(text)
        return bool(ack["ok"])

    async def all_say(self, what: str) -> list[bool]:
        """Everybody writes at once."""
        return await asyncio.gather(*(self.say(guest, f"{what}-{n}") for n, guest in enumerate(self._guests)))

    async def act(self) -> httpx.Response:
        """The agent asks for the list."""
        return await asyncio.to_thread(self._http.get, "/api/conversations")

    async def text(self) -> httpx.Response:
        """A customer's text comes in."""
        return await asyncio.to_thread(self._line.text, new_phone(), "hello", new_sid())

    async def during(self) -> None:
        """Nothing is stored, and everybody is told so in time."""
        for number in range(ROUNDS):
            answers = await asyncio.gather(
                self.all_say(f"lost-{number}"), self._timed(self.act), self._timed(self.text)
            )
            assert not any(answers[0])
            for answer in answers[1:]:
                assert answer.status_code == 503, answer.text
                assert int(answer.headers["retry-after"]) > 0
            assert answers[1].json()["code"] == "unavailable"

    async def _timed(self, ask: Any) -> httpx.Response:
        began = time.monotonic()
        answer: httpx.Response = await ask()
        assert time.monotonic() - began < TOLD + BUSY, f"told after {time.monotonic() - began:.1f} s"
        return answer


@pytest.mark.timeout(180)
@pytest.mark.parametrize("fault", ["stopped", "unreachable"])
async def test_down(
    nursery: Nursery, counter_model: Path, tmp_path: Path, own_postgres: OwnPostgres, fault: str
) -> None:
    """# INV-15: a typed error within five seconds, no ack, and five seconds after its return all works again."""
    (tmp_path / "way").mkdir()
    async with unreachable(own_postgres, tmp_path / "way") as (way, proxy):
        url = own_postgres.url() if fault == "stopped" else way
        hub = await asyncio.to_thread(HubProcess, tmp_path / "var", url, counter_model, nursery.launch)
        with Provider() as provider:
            await asyncio.to_thread(hub.start)
            try:
                await _outage(hub, provider, own_postgres, proxy if fault == "unreachable" else None)
            finally:
                proxy.thaw()
                await asyncio.to_thread(hub.stop)
    assert '"exception"' not in hub.log()


async def _outage(hub: HubProcess, provider: Provider, server: OwnPostgres, proxy: Proxy | None) -> None:
    guests = [await visitor(hub).connect() for _ in range(6)]
    with ExitStack() as stack:
        http = await asyncio.to_thread(stack.enter_context, hub.client())
        outage = Outage(guests, http, await asyncio.to_thread(Line, hub, provider, http))
        assert all(await outage.all_say("before"))
        if proxy:
            proxy.freeze()
        else:
            await asyncio.to_thread(server.crash)
        try:
            await outage.during()
            assert not await asyncio.to_thread(hub.ready)
        finally:
            if proxy:
                proxy.thaw()
            else:
                await asyncio.to_thread(server.start)
        began = time.monotonic()

        async def works() -> bool:
            return all(await outage.all_say(f"again-{len(outage.refused)}"))

        await until(works, TOLD + BUSY)
        assert time.monotonic() - began < TOLD + BUSY
        for text in list(outage.refused):
            guest = guests[int(text.rpartition("-")[2])]
            assert await outage.say(guest, text)
        await asyncio.to_thread(_lapse, server)
        assert (await outage.act()).status_code == 200
        assert (await outage.text()).status_code == 200
        for number, guest in enumerate(guests):
            said = await guest.say("the last", f"last-{number}")
            await guest.wait("message", 15.0, sender="bot", prev=said["seq"])
    for guest in guests:
        await guest.close()
    _compare(server, outage.acked)


def _lapse(server: OwnPostgres) -> None:
    """Let leases run out: what was claimed while nobody could answer is lost to its claimer."""
    engine = create_engine(server.url())
    with engine.begin() as conn:
        conn.execute(update(outbox).where(outbox.c.state == "leased").values(lease_until=0))
    engine.dispose()


def _compare(server: OwnPostgres, acked: dict[str, int]) -> None:
    """Everything acked is there, where the ack said, once."""
    db = Database(server.url())
    try:
        rows = db.read_now(_stored)
    finally:
        db.close()
    stored = dict(rows)
    assert len([key for key, _ in rows if key]) == len({key for key, _ in rows if key})
    assert {key: stored.get(key) for key in acked} == acked
