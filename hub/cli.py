"""The command line. Commands open the same database beside a running hub, with short transactions."""

import os
import sys
from pathlib import Path

import click

from hub import backup, doctor, lean, logs
from hub.commands import CONTEXT, Desk
from hub.commands.bots import bot
from hub.commands.inboxes import inbox
from hub.commands.users import user
from hub.lock import LockHeldError, hold
from hub.opening import NotMigratedError, open_database
from hub.settings import SettingsError
from hub.vault import VaultError
from models import migrate
from models.db import DatabaseUnavailableError

_EXPECTED = (
    SettingsError, VaultError, LockHeldError, NotMigratedError, DatabaseUnavailableError, migrate.MigrationError,
    backup.BackupError,
)  # fmt: skip


@click.group(context_settings=CONTEXT)
@click.pass_context
def frontdesk(context: click.Context) -> None:
    """Frontdesk: website chat, text messages, a bot and a shared inbox."""
    context.obj = context.with_resource(Desk())


@frontdesk.command()
@click.pass_obj
def serve(desk: Desk) -> None:
    """Serve until stopped."""
    lean.load()
    from hub import serving  # noqa: PLC0415 - the other commands need not wait for the whole hub to be imported

    serving.serve(desk.settings, click.echo)


@frontdesk.command("migrate")
@click.pass_obj
def migrate_command(desk: Desk) -> None:
    """Bring the database to this version (the hub does it at its start, too)."""
    settings = desk.settings
    database = open_database(settings)
    try:
        if not settings.sqlite:
            changed = migrate.upgrade(database)
        else:
            with hold(settings.lock):
                changed = migrate.upgrade(database)
    finally:
        database.close()
    click.echo(f"The database is at revision {migrate.head()}{'' if changed else ' already'}.")


@frontdesk.command("doctor")
@click.pass_obj
def doctor_command(desk: Desk) -> None:
    """Look whether everything is in order; the exit code is 1 if something is broken."""
    broken = False
    for finding in doctor.examine(desk.settings):
        click.echo(f"{finding.level:<5} {finding.subject}: {finding.text}")
        broken |= finding.level == "fail"
    sys.exit(1 if broken else 0)


@frontdesk.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--with-key", is_flag=True, help="Put the secret key in as well; then keep the file like a password.")
@click.pass_obj
def backup_command(desk: Desk, file: Path, *, with_key: bool) -> None:
    """Write database, files and models to FILE (tar), while the hub runs."""
    for line in backup.write(desk.settings, file, with_key=with_key):
        click.echo(line)


@frontdesk.command("restore")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--force", is_flag=True, help="Put the present database aside and replace it.")
@click.pass_obj
def restore_command(desk: Desk, file: Path, *, force: bool) -> None:
    """Put a backup in place. The hub must be stopped."""
    with hold(desk.settings.lock):
        for line in backup.restore(desk.settings, file, force=force):
            click.echo(line)


for _group in (user, inbox, bot):
    frontdesk.add_command(_group)


def main() -> None:
    """Run the command line; expected refusals are one sentence, not a traceback."""
    os.umask(0o077)
    logs.configure("warning")
    try:
        frontdesk.main(prog_name="frontdesk", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except _EXPECTED as error:
        click.echo(f"frontdesk: {error}", err=True)
        sys.exit(1)
