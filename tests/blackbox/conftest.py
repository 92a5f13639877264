"""A hub that also takes text messages."""

from collections.abc import Iterator

import pytest

from tests.support.hub import HubProcess
from tests.support.texting import Line, Provider


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    """A text message provider on loopback."""
    with Provider() as running:
        yield running


@pytest.fixture(scope="module")
def line(hub: HubProcess, provider: Provider) -> Iterator[Line]:
    """An inbox for text messages, with the demo inbox's bot."""
    with hub.client() as http:
        yield Line(hub, provider, http)
