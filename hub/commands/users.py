"""``frontdesk user``: add people, give them a link to choose a password."""

from typing import cast, get_args

import click
from pydantic import TypeAdapter, ValidationError

from hub.commands import Desk
from hub.signin import link_url, new_link
from models import logins, users
from models.clock import iso, now
from models.http import Email
from models.logins import NewLink
from models.text import clean
from models.wire import Role


@click.group()
def user() -> None:
    """People who answer."""


def _email(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        return TypeAdapter[str](Email).validate_python(clean(value).strip())
    except ValidationError:
        raise click.BadParameter("that is no e-mail address") from None


def _print_link(desk: Desk, link: NewLink, token: str, name: str) -> None:
    desk.db.write_now(logins.issue_link, link)
    until = iso(desk.db.read_now(now) + link.lasts)
    click.echo(f"{name} chooses a password here (works once, until {until}; older links are void now):")
    click.echo(link_url(desk.settings.public_url, link.purpose, token))


@user.command("add")
@click.argument("email", callback=_email)
@click.option("--name", required=True, help="What customers and colleagues see.")
@click.option("--role", type=click.Choice(get_args(Role)), default="agent", show_default=True)
@click.option("--capacity", type=click.IntRange(0, 1_000), default=users.CAPACITY, show_default=True)
@click.pass_obj
def add(desk: Desk, email: str, name: str, role: str, capacity: int) -> None:
    """Add somebody and print a link for their password."""
    shown = clean(name).strip()[:300]
    if not shown:
        raise click.BadParameter("must not be empty", param_hint="--name")
    new = users.NewUser(email, shown, cast("Role", role), capacity=capacity)
    added = desk.db.write_now(users.add, new)
    if added is None:
        raise click.ClickException(f"there is a user {email} already; `frontdesk user reset {email}` prints a link")
    token, link = new_link("reset", added.id)
    _print_link(desk, link, token, added.name)


@user.command("reset")
@click.argument("email", callback=_email)
@click.pass_obj
def reset(desk: Desk, email: str) -> None:
    """Sign somebody out everywhere and print a link for a new password."""
    found = desk.db.read_now(users.by_email, email)
    if found is None:
        raise click.ClickException(f"there is no user {email}")
    desk.db.write_now(logins.end_sessions, found.id)
    token, link = new_link("reset", found.id)
    _print_link(desk, link, token, found.name)


@user.command("list")
@click.pass_obj
def list_users(desk: Desk) -> None:
    """List everybody."""
    for one in desk.db.read_now(users.all_users):
        state = "disabled" if one.disabled else "" if one.password else "no password yet"
        click.echo(f"{one.email:<40} {one.role:<10} {one.name}{f'  ({state})' if state else ''}")
