"""What a visitor downloads, after gzip -9. The limits are promises: make room before raising one."""

import gzip
import json
import re
from pathlib import Path

import pytest

DIST = Path(__file__).resolve().parents[2] / "widget" / "dist"
LOADER = 2_500
CHAT = 15_000
"""Loader, panel and one language: all that a plain conversation needs."""
WHOLE = 20_000
"""And what only some need: links and Markdown, files, rating, the owner's colour."""

INBOX = 50_000
"""Every script and sheet that the inbox's page names: what an agent waits for once."""


@pytest.fixture(scope="module")
def panel() -> Path:
    manifest = DIST / "manifest.json"
    assert manifest.is_file(), "the browser code is not built: make web"
    path: str = json.loads(manifest.read_text())["panel"]
    return DIST / path.lstrip("/")


def size(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), 9))


def test_loader() -> None:
    loader = DIST / "loader" / "widget.js"
    assert size(loader) <= LOADER


def test_a_conversation(panel: Path) -> None:
    assert chat(panel) <= CHAT


def test_the_whole_widget(panel: Path) -> None:
    rest = [path for path in panel.parent.glob("*.js") if path.name not in {panel.name, "frame.js"}]
    assert rest, "what is fetched later is built as files of its own"
    assert chat(panel) + sum(map(size, rest)) <= WHOLE


def test_only_one_language_is_fetched(panel: Path) -> None:
    languages = list((panel.parent / "lang").glob("*.js"))
    assert len(languages) >= 9
    text = panel.read_text() + (DIST / "loader" / "widget.js").read_text()
    assert "Write a message" not in text


def test_the_inbox_first_load() -> None:
    page = (DIST / "inbox" / "index.html").read_text()
    named = re.findall(r'(?:src|href)="/(inbox-assets/[^"]+\.(?:js|css))"', page)
    assert len(named) >= 2
    assert sum(size(DIST / "inbox" / name) for name in named) <= INBOX


def chat(panel: Path) -> int:
    return size(DIST / "loader" / "widget.js") + size(panel) + size(panel.parent / "lang" / "en.js")
