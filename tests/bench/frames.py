"""Websocket frames as a client needs them (RFC 6455), as few operations as Python allows."""

TEXT = 0x81
"""First byte of a whole text frame."""
COMPRESSED = 0x40
"""Bit of the first byte: the payload is deflated (RFC 7692)."""
CLOSE, PING, PONG = 0x88, 0x89, 0x8A
_MASK = bytes.fromhex("1152a3f4")
_KEYS: dict[int, int] = {}


def frame(payload: bytes, first: int = TEXT) -> bytes:
    """A masked frame, as a client must send it. One key for all: the server's work is the same with any."""
    length = len(payload)
    key = _KEYS.get(length)
    if key is None:
        key = _KEYS[length] = int.from_bytes((_MASK * (length // 4 + 1))[:length], "little")
    if length < 126:
        head = bytes((first, 0x80 | length))
    elif length < 65_536:
        head = bytes((first, 0xFE)) + length.to_bytes(2)
    else:
        head = bytes((first, 0xFF)) + length.to_bytes(8)
    return head + _MASK + (int.from_bytes(payload, "little") ^ key).to_bytes(length, "little")


def split(data: bytes) -> tuple[list[tuple[int, int, int]], int]:
    """The whole frames of a server in *data*: (first byte, start, end) of each payload, and where the rest starts."""
    found = []
    at, end = 0, len(data)
    while end - at >= 2:
        length = data[at + 1]
        start = at + 2
        if length >= 126:
            start += 2 if length == 126 else 8
            if end < start:
                break
            length = int.from_bytes(data[at + 2 : start])
        if end < start + length:
            break
        found.append((data[at], start, start + length))
        at = start + length
    return found, at
