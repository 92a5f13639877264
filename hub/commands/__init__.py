"""The command line's groups, and what their commands share."""

from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from types import TracebackType
from typing import Any

from hub.opening import ready_database, vault_of
from hub.settings import Settings, load_settings
from hub.vault import Vault
from models.db import Database

CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Desk(AbstractContextManager["Desk"]):
    """What a command works with, each opened when it is first asked for, and closed at the end."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._given = settings
        self._stack = ExitStack()

    @cached_property
    def settings(self) -> Settings:
        """The settings of this machine."""
        return self._given or load_settings()

    @cached_property
    def db(self) -> Database:
        """The database, migrated."""
        database = ready_database(self.settings)
        self._stack.callback(database.close)
        return database

    @cached_property
    def vault(self) -> Vault:
        """The secret key."""
        return vault_of(self.settings)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close what was opened."""
        self._stack.close()
