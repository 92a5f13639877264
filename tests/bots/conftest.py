"""The sample assistant, trained once a run, and open bots."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bots import Bot, Report
from bots.embedded import create
from bots.embedded.engine import EmbeddedEngine
from tests.bots.dialog import ASSISTANTS


@pytest.fixture(scope="session")
def webshop(tmp_path_factory: pytest.TempPathFactory) -> Report:
    import asyncio

    out = tmp_path_factory.mktemp("models")
    return asyncio.run(create({}).train(ASSISTANTS / "webshop", out, lambda _: None))


@pytest.fixture
async def engine() -> EmbeddedEngine:
    return create({})


@pytest.fixture
async def bot(engine: EmbeddedEngine, webshop: Report) -> AsyncIterator[Bot]:
    opened = await engine.open(webshop.model)
    yield opened
    await opened.close()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder for a small assistant."""
    folder = tmp_path / "small"
    folder.mkdir()
    return folder
