"""Hubs that are there in half a second, with the tests' own bot."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.nursery import Nursery
from tests.support.hub import HubProcess


@pytest.fixture(scope="session")
def counter_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``HubProcess`` takes for a trained model: the counting bot, which has none."""
    folder = tmp_path_factory.mktemp("counter")
    (folder / "ready").write_text(json.dumps({"engine": "counter", "path": "counter", "version": "1"}))
    return folder


@pytest.fixture(scope="session")
def moody_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``HubProcess`` takes for a trained model: the moody bot, which has none."""
    folder = tmp_path_factory.mktemp("moody")
    (folder / "ready").write_text(json.dumps({"engine": "moody", "path": "moody", "version": "1"}))
    return folder


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Launches hubs, sound ones and mutants."""
    with Nursery() as launcher:
        yield launcher


@pytest.fixture(scope="module")
def sqlite_hub(nursery: Nursery, counter_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A running hub on the default database."""
    folder = tmp_path_factory.mktemp("quick")
    with HubProcess(folder / "var", f"sqlite:///{folder}/test.db", counter_model, nursery.launch) as hub:
        yield hub
