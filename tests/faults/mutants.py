"""Hubs with one fault each, made by changing the loaded modules: the harness must find every one."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from hub.agents import AgentDesk
from hub.visitors import VisitorDesk
from models import db, outbox, receive
from models.tables import outbox as promises

SLOW_COMMIT = 0.03
"""Seconds between the early ack and the commit, as on a slow disk."""


def ack_before_commit() -> None:
    """Senders are answered while the transaction is still open."""

    sound = db._Line._commit

    def commit(line: Any, transaction: Any, batch: list[Any]) -> None:
        early = [job for job in batch if job.fn is receive.receive]
        if early:
            db._resolve(early)
            time.sleep(SLOW_COMMIT)
        sound(line, transaction, batch)

    db._Line._commit = commit  # type: ignore[assignment, method-assign]  # that is the fault


def no_idempotency_key() -> None:
    """Every ``send`` is a new message."""
    sound = receive.receive.run

    def run(conn: Connection, args: Sequence[receive.Receive]) -> list[receive.Received]:
        return sound(conn, [_as_if_new(arg) for arg in args])

    receive.receive = db.Batched(run)


def _as_if_new(arg: receive.Receive) -> receive.Receive:
    fresh = f"{arg.inbound.client_id}~{uuid4().hex[:8]}"
    return replace(arg, inbound=arg.inbound.model_copy(update={"client_id": fresh}))


def no_resume() -> None:
    """``sync`` brings nothing back."""
    for desk in (VisitorDesk, AgentDesk):
        desk._sync = _emptied(desk._sync)  # type: ignore[method-assign]  # that is the fault


def _emptied(sound: Callable[..., Any]) -> Callable[..., Any]:
    async def sync(desk: Any, who: Any, data: Any) -> dict[str, Any]:
        ack: dict[str, Any] = await sound(desk, who, data)
        return {**ack, "messages": [], "changed": [], "next": False}

    return sync


def forgotten_turns() -> None:
    """What a killed process had promised is not taken up by the next one."""

    def void(conn: Connection, _arg: None = None) -> None:
        conn.execute(promises.delete())

    outbox.void_leases = void


MUTANTS: dict[str, Callable[[], None]] = {
    "ack_before_commit": ack_before_commit,
    "no_idempotency_key": no_idempotency_key,
    "no_resume": no_resume,
    "forgotten_turns": forgotten_turns,
}
