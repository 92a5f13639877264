"""The inboxes and assistants this process serves, read again whenever their settings change."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bots import Bot, BotError, Engine
from channels import Channel
from models import inboxes
from models.db import Database
from models.inboxes import Assistant, Inbox

_log = logging.getLogger("frontdesk.registry")


@dataclass(frozen=True, slots=True)
class LiveInbox:
    """An inbox ready to work: its row, its channel, its validated settings."""

    inbox: Inbox
    channel: Channel
    config: Any

    @property
    def id(self) -> str:
        """Id of the inbox."""
        return self.inbox.id

    @property
    def delivers(self) -> bool:
        """Whether messages go out by calling a provider."""
        return self.channel.caps.delivery == "call"


class Registry:
    """What is configured, opened. Faulty entries are left out and logged; the rest works on."""

    def __init__(
        self,
        db: Database,
        channel: Callable[[str], Channel],
        engine: Callable[[str, Mapping[str, Any]], Engine],
        config: Callable[[Channel, Inbox], Any],
        models: Path,
    ) -> None:
        self._db = db
        self._channel = channel
        self._engine = engine
        self._config = config
        self._models = models
        self._rev = -1
        self._inboxes: dict[str, LiveInbox] = {}
        self._assistants: dict[str, Assistant] = {}
        self._bots: dict[str, tuple[str, Bot]] = {}
        self._engines: dict[tuple[str, str], Engine] = {}
        self.changed: Callable[[], None] = lambda: None

    async def refresh(self) -> bool:
        """Read everything again if it changed; say whether it did."""
        rev = await self._db.read(inboxes.settings_rev)
        if rev == self._rev:
            return False
        rows = await self._db.read(inboxes.all_inboxes)
        self._assistants = {a.id: a for a in await self._db.read(inboxes.all_assistants)}
        self._inboxes = {row.id: live for row in rows if row.enabled and (live := self._live(row))}
        await self._open_bots()
        self._rev = rev
        self.changed()
        return True

    def _live(self, row: Inbox) -> LiveInbox | None:
        try:
            channel = self._channel(row.kind)
            return LiveInbox(row, channel, self._config(channel, row))
        except ValueError as error:
            _log.error("inbox %s is left out: %s", row.id, type(error).__name__)
            return None

    async def _open_bots(self) -> None:
        """Swap changed bots without a gap: the old one answers until the new one is open."""
        for assistant in self._assistants.values():
            known = self._bots.get(assistant.id)
            if assistant.path is None or (known and known[0] == assistant.version):
                continue
            try:
                engine = self._engine_for(assistant)
                bot = await engine.open(self._models / assistant.path)
            except BotError as error:
                _log.error("assistant %s cannot be opened: %s", assistant.name, error)
                continue
            except Exception:
                _log.exception("assistant %s cannot be opened", assistant.name)
                continue
            self._bots[assistant.id] = (assistant.version or "", bot)
            if known:
                await known[1].close()

    def _engine_for(self, assistant: Assistant) -> Engine:
        key = (assistant.engine, repr(sorted(assistant.config.items())))
        if key not in self._engines:
            self._engines[key] = self._engine(assistant.engine, assistant.config)
        return self._engines[key]

    def inboxes(self) -> list[LiveInbox]:
        """Every inbox that works."""
        return list(self._inboxes.values())

    def inbox(self, inbox_id: str) -> LiveInbox | None:
        """An inbox by id."""
        return self._inboxes.get(inbox_id)

    def by_key(self, key: str) -> LiveInbox | None:
        """An inbox by its public site key."""
        return next((live for live in self._inboxes.values() if live.inbox.key == key), None)

    def bot(self, inbox_id: str) -> Bot | None:
        """The live bot of an inbox, if it has one."""
        live = self._inboxes.get(inbox_id)
        known = self._bots.get(live.inbox.assistant) if live and live.inbox.assistant else None
        return known[1] if known else None

    def has_bot(self, inbox_id: str) -> bool:
        """Whether new conversations of an inbox belong to a bot."""
        live = self._inboxes.get(inbox_id)
        return bool(live and live.inbox.assistant and live.inbox.assistant in self._bots)

    async def close(self) -> None:
        """Close every bot."""
        for _, bot in self._bots.values():
            await bot.close()
        self._bots.clear()
