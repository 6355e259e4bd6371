"""Where a frame ends, and the frame that closes."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.websocket import ACCESS_LOST, Boundaries, close_frame


def frame(size: int, *, masked: bool) -> bytes:
    mask = 0x80 if masked else 0
    if size < 126:
        head = bytes((0x82, mask | size))
    elif size < 65536:
        head = bytes((0x82, mask | 126)) + struct.pack("!H", size)
    else:
        head = bytes((0x82, mask | 127)) + struct.pack("!Q", size)
    return head + (b"mask" if masked else b"") + b"\xff" * size


SIZES = st.sampled_from([0, 1, 125, 126, 127, 300, 65535, 65536])


@given(st.lists(st.tuples(SIZES, st.booleans()), min_size=1, max_size=3), st.lists(st.integers(0, 1000), max_size=8))
def test_the_ends_of_frames_are_known_however_bytes_come(frames: list[tuple[int, bool]], cuts: list[int]) -> None:
    wire = [frame(size, masked=masked) for size, masked in frames]
    data, ends = b"".join(wire), {0}
    for one in wire:
        ends.add(max(ends) + len(one))
    at, boundaries = 0, Boundaries()
    for cut in (*sorted(min(cut, len(data)) for cut in cuts), *sorted(ends)):
        if cut < at:
            continue
        boundaries.feed(data[at:cut])
        at = cut
        assert boundaries.between is (at in ends)


def test_byte_by_byte_a_frame_ends_with_its_last() -> None:
    boundaries, data = Boundaries(), frame(300, masked=True)
    seen = []
    for byte in data:
        boundaries.feed(bytes([byte]))
        seen.append(boundaries.between)
    assert seen == [False] * (len(data) - 1) + [True]


@pytest.mark.parametrize(
    ("reason", "frame"),
    [("", b"\x88\x02\x11\x33"), ("gone", b"\x88\x06\x11\x33gone"), ("x" * 200, b"\x88\x7d\x11\x33" + b"x" * 123)],
)
def test_a_close_frame_is_a_small_unmasked_control_frame(reason: str, frame: bytes) -> None:
    assert close_frame(ACCESS_LOST, reason) == frame
