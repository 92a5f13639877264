"""A process that ends: its sockets are sent away a few at a time, its promises are given back."""

import asyncio

import pytest
from engineio.exceptions import SocketIsClosedError
from sqlalchemy import select, update

from hub import leaving
from hub.leaving import send_away
from models import outbox
from models.outbox import Claim
from models.tables import outbox as promises
from tests.support.stage import Stage


class Leaver:
    """Stands in for a socket of the library's."""

    def __init__(self, left: list[float]) -> None:
        self._left = left

    async def close(self, *, wait: bool) -> None:
        assert not wait, "nobody waits for a reader"
        self._left.append(asyncio.get_running_loop().time())
        if len(self._left) % 7 == 0:
            raise SocketIsClosedError


@pytest.mark.parametrize("number", [0, 1, 200])
async def test_sockets_leave_one_after_the_other(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """# INV-24: all of them, none twice, and never all at once; one that is gone already is no fault."""
    monkeypatch.setattr(leaving, "SHORTEST", 0.4)
    left: list[float] = []
    await send_away({str(one): Leaver(left) for one in range(number)})
    assert len(left) == number
    if number > 100:
        assert left[number // 2] - left[0] > 0.1
        assert left[-1] - left[number // 2] > 0.1


def test_promises_of_a_process_that_ends_are_there_for_the_next(database_url: str) -> None:
    stage = Stage(database_url)
    try:
        for number in range(3):
            stage.say("hello", f"v:{number}", has_bot=True)
        with stage.db.writing.begin() as conn:
            first = conn.execute(select(promises.c.id).order_by(promises.c.id)).scalars().first()
            conn.execute(update(promises).where(promises.c.id == first).values(owner="another"))
        assert stage.db.write_now(outbox.claim, Claim("next")) == []
        stage.db.write_now(outbox.release_all, "owner")
        taken = {one.id for one in stage.db.write_now(outbox.claim, Claim("next"))}
        assert len(taken) == 2
        assert first not in taken
    finally:
        stage.close()
