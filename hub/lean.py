"""python-socketio loads every HTTP client and message queue that is installed, in case one is wanted.

A hub wants none of them, and a sixth of its idle memory would be that.
"""

import importlib
import sys

UNWANTED = ("aio_pika", "aiohttp", "kafka", "kombu", "redis", "requests", "tornado", "valkey", "websocket", "zmq")
"""What it would find. Whoever imports one of these by name later gets it."""


def load() -> None:
    """Import python-socketio in a process where there is nothing to find."""
    absent = [name for name in UNWANTED if name not in sys.modules]
    for name in absent:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's own way to say that there is no such module
    try:
        importlib.import_module("socketio")
    finally:
        for name in absent:
            del sys.modules[name]
