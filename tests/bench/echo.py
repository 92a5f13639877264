"""The reference: a bare python-socketio server that answers an event with an ack. ``python -m tests.bench.echo PORT``.

uvicorn, websockets-sansio, uvloop, httptools and orjson as the hub uses them; everything else as it comes.
"""

import sys
from typing import Any

import orjson
import socketio
import uvicorn


class Json:
    """orjson with the keyword arguments python-socketio passes."""

    @staticmethod
    def dumps(value: Any, **_options: Any) -> str:
        return orjson.dumps(value).decode()

    @staticmethod
    def loads(text: str, **_options: Any) -> Any:
        return orjson.loads(text)


async def echo(_sid: str, data: Any) -> Any:
    """Answer with what was said."""
    return data


def main(port: int) -> None:
    """Serve until stopped."""
    server = socketio.AsyncServer(async_mode="asgi", json=Json)
    server.on("echo", echo)
    uvicorn.run(
        socketio.ASGIApp(server),
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        backlog=2_048,
        log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
