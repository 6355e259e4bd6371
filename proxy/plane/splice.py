"""Bytes both ways after a 101, with a registry entry so that what ends can be closed between two frames."""

import asyncio
from typing import Final

from typing_extensions import override

from proxy.gate.crowd import Crowd
from proxy.gate.live import LiveConnections, close_code, place_of, rights_of
from proxy.gate.principal import Lease, Principal
from proxy.model.access import Reason
from proxy.wire.websocket import Boundaries, close_frame

LINGER: Final = 1.0
"""Seconds a client has to take a close frame before the connection is cut."""


class Tunnel:
    """One spliced websocket: the client's side, the instance's side, and whose it is."""

    # fmt: off
    __slots__ = (
        "_address", "_boundaries", "_crowd", "_ended", "_half", "_live", "_open", "client", "instance", "place", "principal", "resource_id", "rights", "surface",
    )
    # fmt: on

    def __init__(self, live: LiveConnections, crowd: Crowd, address: str, principal: Principal, lease: Lease) -> None:
        """`crowd` has counted the client's connection under `address`; the tunnel takes it off again."""
        self._live, self._crowd, self._address = live, crowd, address
        self.principal, self.resource_id, self.surface = principal, lease.station.resource.id, lease.surface
        self.rights = rights_of(lease.station, lease.surface, lease.decision)
        self.place = place_of(lease.station, principal)
        self._half = self._ended = False
        self._open = True

    def join(self, client: asyncio.Transport, instance: asyncio.Transport, boundaries: Boundaries) -> None:
        """Let bytes flow. What comes from the instance is followed, so that a frame can be put between its frames."""
        self.client, self.instance = client, instance
        client.set_protocol(ClientSide(self, instance))
        instance.set_protocol(InstanceSide(self, client, boundaries))
        self._boundaries = boundaries
        self._live.add(self)

    def end(self, reason: Reason) -> None:
        """Close both sides, with a close frame where one fits between two frames."""
        if self._ended:
            return
        self._ended = True
        self.instance.abort()
        if self.client.is_closing():
            return
        if self._boundaries.between:
            self.client.write(close_frame(close_code(reason), reason.value))
            self.client.close()
            asyncio.get_running_loop().call_later(LINGER, self.client.abort)
        else:
            self.client.abort()

    def half_closed(self, other: asyncio.Transport) -> bool:
        """One side sends no more. Over TLS that cannot be passed on, so it ends both."""
        plain = self.client.can_write_eof() and self.instance.can_write_eof()
        if self._half or self._ended or other.is_closing() or not plain:
            return False
        self._half = True
        try:
            other.write_eof()
        except OSError:  # the other side is gone already
            return False
        return True

    def lost(self, other: asyncio.Transport, error: Exception | None) -> None:
        if self._open:
            self._open = False
            self._live.remove(self)
            self._crowd.leave(self._address)
        if self._ended or other.is_closing():
            return
        if error is None:
            other.close()
        else:
            other.abort()


class ClientSide(asyncio.Protocol):
    """Copies what the client sends to the instance."""

    __slots__ = ("_forward", "_other", "_tunnel")

    def __init__(self, tunnel: Tunnel, other: asyncio.Transport) -> None:
        self._tunnel, self._other, self._forward = tunnel, other, other.write

    @override
    def data_received(self, data: bytes) -> None:
        self._forward(data)

    @override
    def pause_writing(self) -> None:
        if not self._other.is_closing():
            self._other.pause_reading()

    @override
    def resume_writing(self) -> None:
        if not self._other.is_closing():
            self._other.resume_reading()

    @override
    def eof_received(self) -> bool:
        return self._tunnel.half_closed(self._other)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._tunnel.lost(self._other, exc)


class InstanceSide(ClientSide):
    """Copies what the instance sends to the client, following its frames."""

    __slots__ = ("_feed",)

    def __init__(self, tunnel: Tunnel, other: asyncio.Transport, boundaries: Boundaries) -> None:
        super().__init__(tunnel, other)
        self._feed = boundaries.feed

    @override
    def data_received(self, data: bytes) -> None:
        self._feed(data)
        self._forward(data)
