"""Two hub processes on one PostgreSQL, with a Redis of their own that a test may kill."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import Postgres
from tests.support.hub import HubProcess
from tests.support.redis import RedisServer


@pytest.fixture(scope="session")
def doorbell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that these tests may kill, freeze and flush, and leave running."""
    with RedisServer(tmp_path_factory.mktemp("doorbell")) as server:
        yield server


@pytest.fixture(scope="session")
def pair(
    postgres: Postgres, doorbell: RedisServer, tmp_path_factory: pytest.TempPathFactory, sample_model: Path
) -> Iterator[HubProcess]:
    """Two processes: ``pair.doors[0]`` and ``pair.doors[1]``."""
    folder = tmp_path_factory.mktemp("pair")
    with HubProcess(folder / "var", postgres.create(), sample_model, processes=2, redis_url=doorbell.url) as hub:
        yield hub
