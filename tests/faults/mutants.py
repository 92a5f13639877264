"""Hubs with one fault each, made by changing the loaded modules: the harness must find every one."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, select, true

from channels import SendError
from channels.sms import Sms
from hub.agents import AgentDesk
from hub.delivery import Deliverer
from hub.emitter import Emitter
from hub.hardened import HardenedServer
from hub.sweep import Sweep
from hub.visitors import VisitorDesk
from models import answers, db, outbox, ownership, receive, replies
from models.book import Book, Change
from models.tables import conversations
from models.tables import outbox as promises
from tests.faults import clocks

SLOW_COMMIT = 0.03
"""Seconds between the early ack and the commit, as on a slow disk."""


def _put(owner: object, name: str, fault: Any) -> None:
    """Replace a function of the hub."""
    setattr(owner, name, fault)


def ack_before_commit() -> None:
    """Senders are answered while the transaction is still open."""

    sound = db._Line._commit

    def commit(line: Any, transaction: Any, batch: list[Any]) -> None:
        early = [job for job in batch if job.fn is receive.receive]
        if early:
            db._resolve(early)
            time.sleep(SLOW_COMMIT)
        sound(line, transaction, batch)

    _put(db._Line, "_commit", commit)


def no_idempotency_key() -> None:
    """Every ``send`` and every webhook is a new message."""
    sound = receive.receive.run

    def run(conn: Connection, args: Sequence[receive.Receive]) -> list[receive.Received]:
        return sound(conn, [_as_if_new(arg) for arg in args])

    receive.receive = db.Batched(run)


def _as_if_new(arg: receive.Receive) -> receive.Receive:
    name = "client_id" if arg.inbound.client_id else "external_id"
    fresh = {name: f"{getattr(arg.inbound, name)}~{uuid4().hex[:8]}"}
    return replace(arg, inbound=arg.inbound.model_copy(update=fresh))


def no_resume() -> None:
    """``sync`` brings nothing back."""
    for desk in (VisitorDesk, AgentDesk):
        _put(desk, "_sync", _emptied(desk._sync))


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


def no_reconciliation() -> None:
    """A delivery that a killed process had begun is begun again."""
    sound = Deliverer.deliver

    async def deliver(deliverer: Deliverer, promise: Any) -> Any:
        promise.payload.pop("sending", None)
        return await sound(deliverer, promise)

    _put(Deliverer, "deliver", deliver)


def blind_repeat() -> None:
    """An answer that says nothing is taken for a no."""
    sound = Sms.send

    async def send(channel: Sms, *args: Any) -> Any:
        try:
            return await sound(channel, *args)
        except SendError as error:
            raise SendError("transient" if error.kind == "ambiguous" else error.kind, error.code) from None

    _put(Sms, "send", send)


def no_head_of_line() -> None:
    """A delivery that is put off lets those behind it pass."""
    due = outbox._DUE._generate()
    due._where_criteria = due._where_criteria[:-1]
    outbox._DUE = due
    outbox._HEAD = true()
    outbox._behind = lambda *_args: []
    _put(Book, "_queue_behind", lambda _book: None)


def no_fencing() -> None:
    """Whatever version an agent or the bot names, it counts as the one that is."""

    def current(conn: Connection, arg: Any) -> Any:
        known = select(conversations.c.version).where(conversations.c.id == arg.conversation)
        return replace(arg, version=conn.execute(known).scalar_one())

    sound_reply, sound_answer, sound_act = replies.reply.run, answers.answer.run, ownership.act
    replies.reply = db.Batched(lambda conn, args: sound_reply(conn, [current(conn, arg) for arg in args]))
    answers.answer = db.Batched(lambda conn, args: sound_answer(conn, [current(conn, arg) for arg in args]))
    ownership.act = lambda conn, arg: sound_act(conn, current(conn, arg))


def out_of_order() -> None:
    """Events overtake each other on their way to the sockets."""
    sound = HardenedServer.publish

    def publish(server: HardenedServer, *event: Any) -> None:
        asyncio.get_running_loop().call_later(Random().uniform(0.0, 0.05), sound, server, *event)

    _put(HardenedServer, "publish", publish)


def no_gap_filling() -> None:
    """What others committed meanwhile is not told before what is new."""
    sound = Emitter.tell

    def tell(emitter: Emitter, change: Change) -> None:
        told = emitter._told.get(change.conversation)
        sound(emitter, replace(change, before=min(told.rev, change.before)) if told else change)

    _put(Emitter, "tell", tell)


def no_sweep() -> None:
    """Nobody looks each second whether a bell was lost."""

    async def look(_sweep: Sweep) -> None:
        return None

    _put(Sweep, "look", look)


MUTANTS: dict[str, Callable[[], None]] = {
    "ack_before_commit": ack_before_commit,
    "no_idempotency_key": no_idempotency_key,
    "no_resume": no_resume,
    "forgotten_turns": forgotten_turns,
    "no_reconciliation": no_reconciliation,
    "blind_repeat": blind_repeat,
    "no_head_of_line": no_head_of_line,
    "no_fencing": no_fencing,
    "out_of_order": out_of_order,
    "no_gap_filling": no_gap_filling,
    "no_sweep": no_sweep,
    "clock_ahead": clocks.ahead,
    "clock_behind": clocks.behind,
}
