"""Timers that a commit promised."""

from hub.aftermath import Aftermath
from hub.worker import Retry
from models import ownership
from models.book import Promise
from models.db import Database
from models.ownership import Alarm


class Timers:
    """Handler of ``timer`` promises."""

    def __init__(self, db: Database, aftermath: Aftermath) -> None:
        self._db = db
        self._aftermath = aftermath

    async def ring(self, promise: Promise) -> Retry | None:
        """End a snooze whose time has come."""
        alarm = Alarm(promise.id, promise.conversation, promise.payload["version"])
        self._aftermath.of(await self._db.write(ownership.unsnooze, alarm, promise.conversation))
        return None
