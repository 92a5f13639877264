"""Where the dialogues and the sample assistants are. ``hub.dialogs`` says what a dialogue may hold, and plays it."""

from pathlib import Path

from bots import Bot
from hub.dialogs import play, read

DIALOGS = Path(__file__).parents[1] / "dialogs"
ASSISTANTS = Path(__file__).parents[2] / "bots" / "assistants"


async def play_all(bot: Bot, run: str) -> tuple[int, list[str]]:
    """Play every dialogue on *bot*; return how many there are and what went wrong.

    *run* keeps the conversations of several runs on one server apart.
    """
    wrong = []
    found = [(path.stem, dialog) for path in sorted(DIALOGS.glob("*.yml")) for dialog in read(path)]
    for number, (file, dialog) in enumerate(found):
        if failure := await play(bot, dialog, f"{run}-{number}"):
            wrong.append(f"{file}: {dialog.name}, {failure}")
    return len(found), wrong
