"""The packets of one Dashboard socket that pass between a page and its instance, whichever transport carries them."""

from collections.abc import Callable, Mapping
from typing import Final

import orjson

from proxy.inspection.governed_outlines import Outlines
from proxy.nodered.dashboard import Told, Visitor, said, told
from proxy.wire import socketio
from proxy.wire.engineio import CLOSE, MESSAGE, NOOP, PING, PONG, PROBE, PROBED, UPGRADE, Malformed, Packet
from proxy.wire.socketio import EVENTS, Type

_SPACE: Final = "/"
"""The one namespace that dashboards speak in."""
_FROM_PAGE: Final = frozenset({CLOSE, PROBE, PONG, UPGRADE})
_FROM_INSTANCE: Final = frozenset({CLOSE, PING, PROBED, NOOP})
_CONFIG: Final = "ui-config"


class Way:
    """One direction: whether attachments of the last packet are still to come, and whether they pass as it did."""

    __slots__ = ("_due", "_passes")

    def __init__(self) -> None:
        self._due, self._passes = 0, False

    def begin(self, attachments: int, *, passes: bool) -> None:
        self._due, self._passes = attachments, passes

    def attachment(self, data: bytes) -> bytes | None:
        """Raises Malformed where none is due."""
        if not self._due:
            raise Malformed("binary data belongs to a packet that says so beforehand")
        self._due -= 1
        return data if self._passes else None

    def refuse_early(self) -> None:
        """Raises Malformed where attachments are due."""
        if self._due:
            raise Malformed("the attachments of a packet follow it")


class Screen:
    """What passes, packet by packet."""

    __slots__ = ("_down", "_outlines", "_place", "_up", "auth", "broken", "learned", "socket", "who")

    def __init__(self, outlines: Outlines, place: str, socket: str = "") -> None:
        """`place` is the instance's resource id, `socket` what socket.io calls this socket; empty while it has no name."""
        self._outlines, self._place, self.socket = outlines, place, socket
        self._down, self._up = Way(), Way()
        self.who: Callable[[], Visitor] = _nobody
        self.auth: Mapping[str, object] | None = None
        """What add-ons find as the page's own word about who is there; None for none."""
        self.learned = False
        """Whether the instance has said what is where, since somebody looked here last."""
        self.broken: Callable[[Told], None] | None = None
        """Told of what was stopped because a flow broke its word."""

    def down(self, packet: Packet) -> Packet | None:
        """What of a packet a page gets. Raises Malformed."""
        if isinstance(packet, bytes):
            return self._down.attachment(packet)
        if packet[0] != MESSAGE:
            return _known(packet, _FROM_INSTANCE)
        self._down.refuse_early()
        text = packet[1:]
        found = socketio.decode(text)
        passed = self._told(found, text)
        self._down.begin(found.attachments, passes=passed is not None)
        return packet if passed is text else MESSAGE + passed if passed is not None else None

    def up(self, packet: Packet) -> Packet | None:
        """What of a packet the instance gets. Raises Malformed."""
        if isinstance(packet, bytes):
            return self._up.attachment(packet)
        if packet[0] != MESSAGE:
            return _known(packet, _FROM_PAGE)
        self._up.refuse_early()
        found = socketio.decode(packet[1:])
        passed = self._said(found)
        self._up.begin(found.attachments, passes=passed is not None)
        return MESSAGE + passed if passed is not None else None

    def _told(self, packet: socketio.Packet, text: str) -> str | None:
        if packet.namespace != _SPACE:
            return None
        if packet.type in EVENTS:
            return self._event(packet, text)
        if packet.type is Type.CONNECT and isinstance(packet.data, dict):
            self.socket = str(packet.data.get("sid", ""))
        if packet.type in (Type.ACK, Type.BINARY_ACK):  # nobody can say which widget an answer comes from
            visitor = self.who()
            return None if visitor.view is not None or visitor.rows or visitor.constrained else text
        return text

    def _event(self, packet: socketio.Packet, text: str) -> str | None:
        words = packet.words
        if words[0] == _CONFIG:
            self.learned = True
            self._outlines.learn(self._place, text, words)
        binary = packet.type is Type.BINARY_EVENT
        found = told(self._outlines.of(self._place), self.who(), words, socket=self.socket, binary=binary)
        if found.broken is not None and self.broken is not None:
            self.broken(found)
        if found.words is words:
            return text
        # Attachments of what was taken out would go out all the same.
        return None if found.words is None or binary else socketio.encode(packet.head, found.words)

    def _said(self, packet: socketio.Packet) -> str | None:
        if packet.namespace != _SPACE:
            return None
        if packet.type is Type.CONNECT:
            return socketio.encode(packet.head, self.auth)
        if packet.type in EVENTS:
            words = said(self._outlines.of(self._place), self.who(), packet.words)
            return None if words is None else socketio.encode(packet.head, words)
        return socketio.encode(packet.head, packet.data) if packet.type is Type.DISCONNECT else None


def opened(packet: Packet) -> tuple[str, int]:
    """From an instance's first packet: the name of the engine.io session, and how many bytes it takes at once.

    Raises Malformed.
    """
    if isinstance(packet, str) and packet.startswith("0"):
        try:
            found = orjson.loads(packet[1:])
        except orjson.JSONDecodeError:
            found = None
        if isinstance(found, dict) and isinstance(found.get("sid"), str) and isinstance(found.get("maxPayload"), int):
            return found["sid"], found["maxPayload"]
    raise Malformed("the first packet of an instance says which session it opens")


def _known(packet: str, known: frozenset[str]) -> str:
    if packet not in known:
        raise Malformed("a packet of engine.io is a message, or one of few words")
    return packet


def _nobody() -> Visitor:
    raise RuntimeError("nothing passes before it is known who is there")
