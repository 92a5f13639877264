"""Opening the database and the key of these settings, for ``serve`` and for every command."""

from hub.settings import Settings
from hub.vault import Vault, open_vault
from models import migrate
from models.db import Database


class NotMigratedError(Exception):
    """The database is older than this version."""


def open_database(settings: Settings) -> Database:
    """Make the folders and open the database, migrated or not."""
    settings.var.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in (settings.files, settings.models):
        folder.mkdir(parents=True, exist_ok=True)
    if settings.database_file:
        settings.database_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Database(settings.database_url, synchronous=settings.synchronous)


def ready_database(settings: Settings) -> Database:
    """Open the database for a command beside a running hub. A new one is migrated, an older one is refused."""
    database = open_database(settings)
    found = migrate.current(database)
    if found is None:
        migrate.upgrade(database)
    elif found < migrate.head():
        database.close()
        raise NotMigratedError("the database is older than this version: stop the hub and run `frontdesk migrate`")
    return database


def vault_of(settings: Settings) -> Vault:
    """Open the key; raise ``VaultError``."""
    return open_vault(settings.secret_key.get_secret_value() if settings.secret_key else None, settings.key_file)
