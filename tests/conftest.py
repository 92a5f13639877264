"""What tests stand on: real databases, and a real hub in its own process."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import Postgres
from tests.support.hub import HubProcess, trained_sample
from tests.support.redis import RedisServer, given_url


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A real PostgreSQL: the one FRONTDESK_TEST_DATABASE_URL names, or one of our own for this worker."""
    server = Postgres(_of_this_run(tmp_path_factory) / "pg")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Redis that nobody disturbs: the one FRONTDESK_TEST_REDIS_URL names, or one of our own for this worker."""
    given = given_url()
    if given:
        yield given
        return
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


def _of_this_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of a run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Both kinds of database in turn."""
    return str(request.param)


@pytest.fixture
def database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database."""
    return _empty(database_kind, request, tmp_path)


def _empty(kind: str, request: pytest.FixtureRequest, folder: Path) -> str:
    if kind == "sqlite":
        return f"sqlite:///{folder}/test.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.create()


@pytest.fixture(scope="session")
def sample_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample assistant, trained once a run for all workers."""
    return trained_sample(_of_this_run(tmp_path_factory))


def _form(kind: str, request: pytest.FixtureRequest) -> dict[str, Any]:
    """SQLite is one process; PostgreSQL is two processes and Redis behind a proxy (INV-25)."""
    return {} if kind == "sqlite" else {"processes": 2, "redis_url": request.getfixturevalue("redis_url")}


@pytest.fixture(scope="module")
def hub(
    database_kind: str,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    sample_model: Path,
) -> Iterator[HubProcess]:
    """A running hub for the tests of a module, with the demo inbox, its bot and two people, in both forms."""
    folder = tmp_path_factory.mktemp("hub")
    url, form = _empty(database_kind, request, folder), _form(database_kind, request)
    with HubProcess(folder / "var", url, sample_model, **form) as process:
        yield process


@pytest.fixture
def own_hub(
    database_kind: str, request: pytest.FixtureRequest, tmp_path: Path, sample_model: Path
) -> Iterator[HubProcess]:
    """A hub for one test alone, which may kill it."""
    url, form = _empty(database_kind, request, tmp_path), _form(database_kind, request)
    with HubProcess(tmp_path / "var", url, sample_model, **form) as process:
        yield process
