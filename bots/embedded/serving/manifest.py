"""What a model folder says of itself: a manifest with the SHA-256 of every file. Needs no numpy: the hub reads it."""

import hashlib
import json
from pathlib import Path
from typing import Any

FORMAT = 2
MANIFEST = "manifest.json"
FILES = ("assistant.json", "nlu.json", "nlu.npz")


class ModelError(Exception):
    """A folder that is no whole, unchanged model of this format."""


def manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a model folder, or raise :class:`ModelError`."""
    try:
        found = json.loads((folder / MANIFEST).read_bytes())
        if found["format"] != FORMAT or set(found["files"]) != set(FILES):
            raise ModelError(f"{folder.name}: made by another version, train it again")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder.name}: no readable model") from error
    return dict(found)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the checked files of a model, or raise :class:`ModelError` naming the one that was changed."""
    files: dict[str, bytes] = {}
    for name, digest in manifest(folder)["files"].items():
        try:
            files[name] = (folder / name).read_bytes()
        except OSError as error:
            raise ModelError(f"{folder.name}: {name} is missing") from error
        if hashlib.sha256(files[name]).hexdigest() != digest:
            raise ModelError(f"{folder.name}: {name} was changed after training")
    return files
