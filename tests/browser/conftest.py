"""A real Chromium for the screens: the system's, so that nothing is downloaded."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.host import Host, serving
from tests.browser.install import chromium


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Chromium as it runs in containers."""
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
    return {**browser_type_launch_args, "executable_path": chromium(), "args": arguments}


@pytest.fixture(scope="session")
def base_url() -> str:
    """Tests name the hub they mean. (The plugin's own fixture is written in a way that pytest deprecates.)"""
    return ""


@pytest.fixture(scope="module")
def database_kind() -> str:
    """Screens see the same on either database; the black-box tests hold both."""
    return "sqlite"


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """A site that embeds the widget."""
    with serving() as site:
        yield site
