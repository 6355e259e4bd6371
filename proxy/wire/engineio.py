"""Engine.IO 4 as far as a gateway must know it: what the query of a request says, and the packets of a transport.

https://github.com/socketio/engine.io-protocol. On a websocket a text message is a packet and a binary one is binary data;
in the body of a poll packets stand side by side, and binary data is written in base64.
"""

import base64
import binascii
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import parse_qsl

from proxy.wire.target import BadTarget

LONGEST_SID: Final = 128
"""Bytes; engine.io's own have 20. What is bound to a session is kept, so clients must not choose how long it is."""
VERSION: Final = b"4"
MOST_PACKETS: Final = 4096
"""Packets in the body of one poll."""

OPEN: Final = "0"
CLOSE: Final = "1"
PING: Final = "2"
PONG: Final = "3"
MESSAGE: Final = "4"
UPGRADE: Final = "5"
NOOP: Final = "6"
PROBE: Final = "2probe"
PROBED: Final = "3probe"

_APART: Final = "\x1e"
_BINARY: Final = "b"
_TYPES: Final = frozenset({OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP})

Packet = str | bytes
"""Text with its type before it, or binary data."""


class Malformed(ValueError):
    """What is said is not what the protocol knows; args[0] says why."""


def sid_of(target: bytes) -> bytes | None:
    """The engine.io session id a poll or upgrade belongs to; None on the handshake.

    Raises BadTarget where the query names several, since server and gateway could pick different ones, and for one
    that is empty or too long to be engine.io's.
    """
    _, _, query = target.partition(b"?")
    if b"sid" not in query and b"%" not in query:
        return None
    found = _named(query, "sid")
    if not found:
        return None
    if len(found) > 1 or not found[0]:
        raise BadTarget("a query names at most one engine.io sid")
    if len(found[0]) > LONGEST_SID:
        raise BadTarget(f"an engine.io sid has at most {LONGEST_SID} bytes")
    return found[0]


def foreign_version(target: bytes) -> bytes | None:
    """The version of the protocol that a request asks for, where that is not the one that is understood here.

    Servers take every request that does not ask for 4, and for nothing else, for one of version 3.
    """
    found = _named(target.partition(b"?")[2], "EIO")
    return None if found == [VERSION] else b", ".join(found) or b"3"


def asks_for_script(target: bytes) -> bool:
    """Whether answers are to be scripts (JSONP), as for browsers that have been gone for long."""
    return bool(_named(target.partition(b"?")[2], "j"))


def _named(query: bytes, name: str) -> list[bytes]:
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, encoding="latin-1")  # any byte may come
    return [value.encode("latin-1") for key, value in pairs if key.partition("[")[0] == name]


def unpack(body: bytes) -> Sequence[Packet]:
    """The packets in the body of a poll. Raises Malformed."""
    try:
        parts = body.decode().split(_APART, MOST_PACKETS)
    except UnicodeDecodeError:
        raise Malformed("the body of a poll is UTF-8") from None
    if len(parts) > MOST_PACKETS:
        raise Malformed(f"the body of a poll holds at most {MOST_PACKETS} packets")
    return [packet(part) for part in parts]


def pack(packets: Iterable[Packet]) -> bytes:
    """The body of a poll; without packets, one that says nothing."""
    return (_APART.join(_written(each) for each in packets) or NOOP).encode()


def packet(text: str) -> Packet:
    """A text message of a websocket, or a part of a poll: the packet that it is. Raises Malformed."""
    if text[:1] in _TYPES:
        return text
    if text[:1] != _BINARY:
        raise Malformed("a packet begins with its type, which is a digit from 0 to 6")
    try:
        return base64.b64decode(text[1:], validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("binary data is written in base64") from None


def _written(each: Packet) -> str:
    return each if isinstance(each, str) else _BINARY + base64.b64encode(each).decode()
