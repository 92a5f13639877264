"""The command line beside a running hub."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.hub import ROOT, HubProcess


def frontdesk(hub: HubProcess, *arguments: str, root: Path = ROOT, **secrets: str) -> str:
    """Run a command on the hub's database from the tree at *root*, with *secrets* as variables; return its output."""
    ours = {"FRONTDESK_VAR": hub.var, "FRONTDESK_DATABASE_URL": hub.database_url, "FRONTDESK_PORT": hub.port}
    done = subprocess.run(
        [sys.executable, "-c", "from hub.cli import main; main()", *arguments],
        cwd=root,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("FRONTDESK_")},
            **{name: str(value) for name, value in ours.items()},
            **secrets,
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
