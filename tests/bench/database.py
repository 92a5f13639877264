"""A PostgreSQL for the bench: on the load's core, with its processes known, so that its CPU is told apart."""

import tempfile
from pathlib import Path

import psutil
import psycopg

from tests.bench.processes import cores, family, pin
from tests.support.databases import Postgres


class Postgresql:
    """One server for a whole run, a fresh database whenever a measurement asks for one."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._server = Postgres(Path(self._folder.name) / "pg")
        self.postmaster = 0
        """Process id of the server, known from the first database on."""

    def create(self) -> str:
        """URL of a new, empty database."""
        url = self._server.create()
        with psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True) as conn:
            found = conn.execute("SELECT pg_backend_pid()").fetchone()
            assert found is not None
            self.postmaster = psutil.Process(found[0]).ppid()
            for pid in family(self.postmaster):
                pin(pid, cores()[1])
        return url

    def stop(self) -> None:
        """Stop the server."""
        self._server.stop()
        self._folder.cleanup()
