"""Databases for tests of single functions: one a module, because every test uses visitors of its own."""

from collections.abc import Iterator

import pytest

from tests.support.stage import Stage


@pytest.fixture(scope="module")
def stage(
    database_kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A migrated database with an inbox and three agents, on both kinds of database."""
    if database_kind == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('stage')}/test.db"
    else:
        url = request.getfixturevalue("postgres").create()
    made = Stage(url)
    yield made
    made.close()
