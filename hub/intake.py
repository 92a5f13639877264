"""Files coming in: uploads of visitors and agents, and media fetched from providers after the 2xx."""

import asyncio
import logging
from collections.abc import Callable

from channels import MediaSource
from hub.aftermath import Aftermath
from hub.fetch import FetchError, fetch
from hub.media import Examined, FileStore, MediaError, examine
from hub.registry import Registry
from hub.worker import Retry
from models import deliveries, files, outbox
from models.book import Promise
from models.db import Database, DatabaseUnavailableError
from models.files import Stored

DECODERS = 2
"""Pictures decoded at the same time; each may take much memory."""

_log = logging.getLogger("frontdesk.intake")


class Intake:
    """Examines bytes, keeps them on disk, then notes them in the database (never the other way round)."""

    def __init__(self, db: Database, store: FileStore) -> None:
        self._db = db
        self._store = store
        self._room = asyncio.Semaphore(DECODERS)

    async def keep(self, owner: str, data: bytes, name: str, declared: str) -> Stored:
        """Examine and keep bytes; raise :class:`MediaError` for what we do not take."""
        async with self._room:
            seen = await asyncio.to_thread(self._keep, data, name, declared)
        return Stored(owner, seen.name, seen.media_type, len(seen.data), seen.width, seen.height, seen.sha256)

    def _keep(self, data: bytes, name: str, declared: str) -> Examined:
        seen = examine(data, name, declared)
        self._put(seen.data)
        return seen

    def _put(self, data: bytes) -> str:
        """Keep bytes; a disk that takes none is as bad as a database that takes none (INV-16)."""
        try:
            return self._store.put(data)
        except OSError as error:
            _log.error("a file cannot be kept: %s", error.strerror or type(error).__name__)
            raise DatabaseUnavailableError("files") from error

    async def upload(self, owner: str, data: bytes, name: str, declared: str) -> tuple[str, Stored]:
        """Keep an upload; return its id, to be named once in a message by the same sender."""
        stored = await self.keep(owner, data, name, declared)
        return await self._db.write(files.add, stored, owner), stored

    async def text(self, owner: str, text: str) -> str:
        """Keep a text that is too long for a message; return its id."""
        data = text.encode()
        digest = await asyncio.to_thread(self._put, data)
        stored = Stored(owner, "message.txt", "text/plain", len(data), None, None, digest)
        return await self._db.write(files.add, stored, owner)


class Fetcher:
    """Handler of ``fetch`` promises."""

    def __init__(
        self,
        db: Database,
        registry: Registry,
        aftermath: Aftermath,
        intake: Intake,
        backoff: Callable[[int], float],
        *,
        allow_private: bool,
    ) -> None:
        self._db = db
        self._registry = registry
        self._aftermath = aftermath
        self._intake = intake
        self._backoff = backoff
        self._allow_private = allow_private

    async def fetch(self, promise: Promise) -> Retry | None:
        """Fetch one provider's file, or mark it as failed; its message stays either way."""
        row = await self._db.read(files.get, promise.payload["attachment"])
        live = self._registry.inbox(promise.payload["inbox"])
        if row is None or row["state"] != "pending":
            await self._db.write(outbox.keep, promise.id, promise.conversation)
            return None
        if live is None:
            return Retry(60.0, "inbox_unavailable")
        source: MediaSource = live.channel.media(row["source_url"], live.config)
        try:
            got = await fetch(source, allow_private=self._allow_private)
            stored = await self._intake.keep(row["owner"], got.data, row["name"] or got.name, got.media_type)
        except FetchError as error:
            _log.warning("file of promise %s: %s", promise.id, error)
            if error.retry and promise.attempts + 1 < outbox.MAX_ATTEMPTS:
                return Retry(self._backoff(promise.attempts), error.kind)
            await self._done(promise, None)
            return None
        except MediaError as error:
            _log.warning("file of promise %s refused: %s", promise.id, error.field)
            await self._done(promise, None)
            return None
        await self._done(promise, stored)
        return None

    async def _done(self, promise: Promise, stored: Stored | None) -> None:
        arg = (promise.id, promise.payload["attachment"], stored)
        self._aftermath.of(await self._db.write(deliveries.file_came, arg, promise.conversation))
