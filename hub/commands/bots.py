"""``frontdesk bot``: check, train and test assistants. Training makes the new model the live one."""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

import bots
from bots import Bot, BotError, Engine, Finding, ProjectError
from hub import dialogs
from hub.commands import Desk
from models import inboxes
from models.inboxes import TrainedModel


@click.group()
def bot() -> None:
    """Assistants: projects in Rasa's format."""


_PROJECT = click.argument("project", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR")
_ENGINE = click.option("--engine", type=click.Choice(bots.kinds()), default="embedded", show_default=True)
_CONFIG = click.option("--set", "config", multiple=True, metavar="NAME=VALUE", help="A setting of the engine.")


def _engine(kind: str, config: Sequence[str]) -> tuple[Engine, dict[str, str]]:
    given = dict(option.partition("=")[::2] for option in config)
    try:
        return bots.load(kind, given), given
    except ValueError as error:
        raise click.ClickException(f"{kind}: {error}") from None


def _print(findings: Sequence[Finding]) -> None:
    for finding in findings:
        click.echo(str(finding))


@bot.command("check")
@_PROJECT
@_ENGINE
@_CONFIG
def check(project: Path, engine: str, config: Sequence[str]) -> None:
    """Say what is wrong with the assistant in DIR; the exit code is 1 if it cannot be trained."""
    findings = _engine(engine, config)[0].check(project)
    _print(findings)
    errors = sum(finding.level == "error" for finding in findings)
    click.echo(f"{errors} errors, {sum(finding.level == 'warning' for finding in findings)} warnings")
    sys.exit(1 if errors else 0)


@bot.command("train")
@_PROJECT
@_ENGINE
@_CONFIG
@click.option("--name", help="Name of the assistant; default: the folder's.")
@click.option("--inbox", "which", multiple=True, metavar="ID|KEY", help="Let it answer this inbox; repeatable.")
@click.pass_obj
def train(
    desk: Desk, project: Path, engine: str, config: Sequence[str], name: str | None, which: Sequence[str]
) -> None:
    """Train the assistant in DIR and make the model live; a running hub takes it within a second."""
    made, given = _engine(engine, config)
    known = {key: one.id for one in desk.db.read_now(inboxes.all_inboxes) for key in (one.id, one.key)}
    if missing := [key for key in which if key not in known]:
        raise click.ClickException(f"there is no inbox {missing[0]}; see `frontdesk inbox list`")
    name = name or project.resolve().name
    out = (desk.settings.models / name).resolve()
    out.mkdir(parents=True, exist_ok=True)
    try:
        report = asyncio.run(made.train(project, out, click.echo))
    except ProjectError as error:
        _print(error.findings)
        raise click.ClickException("the assistant cannot be trained") from None
    except BotError as error:
        raise click.ClickException(f"training failed: {error}") from None
    _print([finding for finding in report.findings if finding.level != "info"])
    scores = json.loads(json.dumps({"seconds": report.seconds, **report.scores}, default=str))
    path = os.path.relpath(report.model.resolve(), desk.settings.models.resolve())
    model = TrainedModel(name, engine, report.version, path, scores, given)
    assistant = desk.db.write_now(inboxes.promote, model)
    for key in which:
        with desk.db.writing.begin() as conn:
            inboxes.set_assistant(conn, known[key], assistant)
    click.echo(f"{name} {report.version} is live, trained in {report.seconds:.1f} s.")


@bot.command("test")
@_PROJECT
@_ENGINE
@_CONFIG
@click.option("--dialogs", "folder", type=click.Path(path_type=Path), help="Folder of *.yml; default: DIR/dialogs.")
def test(project: Path, engine: str, config: Sequence[str], folder: Path | None) -> None:
    """Train the assistant in DIR aside and play its say/expect dialogues; the exit code is 1 if one fails."""
    files = sorted((folder or project / "dialogs").glob("*.yml"))
    if not files:
        raise click.ClickException(f"no dialogues (*.yml) in {folder or project / 'dialogs'}")
    try:
        found = [(path.stem, dialog) for path in files for dialog in dialogs.read(path)]
        failed = asyncio.run(_play_all(_engine(engine, config)[0], project, found))
    except ProjectError as error:
        _print(error.findings)
        raise click.ClickException("the assistant cannot be trained") from None
    except (BotError, dialogs.DialogError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{len(found) - failed} of {len(found)} dialogues passed")
    sys.exit(1 if failed else 0)


async def _play_all(engine: Engine, project: Path, found: Sequence[tuple[str, dialogs.Dialog]]) -> int:
    with tempfile.TemporaryDirectory() as folder:
        report = await engine.train(project, Path(folder), lambda _line: None)
        opened = await engine.open(report.model)
        try:
            return sum([await _failed(opened, file, number, one) for number, (file, one) in enumerate(found)])
        finally:
            await opened.close()


async def _failed(opened: Bot, file: str, number: int, dialog: dialogs.Dialog) -> bool:
    failure = await dialogs.play(opened, dialog, f"test-{number}")
    if failure is not None:
        click.echo(f"{file}: {dialog.name}: step {failure.step} ({failure.said!r}): {'; '.join(failure.wrong)}")
    return failure is not None
