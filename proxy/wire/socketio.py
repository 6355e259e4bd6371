"""Socket.IO 5: the packets that Engine.IO's messages carry (https://github.com/socketio/socket.io-protocol).

Stricter than servers are, so that whatever passes means the same to them: numbers are ASCII digits, nothing stands
between the parts, and what a packet carries is what its type says.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import orjson

from proxy.wire.engineio import Malformed

MOST_ATTACHMENTS: Final = 10
"""As many as a server takes unless it is told otherwise."""
DEEPEST: Final = 200
"""Lists and objects within each other in one packet; whoever looks into it follows them all the way down."""
_PACKET: Final = re.compile(
    r"(?P<head>(?P<type>[0-6])(?:(?P<count>[0-9]{1,3})-)?(?:(?P<space>/[^,]{0,255})(?:,|\Z))?(?P<id>[0-9]{1,15})?)"
    r"(?P<data>[\[{\"].*)?",
    re.DOTALL,
)
_RESERVED: Final = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
"""What no event may be called."""


class Type(IntEnum):
    CONNECT = 0
    DISCONNECT = 1
    EVENT = 2
    ACK = 3
    CONNECT_ERROR = 4
    BINARY_EVENT = 5
    BINARY_ACK = 6


EVENTS: Final = frozenset({Type.EVENT, Type.BINARY_EVENT})
_BINARY: Final = frozenset({Type.BINARY_EVENT, Type.BINARY_ACK})


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet; its attachments follow it as binary data."""

    head: str
    """What stands before the data: type, number of attachments, namespace, id."""
    type: Type
    attachments: int
    namespace: str
    id: str
    """Of an event that wants an answer, and of that answer; empty for none."""
    data: object
    """None for none."""

    @property
    def words(self) -> list[object]:
        """Of an event: its name and what goes with it. Of an answer: what it says."""
        return self.data if isinstance(self.data, list) else []


def decode(text: str) -> Packet:
    """A packet, from the text of an Engine.IO message. Raises Malformed."""
    match = _PACKET.fullmatch(text)
    if match is None:
        raise Malformed("a packet of socket.io is a type, a namespace, an id and JSON")
    head, type_, count, space, id_, text_ = match.groups()
    data = None if text_ is None else _loaded(text_)
    if text_ is not None and text_.count("[") + text_.count("{") > DEEPEST:  # what opens so few goes no deeper
        _refuse_deep(data)
    packet = Packet(head, Type(int(type_)), int(count or 0), space or "/", id_ or "", data)
    _refuse_odd(packet, counted=count is not None)
    return packet


def encode(head: str, data: object) -> str:
    """A packet with this before its data; None for no data. Raises Malformed where it cannot be written."""
    if data is None:
        return head
    try:
        return head + orjson.dumps(data).decode()
    except TypeError:  # halves of surrogate pairs, and what lies very deep
        try:
            return head + json.dumps(data, separators=(",", ":"), allow_nan=False)
        except (ValueError, RecursionError):
            raise Malformed("data of a packet cannot be written as JSON") from None


def _loaded(text: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:  # JavaScript writes halves of surrogate pairs, which orjson does not read
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Malformed("data of a packet is JSON") from None


def _no_constant(name: str) -> object:
    raise ValueError(name)


def _refuse_deep(data: object) -> None:
    """Raises Malformed where data is nested too deeply; level by level, so that no depth is too much for itself."""
    level, depth = _containers([data]), 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise Malformed(f"data of a packet is nested {DEEPEST} deep at most")
        level = [inner for each in level for inner in _containers(each.values() if isinstance(each, dict) else each)]


def _containers(values: Iterable[object]) -> list[dict[str, object] | list[object]]:
    return [each for each in values if isinstance(each, dict | list)]


def _refuse_odd(packet: Packet, *, counted: bool) -> None:
    """Raises Malformed where a packet does not carry what its type asks for."""
    type_, data = packet.type, packet.data
    if counted is not (type_ in _BINARY) or (counted and not 1 <= packet.attachments <= MOST_ATTACHMENTS):
        raise Malformed(f"binary packets say how many attachments follow, 1 to {MOST_ATTACHMENTS}, and no others do")
    match type_:
        case Type.CONNECT:
            sound = not packet.id and (data is None or isinstance(data, dict))
        case Type.DISCONNECT:
            sound = not packet.id and data is None
        case Type.CONNECT_ERROR:
            sound = not packet.id and isinstance(data, str | dict)
        case Type.EVENT | Type.BINARY_EVENT:
            sound = bool(packet.words) and isinstance(packet.words[0], str) and packet.words[0] not in _RESERVED
        case _:  # of both kinds of answers
            sound = bool(packet.id) and isinstance(data, list)
    if not sound:
        raise Malformed(f"a packet of type {type_.name} does not carry this")
