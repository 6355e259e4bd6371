"""Websockets that the other lane has parsed and judged: the plane carries them as it carries its own."""

import asyncio
from typing import TYPE_CHECKING

from typing_extensions import override

from proxy.gate.caller import Caller
from proxy.gate.verdict import Head, Pass
from proxy.plane.client import Client
from proxy.plane.connection import State
from proxy.plane.head import Request
from proxy.wire.framing import Framing

if TYPE_CHECKING:
    from proxy.plane.listener import Plane


class Upgrades:
    """Takes over connections whose upgrade was judged elsewhere."""

    def __init__(self, plane: "Plane") -> None:
        self._plane = plane

    def __call__(self, transport: asyncio.Transport, early: bytes, caller: Caller, head: Head, verdict: Pass) -> None:
        """From here on the connection is the plane's: its answer, its record and its end. `early` followed the head."""
        request = Request(head.method, head.target, head.lines, head.noted, old=head.old)
        request.framing, request.raw, request.keep = Framing(websocket=True), b"", False
        Adopted(self._plane, caller, verdict).adopt(transport, request, early)


class Adopted(Client):
    """A client whose one request is known to pass."""

    __slots__ = ("_judged_by", "_verdict")

    def __init__(self, plane: "Plane", caller: Caller, verdict: Pass) -> None:
        super().__init__(plane)
        self._judged_by, self._verdict = caller, verdict

    def adopt(self, transport: asyncio.Transport, request: Request, early: bytes) -> None:
        """Go on where the other lane stopped."""
        transport.set_protocol(self)
        self.connection_made(transport)
        transport.resume_reading()
        if self.state is State.IDLE:
            self._caller, self._buffer = self._judged_by, early
            self._begin(request)

    @override
    def _judge(self, now: float, turn: int) -> None:
        self._carry(self._verdict)
