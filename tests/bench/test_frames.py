"""The load's own websocket frames against a library's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from tests.bench.frames import PONG, TEXT, frame, split

LENGTHS = (0, 1, 5, 125, 126, 127, 300, 65_535, 65_536, 70_000)


def serialized(payloads: list[bytes]) -> bytes:
    return b"".join(Frame(Opcode.TEXT, payload).serialize(mask=False) for payload in payloads)


@pytest.mark.parametrize("length", LENGTHS)
def test_a_server_understands_what_the_load_sends(length: int) -> None:
    payload = bytes(number % 251 for number in range(length))
    for first, opcode in ((TEXT, Opcode.TEXT), (PONG, Opcode.PONG)):
        if opcode is Opcode.PONG and length > 125:
            continue
        reader = StreamReader()
        reader.feed_data(frame(payload, first))
        parser = Frame.parse(reader.read_exact, mask=True, max_size=None)
        with pytest.raises(StopIteration) as parsed:
            next(parser)
        assert (parsed.value.value.opcode, parsed.value.value.fin) == (opcode, True)
        assert parsed.value.value.data == payload


@pytest.mark.parametrize("length", LENGTHS)
def test_the_load_understands_what_a_server_sends(length: int) -> None:
    data = serialized([b"x" * length])
    frames, rest = split(data)
    assert [(first, data[start:end]) for first, start, end in frames] == [(TEXT, b"x" * length)]
    assert rest == len(data)


@given(st.lists(st.binary(max_size=300), max_size=8), st.lists(st.integers(1, 400), min_size=1, max_size=20))
def test_frames_may_come_in_any_pieces(payloads: list[bytes], sizes: list[int]) -> None:
    """However the kernel cuts the stream, every frame is found once, whole and in order."""
    stream, found, waiting = serialized(payloads), [], b""
    while stream:
        for size in sizes:
            waiting, stream = waiting + stream[:size], stream[size:]
            frames, rest = split(waiting)
            found += [waiting[start:end] for _, start, end in frames]
            waiting = waiting[rest:]
    assert found == payloads
    assert waiting == b""
