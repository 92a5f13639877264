"""The bot's child process: answers frames on its standard input, a socket, until the other end is gone."""

import os
import socket
import traceback
from pathlib import Path
from typing import Any

from . import frames
from .dialogue import Dialogue
from .encoder import Encoder, SentenceEncoder
from .manifest import ModelError, manifest
from .model import open_model


class Server:
    """Open models by handle; one request at a time."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._models: dict[str, Dialogue] = {}

    def handle(self, request: Any) -> dict[str, Any]:
        """Return ``{"ok": …}`` or ``{"error": {"kind", "what"}}``; an error never quotes what a customer wrote."""
        try:
            return {"id": request["id"], "ok": self._do(request)}
        except ModelError as error:
            return {"id": request["id"], "error": {"kind": "no_model", "what": str(error)}}
        except Exception as error:
            return {"id": request.get("id") if isinstance(request, dict) else None, "error": _describe(error)}

    def _do(self, request: dict[str, Any]) -> Any:
        handle, what = request["model"], request["op"]
        if what == "open":
            folder = Path(request["path"])
            self._models[handle] = open_model(folder, self._encoder)
            return {"version": manifest(folder)["version"]}
        if what == "close":
            return bool(self._models.pop(handle, None))
        dialogue = self._models[handle]
        if what == "answer":
            return dialogue.answer(request["turn"])
        return [dialogue.read(text) for text in request["texts"]]


def _describe(error: Exception) -> dict[str, str]:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return {"kind": "broken", "what": f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"}


def serve(sock: socket.socket, server: Server) -> None:
    """Answer until end of file. A frame that is too long ends it too; one that is no JSON is answered as an error."""
    while (body := frames.receive(sock)) is not None:
        try:
            request = frames.decode(body)
        except ValueError:
            reply: dict[str, Any] = {"id": None, "error": {"kind": "broken", "what": "request is not JSON"}}
        else:
            reply = server.handle(request)
        sock.sendall(frames.encode(reply))


def main() -> None:
    """Run on file descriptor 0."""
    with socket.socket(fileno=os.dup(0)) as sock:
        serve(sock, Server(SentenceEncoder()))
