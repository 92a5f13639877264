"""A real Chromium for the screens: the system's, so that nothing is downloaded."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.host import Host, serving
from tests.browser.install import chromium
from tests.support.hub import HubProcess

FENCED = "fenced"
"""Site key of an inbox that only a site elsewhere may open."""
MEMBERS = "members"
"""Site key of an inbox whose site names its users, on the pages of ``host``."""
IDENTITY_SECRET = "identity-secret-of-the-site-0123456789"


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


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    """A site that embeds the widget."""
    with serving() as site:
        yield site


@pytest.fixture(scope="session")
def visited(host: Host, tmp_path_factory: pytest.TempPathFactory, sample_model: Path) -> Iterator[HubProcess]:
    """A running hub that all visitor tests of this worker share: each browser context is another visitor."""
    folder = tmp_path_factory.mktemp("visited")
    process = HubProcess(folder / "var", f"sqlite:///{folder}/test.db", sample_model)
    process.add_inbox("web", FENCED, {"origins": ["https://elsewhere.example"]})
    process.add_inbox("web", MEMBERS, {"origins": [host.url], "identity_secret": IDENTITY_SECRET})
    with process:
        yield process
