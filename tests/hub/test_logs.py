"""Log lines hold no secret and nobody else's lines."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from hub import logs


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield logging.getLogger("frontdesk.test")
    root.handlers[:] = before
    root.setLevel(level)


def _written(log: logging.Logger, *, json_lines: bool, error: Exception | None = None, **extra: object) -> str:
    out = io.StringIO()
    logs.configure("info", json_lines=json_lines, stream=out)
    log.error(
        "said %s",
        "canary@example.com +81 90-1234-5678\r\nforged \x1b[31m fd1.abcdefgh\u202e",
        exc_info=error,
        extra=extra,
    )
    return out.getvalue()


@pytest.mark.parametrize("json_lines", [True, False])
def test_private_words_and_control_characters_are_taken_out(log: logging.Logger, json_lines: bool) -> None:
    # S-28
    written = _written(log, json_lines=json_lines, visitor="canary@example.com")
    assert written.count("\n") == 1
    assert "\x1b" not in written
    assert "\u202e" not in written
    for secret in ("canary@", "1234-5678", "abcdefgh"):
        assert secret not in written
    for name in ("[e-mail]", "[phone]", "[token]"):
        assert name in written


@pytest.mark.parametrize("json_lines", [True, False])
def test_an_exception_is_its_type_and_place_not_its_words(log: logging.Logger, json_lines: bool) -> None:
    # S-28: drivers and validators quote what they choked on.
    try:
        try:
            raise KeyError("canary text of a customer")
        except KeyError as error:
            raise ValueError("canary again") from error
    except ValueError as error:
        written = _written(log, json_lines=json_lines, error=error)
    assert "canary" not in written
    assert "builtins.ValueError at test_logs.py:" in written
    assert "builtins.KeyError at test_logs.py:" in written


def test_json_lines_have_what_was_passed_along(log: logging.Logger) -> None:
    entry = json.loads(_written(log, json_lines=True, conversation="c1"))
    assert entry["level"] == "error"
    assert entry["logger"] == "frontdesk.test"
    assert entry["conversation"] == "c1"
    assert entry["at"].endswith("Z")


def test_json_unless_a_terminal_reads(log: logging.Logger) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, is_json in ((io.StringIO(), True), (Terminal(), False)):
        logs.configure("info", stream=stream)
        log.info("hello")
        assert stream.getvalue().startswith("{") is is_json
