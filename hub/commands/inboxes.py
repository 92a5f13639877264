"""``frontdesk inbox``: add channels, see and check them. Secrets come from files, variables or a hidden prompt."""

import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from pydantic import BaseModel

import channels
from channels import Channel
from hub import strictjson
from hub.commands import Desk
from hub.inboxes import ConfigError, join_secrets, load_config, secret_fields, split_secrets, validate
from hub.simulator import base_of
from models import inboxes
from models.inboxes import Inbox, NewInbox
from models.text import clean

NAME_VALUE = "NAME=VALUE"


@click.group()
def inbox() -> None:
    """Channels: websites, phone numbers and so on."""


def _zone(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.BadParameter("that is no IANA time zone, such as Europe/Berlin") from None
    return value


_SETTING = click.option(
    "--set", "plain", multiple=True, metavar=NAME_VALUE, help="A setting; repeat it for a list. See `inbox kinds`."
)
_SECRET = click.option(
    "--secret",
    "secret",
    multiple=True,
    metavar="NAME[=@FILE|=env:VARIABLE]",
    help="A secret setting, from a file, an environment variable, or a hidden prompt.",
)
_ORIGIN = click.option("--origin", "origins", multiple=True, help="Website whose pages may open the chat; repeatable.")


@inbox.command("kinds")
def kinds() -> None:
    """List the kinds of inboxes and their settings."""
    for kind in channels.kinds():
        channel = channels.load(kind)
        click.echo(f"{kind}: {channel.caps.label}")
        hidden = secret_fields(channel.Config)
        for name, field in channel.Config.model_fields.items():
            option = "--secret" if name in hidden else "--set"
            click.echo(f"  {option} {name}{'  (required)' if field.is_required() else ''}")


@inbox.command("add")
@click.argument("kind", type=click.Choice(channels.kinds()))
@click.option("--name", help="What agents see; default: the channel's label.")
@click.option("--key", help="Public site key; default: a random one.")
@click.option("--assistant", help="Bot that answers new conversations; default: the only one there is, or none.")
@click.option("--zone", default="UTC", show_default=True, callback=_zone, help="IANA time zone of hours and reports.")
@click.option("--simulated", is_flag=True, help="Make up an account that the hub plays itself (FRONTDESK_DEV=1).")
@_ORIGIN
@_SETTING
@_SECRET
@click.pass_obj
def add(
    desk: Desk,
    /,
    kind: str,
    name: str | None,
    key: str | None,
    assistant: str | None,
    zone: str,
    simulated: bool,
    **given: Sequence[str],
) -> None:
    """Add an inbox of a KIND."""
    channel = channels.load(kind)
    public_key = key or secrets.token_urlsafe(9)
    made_up = _made_up(channel, public_key) if simulated else {}
    config = _asked(channel, {**made_up, **_given(channel, **given)})
    if key and any(one.key == key for one in desk.db.read_now(inboxes.all_inboxes)):
        raise click.BadParameter("another inbox has this key", param_hint="--key")
    plain, secret = split_secrets(config)
    new = NewInbox(
        kind=kind,
        name=clean(name or channel.caps.label)[:100],
        key=public_key,
        config=plain,
        sealed=desk.vault.seal(secret) if secret else None,
        assistant=_assistant(desk, assistant),
        zone=zone,
    )
    inbox_id = desk.db.write_now(inboxes.add, new)
    click.echo(f"Inbox {inbox_id} ({new.name}) added.{'' if new.assistant else ' No bot answers it.'}")
    if simulated:
        click.echo(f"Text it as an administrator, with FRONTDESK_DEV=1: {desk.settings.public_url}/inbox#simulator")
    else:
        _print_next(desk, channel, kind, inbox_id, new.key)


def _made_up(channel: Channel, key: str) -> Mapping[str, Any]:
    if channel.caps.phone is None:
        raise click.BadParameter("this kind of inbox cannot be simulated", param_hint="--simulated")
    return channel.caps.phone.settings(base_of(key))


@inbox.command("set")
@click.argument("which", metavar="ID|KEY")
@_ORIGIN
@_SETTING
@_SECRET
@click.pass_obj
def change(desk: Desk, /, which: str, **given: Sequence[str]) -> None:
    """Change settings of an inbox; what is not named stays."""
    found = _find(desk, which)
    channel = channels.load(found.kind)
    kept = join_secrets(found.config, desk.vault.unseal(found.sealed) if found.sealed else {})
    config = _validated(channel, {**kept, **_given(channel, **given)})
    plain, secret = split_secrets(config)
    sealed = desk.vault.seal(secret) if secret else None
    with desk.db.writing.begin() as conn:
        inboxes.configure(conn, found.id, plain, sealed)
    click.echo(f"Inbox {found.id} ({found.name}) changed.")


@inbox.command("list")
@click.pass_obj
def list_inboxes(desk: Desk) -> None:
    """List the inboxes."""
    for one in desk.db.read_now(inboxes.all_inboxes):
        state = "" if one.enabled else "  (off)"
        state = f"  (broken: {one.broken})" if one.broken else state
        click.echo(f"{one.id}  {one.kind:<10} {one.key:<16} {one.name}{state}")


@inbox.command("check")
@click.pass_obj
def check(desk: Desk) -> None:
    """Look whether every inbox's settings are complete and its secrets can be opened."""
    bad = 0
    for one in desk.db.read_now(inboxes.all_inboxes):
        try:
            load_config(channels.load(one.kind), one, desk.vault)
            said = f"broken: {one.broken}" if one.broken else "ok"
        except ValueError as error:
            said = str(error)
        bad += said != "ok"
        click.echo(f"{one.id}  {one.name}: {said}")
    sys.exit(1 if bad else 0)


def _find(desk: Desk, which: str) -> Inbox:
    for one in desk.db.read_now(inboxes.all_inboxes):
        if which in (one.id, one.key):
            return one
    raise click.ClickException(f"there is no inbox {which}; see `frontdesk inbox list`")


def _given(channel: Channel, *, plain: Sequence[str], secret: Sequence[str], origins: Sequence[str]) -> dict[str, Any]:
    """Turn options into fields of the channel's settings, not yet checked."""
    hidden = secret_fields(channel.Config)
    found: dict[str, list[Any]] = {}
    for option in plain:
        name, sign, value = option.partition("=")
        if not sign:
            raise click.BadParameter(f"{name}: write {NAME_VALUE}", param_hint="--set")
        if name in hidden:
            raise click.BadParameter(f"{name} is a secret: use --secret {name}, so that no one else sees it")
        found.setdefault(name, []).append(value)
    for option in secret:
        name, _, source = option.partition("=")
        if name not in hidden:
            raise click.BadParameter(f"{name} is no secret of this channel", param_hint="--secret")
        found.setdefault(name, []).append(_read_secret(name, source))
    if origins and not channel.caps.origins:
        raise click.BadParameter("browsers do not connect to this kind of inbox", param_hint="--origin")
    if origins:
        found["origins"] = list(origins)
    return {name: _shaped(channel.Config, name, values) for name, values in found.items()}


def _read_secret(name: str, source: str) -> str:
    if source.startswith("@"):
        try:
            return Path(source[1:]).read_text().strip()
        except (OSError, UnicodeDecodeError):
            raise click.BadParameter(f"{name}: {source[1:]} cannot be read", param_hint="--secret") from None
    if source.startswith("env:"):
        value = os.environ.get(source[4:])
        if value is None:
            raise click.BadParameter(f"{name}: the variable {source[4:]} is not set", param_hint="--secret")
        return value
    if source:
        raise click.BadParameter(f"{name}: write {name}=@FILE or {name}=env:VARIABLE, others can see arguments")
    return str(click.prompt(name, hide_input=True))


def _shaped(model: type[BaseModel], name: str, values: list[Any]) -> Any:
    """Give a field that takes a list all values, and any other the last; lists and mappings may be written as JSON."""
    field = model.model_fields.get(name)
    shapes = _shapes(field.annotation) if field else set()
    if shapes & {list, dict} and len(values) == 1:
        with suppress(ValueError):
            parsed = strictjson.loads(values[0])
            if type(parsed) in shapes:
                return parsed
    return values if list in shapes else values[-1]


def _shapes(annotation: Any) -> set[Any]:
    return {get_origin(annotation) or annotation}.union(*(_shapes(part) for part in get_args(annotation)))


def _asked(channel: Channel, given: Mapping[str, Any]) -> BaseModel:
    """Ask for required secrets that were not given, if somebody is there to ask."""
    found = dict(given)
    for name in secret_fields(channel.Config):
        if channel.Config.model_fields[name].is_required() and name not in found and sys.stdin.isatty():
            found[name] = _shaped(channel.Config, name, [_read_secret(name, "")])
    return _validated(channel, found)


def _validated(channel: Channel, given: Mapping[str, Any]) -> BaseModel:
    try:
        return validate(channel, given)
    except ConfigError as error:
        raise click.ClickException(f"{error}. `frontdesk inbox kinds` lists the settings.") from None


def _assistant(desk: Desk, name: str | None) -> str | None:
    known = desk.db.read_now(inboxes.all_assistants)
    if name is None:
        return known[0].id if len(known) == 1 else None
    for one in known:
        if one.name == name:
            return one.id
    raise click.BadParameter(f"there is no assistant {name}", param_hint="--assistant")


def _print_next(desk: Desk, channel: Channel, kind: str, inbox_id: str, key: str) -> None:
    """Say what to do at the other end."""
    public = desk.settings.public_url
    if channel.caps.delivery == "call":
        click.echo("Enter this address as the webhook at the provider:")
        click.echo(f"{public}/webhooks/{kind}/{inbox_id}")
    else:
        click.echo("Put this into the pages of the website:")
        click.echo(f'<script async src="{public}/widget.js" data-key="{key}"></script>')
