"""Logs: JSON lines to stderr, human lines on a terminal. What a log line must not hold is taken out here (S-28).

Exceptions are logged as their types and places, never with their words: a database or a validator quotes the row or the
text it choked on.
"""

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import TextIO

_PRIVATE = (
    (re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+\.[^\s<>\"'(),;:]+"), "[e-mail]"),
    (re.compile(r"\bfd1u?\.[\w-]{8,}"), "[token]"),
    (re.compile(r"\+\d[\d ()-]{6,18}\d"), "[phone]"),
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


def redact(text: str) -> str:
    """Return *text* without e-mail addresses, phone numbers and visitor tokens: the last net, not the first."""
    for pattern, name in _PRIVATE:
        text = pattern.sub(name, text)
    return text


def printable(text: str) -> str:
    """Return *text* with control and direction characters escaped, so that nobody can write lines of their own."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _places(error: BaseException) -> list[str]:
    """One line for the error and each of its causes, innermost frames last."""
    lines: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(lines) < 5:
        frames = traceback.extract_tb(seen.__traceback__)[-8:]
        way = " > ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}" for frame in frames)
        lines.append(f"{type(seen).__module__}.{type(seen).__qualname__} at {way or 'unknown place'}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return lines


class Lines(logging.Formatter):
    """For people: time, level, logger, message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, plus one for each exception."""
        when = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        said = printable(redact(record.getMessage()))
        extra = "".join(f" {name}={value}" for name, value in _extra(record).items())
        lines = [f"{when} {record.levelname.lower():<7} {record.name}: {said}{extra}"]
        if record.exc_info and record.exc_info[1] is not None:
            lines += [f"         {printable(line)}" for line in _places(record.exc_info[1])]
        return "\n".join(lines)


class JsonLines(logging.Formatter):
    """For programs: one JSON object a line, ASCII only."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        entry: dict[str, object] = {
            "at": when.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": printable(redact(record.getMessage())),
            **_extra(record),
        }
        if record.exc_info and record.exc_info[1] is not None:
            entry["exception"] = _places(record.exc_info[1])
        return json.dumps(entry)


def _extra(record: logging.LogRecord) -> dict[str, str]:
    """What the caller passed as ``extra``."""
    given = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    return {name: printable(redact(str(value))) for name, value in given.items()}


def configure(level: str, *, json_lines: bool | None = None, stream: TextIO | None = None) -> None:
    """Send every log line to *stream* (stderr), replacing what was configured before. None: JSON unless a terminal."""
    out = stream or sys.stderr
    as_json = not out.isatty() if json_lines is None else json_lines
    handler = logging.StreamHandler(out)
    handler.setFormatter(JsonLines() if as_json else Lines())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in ("httpx", "httpcore", "engineio", "socketio", "alembic", "twilio", "multipart"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
