"""Websocket frames as far as a splice must know them (RFC 6455 section 5.2): where one ends."""

import struct
from typing import Final

SESSION_ENDED: Final = 4401
ACCESS_LOST: Final = 4403
COME_AGAIN: Final = 1012


class Boundaries:
    """Follows the frames of one direction, so that a frame of ours can be put between two of them."""

    __slots__ = ("_head", "_skip")

    def __init__(self) -> None:
        self._skip = 0
        self._head = b""

    @property
    def between(self) -> bool:
        """Whether the last byte seen ended a frame."""
        return not self._skip and not self._head

    def feed(self, data: bytes) -> None:
        if self._skip > len(data):  # the usual case within a large frame
            self._skip -= len(data)
            return
        at, self._skip = self._skip, 0
        if self._head:
            data, at, self._head = self._head + data[at:], 0, b""
        length = len(data)
        while at < length:
            size = _frame_size(data, at)
            if size is None:
                self._head = data[at:]
                return
            at += size
        self._skip = at - length


def _frame_size(data: bytes, at: int) -> int | None:
    """The whole size of the frame that starts at `at`; None while its head is not complete."""
    if len(data) - at < 2:
        return None
    second = data[at + 1]
    size = (6 if second & 0x80 else 2) + (second & 0x7F)
    if second & 0x7F < 126:
        return size
    wide = second & 0x7F == 127
    if len(data) - at < (10 if wide else 4):
        return None
    payload: int = struct.unpack_from("!Q" if wide else "!H", data, at + 2)[0]
    return (10 if wide else 4) + (4 if second & 0x80 else 0) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """A server's close frame; the reason is UTF-8 of at most 123 bytes."""
    payload = struct.pack("!H", code) + reason.encode()[:123]
    return bytes((0x88, len(payload))) + payload
