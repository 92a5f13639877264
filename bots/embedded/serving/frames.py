"""JSON frames over a socket pair: four bytes of length (big-endian), then UTF-8 JSON. Both ends use this file."""

import json
import socket
import struct
from typing import Any

MAX_FRAME = 4 << 20
"""Bytes; a longer frame is a fault, and the stream cannot be trusted after it."""
HEADER = struct.Struct(">I")


class FrameError(Exception):
    """The stream is no longer a sequence of frames."""


def encode(value: Any) -> bytes:
    """Return *value* as one frame, or raise :class:`FrameError` when it is too long."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    if len(body) > MAX_FRAME:
        raise FrameError(f"frame of {len(body)} bytes")
    return HEADER.pack(len(body)) + body


def length(header: bytes) -> int:
    """Return the number of bytes that follow *header*, or raise :class:`FrameError`."""
    size: int = HEADER.unpack(header)[0]
    if size > MAX_FRAME:
        raise FrameError(f"frame of {size} bytes")
    return size


def decode(body: bytes) -> Any:
    """Return the JSON of a frame's body, or raise ``ValueError``."""
    return json.loads(body.decode("utf-8", "surrogatepass"))


def receive(sock: socket.socket) -> bytes | None:
    """Block for one frame's body; None when the other end is gone."""
    header = _exactly(sock, HEADER.size)
    return None if header is None else _exactly(sock, length(header))


def _exactly(sock: socket.socket, count: int) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        part = sock.recv(min(count - len(data), 1 << 16))
        if not part:
            return None
        data += part
    return bytes(data)
