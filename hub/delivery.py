"""Delivers messages through providers: render, call, record. Ambiguous sends are shown, never repeated blindly."""

import logging
from collections.abc import Callable
from typing import Any

import httpx

from channels import SendError
from hub.aftermath import Aftermath
from hub.figures import Figures
from hub.registry import LiveInbox, Registry
from hub.worker import Retry
from models import deliveries, inboxes, outbox
from models.book import Promise
from models.db import Database
from models.deliveries import Outcome
from models.inbound import Outbound, OutboundFile
from models.threads import ready_files
from models.wire import Attachment, Delivery

_log = logging.getLogger("frontdesk.delivery")


class Deliverer:
    """Handler of ``deliver`` promises."""

    def __init__(
        self,
        db: Database,
        registry: Registry,
        aftermath: Aftermath,
        http: httpx.AsyncClient,
        public_url: str,
        sign_short: Callable[[Attachment], str],
        backoff: Callable[[int], float],
        *,
        owner: str,
        figures: Figures,
    ) -> None:
        self._db = db
        self._registry = registry
        self._aftermath = aftermath
        self._http = http
        self._public_url = public_url
        self._sign = sign_short
        self._backoff = backoff
        self._owner = owner
        self._errors = figures.channel_errors

    async def deliver(self, promise: Promise) -> Retry | None:
        """Send what is left of one message."""
        row = await self._db.read(deliveries.address_of, promise.conversation, promise.seq)
        live = self._registry.inbox(row["inbox"]) if row else None
        if row is None:
            await self._db.write(outbox.keep, promise.id, promise.conversation)
            return None
        if live is None or live.inbox.broken:
            return Retry(60.0, "inbox_unavailable", free=True)
        if row["opted_out"]:
            return await self._end(promise, live, [], "failed", "opted_out")
        sent: list[str] = list(promise.payload.get("sent", ()))
        if "sending" in promise.payload:
            # This process or another died with the answer outstanding: it may have arrived.
            self._errors[live.inbox.kind, "interrupted"] += 1
            return await self._end(promise, live, sent, "uncertain", "interrupted")
        return await self._send(promise, live, await self._outbound(promise, live, row), sent)

    async def _outbound(self, promise: Promise, live: LiveInbox, row: dict[str, Any]) -> Outbound:
        data = row["data"] or {}
        attached = await self._db.read(ready_files, promise.conversation, promise.seq)
        files = [
            OutboundFile(url=self._public_url + self._sign(file), name=file["name"], media_type=file["media_type"])
            for file in attached
        ]
        return Outbound(
            id=promise.id,
            conversation=promise.conversation,
            seq=promise.seq,
            address=row["address"],
            thread=row["thread"],
            text=row["text"],
            buttons=[button["title"] for button in data.get("buttons", ())],
            files=files,
            callback_url=f"{self._public_url}/webhooks/{live.inbox.kind}/{live.id}/status",
        )

    async def _send(self, promise: Promise, live: LiveInbox, message: Outbound, sent: list[str]) -> Retry | None:
        state: Delivery = "sent"
        for number, call in enumerate(live.channel.render(message, live.config)):
            if number < len(sent):
                continue
            if not await self._note(promise, {"sent": sent, "sending": number}):
                return Retry(0.0, "not_its_turn", free=True)
            try:
                done = await live.channel.send(call, live.config, self._http)
            except SendError as error:
                return await self._failed(promise, live, sent, error)
            sent.append(done.external_id)
            state = done.state
        return await self._end(promise, live, sent, state, None)

    async def _note(self, promise: Promise, payload: dict[str, Any]) -> bool:
        """Before each call, and after one that was not taken; False: it is not ours now."""
        progress = outbox.Progress(promise.id, self._owner, payload)
        return await self._db.write(outbox.note_progress, progress, promise.conversation)

    async def _failed(self, promise: Promise, live: LiveInbox, sent: list[str], error: SendError) -> Retry | None:
        _log.warning("delivery %s through inbox %s: %s %s", promise.id, live.id, error.kind, error.code)
        self._errors[live.inbox.kind, error.kind] += 1
        if error.kind == "ambiguous":
            return await self._end(promise, live, sent, "uncertain", error.code or "no_answer")
        if error.kind in ("rate_limited", "transient", "auth_broken"):
            await self._note(promise, {"sent": sent})
        if error.kind == "rate_limited":
            return Retry(error.retry_after or self._backoff(promise.attempts), error.kind, free=True)
        if error.kind == "transient":
            return Retry(self._backoff(promise.attempts), error.code or error.kind)
        if error.kind == "auth_broken":
            await self._db.write(inboxes.mark_broken, (live.id, error.code or error.kind), live.id)
            return Retry(60.0, error.kind, free=True)
        return await self._end(promise, live, sent, "failed", error.code or error.kind, error.kind == "opted_out")

    async def _end(
        self,
        promise: Promise,
        live: LiveInbox,
        sent: list[str],
        state: Delivery,
        error: str | None,
        opted_out: bool = False,
    ) -> Retry | None:
        arg = Outcome(promise.id, promise.conversation, promise.seq, live.id, sent, state, error, opted_out)
        self._aftermath.of(await self._db.write(deliveries.record, arg, promise.conversation))
        return None

    async def give_up(self, promise: Promise) -> None:
        """Show a message that could not be sent as failed."""
        row = await self._db.read(deliveries.address_of, promise.conversation, promise.seq)
        if row:
            arg = Outcome("", promise.conversation, promise.seq, row["inbox"], [], "failed", "given_up")
            self._aftermath.of(await self._db.write(deliveries.record, arg, promise.conversation))
