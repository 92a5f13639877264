"""What a sampled stack was doing, and whose code it was in. Frames read ``function (file:line)``, outermost first."""

import re
from collections.abc import Sequence

IDLE = re.compile(
    r"^(PyThread_acquire_lock_timed|pthread_cond_(timed)?wait|epoll_p?wait|fdatasync|fsync|poll|select|take_gil)\b"
)
"""Innermost frames of a thread that waits."""
_OUT = (
    r"\b(send|send_text|send_frame|data_to_send|serialize|writer|poll|publish|tell|to_agents|to_visitor|_push|put_nowait"
    r"|_send|write|frame|_put|_get|_size|deliver|_write|drain|_drain|flush|Cork\.\w+)\b"
    r".*\((uvicorn/protocols|websockets|engineio|socketio|hub/(hardened|app|fast\w*))"
)
STAGES = [
    ("garbage collection", r"gc_collect|gc_main"),
    ("storage", r"\((models/(?!views|wire|encoding|clock)|sqlalchemy/|libsqlite3|_sqlite3)|pysqlite"),
    ("encode", r"\b(encode|dumps|data_is_binary|_reconstruct|_deconstruct)\b.*\.py|orjson|_json\.c|models/encoding"),
    ("frames out", _OUT),
    ("what is told", r"\((hub/(emitter|aftermath|notices|queueboard|bell)|models/(views|wire))"),
    ("bot turn", r"\((bots/|tests/bench/engines|engines/|constant\.py|hub/(turns|worker))"),
    ("dispatch", r"\((hub/(sockets|visitors|agents|service|limits|refusals|vault)|pydantic)"),
    ("sockets in", r"\((uvicorn/protocols|websockets|engineio|socketio|hub/(hardened|fast\w*|strictjson))"),
]
"""A sample belongs to the first of these that fits its innermost frame, else to the next frame outwards."""
LOOP = "event loop"
_STAGES = [(name, re.compile(pattern)) for name, pattern in STAGES]
_OURS = ("hub", "models", "bots", "channels")
_FILE = re.compile(r"\((.+?)(?::\d+)?\)$")
_NATIVE = {
    "SQLite": ("libsqlite3", "_sqlite3"),
    "Python's sqlite3": ("cursor.c", "connection.c", "statement.c", "microprotocols.c"),
    "uvloop": ("loop.c", "core.c", "stream.c", "linux.c", "loop-watcher.c", "timer.c"),
    "orjson": ("orjson",),
    "pydantic": ("_pydantic_core",),
}
_SOCKET = ("write (libc", "sendmsg (libc", "writev (libc", "read (libc", "recv (libc")
_FILE_ACCESS = ("pwrite64 (libc", "pread64 (libc")


def stage(frames: Sequence[str]) -> str:
    """What the sample was doing."""
    for frame in reversed(frames):
        for name, pattern in _STAGES:
            if pattern.search(frame):
                return name
    return LOOP


def library(frames: Sequence[str]) -> str:
    """Whose code the sample was in: a package, a native library, or one of our rooms."""
    for frame in reversed(frames):
        place = _FILE.search(frame)
        if place is None:
            continue
        if frame.startswith(_FILE_ACCESS):
            return "kernel: files"
        if frame.startswith(_SOCKET):
            return "kernel: files" if any("sqlite" in outer for outer in frames[-8:]) else "kernel: sockets"
        native = next((name for name, starts in _NATIVE.items() if place[1].startswith(starts)), None)
        if native:
            return native
        if place[1].endswith(".py"):
            room = place[1].partition("/")[0]
            return f"Frontdesk: {room}" if room in _OURS else _package(place[1])
    return "Python"


def _package(path: str) -> str:
    first, slash, _ = path.partition("/")
    return first if slash and first not in ("re", "concurrent") else "Python's library"


def innermost(frames: Sequence[str]) -> str:
    """The innermost Python function, without its line."""
    python = next((frame for frame in reversed(frames) if re.search(r"\.py:\d+\)$", frame)), frames[-1])
    return re.sub(r":\d+\)$", ")", python)
