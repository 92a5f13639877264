"""The TypeScript of the wire types is what the Python types make."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from models import http, schema, wire

ROOT = Path(__file__).resolve().parents[2]
WIDGET = ROOT / "widget"


def test_every_public_type_is_there_once_and_untitled() -> None:
    defs = schema.document()["$defs"]
    assert {"Message", "Ready", "Send", "ErrorCode", "Summary", "Me", "Written", "PROTOCOL"} <= defs.keys()
    assert "title" not in defs["Message"]
    assert "title" in defs["Button"]["properties"], "a property called title is not a title"
    assert defs["PROTOCOL"] == {"const": wire.PROTOCOL}


def test_what_is_said_is_whole_and_what_is_told_keeps_its_defaults() -> None:
    defs = schema.document()["$defs"]
    assert set(defs["Message"]["required"]) == set(wire.Message.__annotations__)
    assert defs["Send"]["required"] == ["client_id"]
    assert defs["Send"]["additionalProperties"] is False


def test_one_name_means_one_thing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "Me", type("Message", (http.Claim,), {"__module__": http.__name__}))
    monkeypatch.setattr(http, "Message", http.Claim, raising=False)
    with pytest.raises(ValueError, match="Message"):
        schema.document()


def test_the_committed_types_are_fresh() -> None:
    assert (WIDGET / "node_modules").is_dir(), "npm packages are not installed: make types"
    command = [sys.executable, str(WIDGET / "build.py"), "npm", "run", "--silent", "types", "--", "--print"]
    environ = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (WIDGET / "shared" / "types.ts").read_text(), "run `make wire`"
