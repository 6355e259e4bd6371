"""Taking a connection over from aiohttp, with its public API only."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web
from typing_extensions import override

_KEPT: Final = 128 * 1024
"""Bytes after which nothing more is kept: more than aiohttp reads ahead behind an upgrade."""
_HIGH_WATER: Final = 32 * 1024
_DISCARDED: Final = 4 * 1024 * 1024
"""Bytes that are read over behind a last answer, so that a reset does not destroy it."""
_LINGER: Final = 2.0
_NEVER: Final = float("inf")


class Tap(asyncio.Protocol):
    """Stands before aiohttp's protocol and passes everything on, so that the connection can be taken out of its hands."""

    __slots__ = (
        "_enter",
        "_inner",
        "_leave",
        "_recent",
        "begun",
        "certificate",
        "deadline",
        "paid",
        "peer",
        "transport",
    )

    transport: asyncio.Transport

    def __init__(self, inner: asyncio.Protocol, enter: "Callable[[Tap], None]", leave: "Callable[[Tap], None]") -> None:
        """`enter` and `leave` are told when the connection becomes this lane's, and when it is no longer."""
        self._inner, self._enter, self._leave = inner, enter, leave
        self._recent = b""
        self.paid = False
        """Whether the request that is due was charged by limits on the other lane."""
        self.begun = False
        """Whether some of a request has come."""
        self.deadline = _NEVER
        """Steady seconds by which a whole head is to be here."""
        self.peer = ""
        self.certificate: bytes | None = None
        """The client's (DER), once somebody has looked."""

    @property
    def secure(self) -> bool:
        return self.transport.get_extra_info("ssl_object") is not None

    def judged(self) -> None:
        """A head is here: deadlines are the exchange's from now on."""
        self.deadline = _NEVER

    def mark(self, *, body: bool) -> None:
        """A request is done: what is kept belongs to the next. With a `body`, where it ended is not known."""
        self._recent = b"" if body else self._recent.partition(b"\r\n\r\n")[2]
        self.begun = bool(self._recent)
        self.paid = False

    def take(self) -> bytes | None:
        """End aiohttp's interest in the connection; return the bytes that followed the head of its last request.

        None, and nothing done, where these are not known.
        """
        head, found, tail = self._recent.partition(b"\r\n\r\n")
        if not head or not found:
            return None
        self._let_go()
        return tail

    def dismiss(self, answer: bytes) -> None:
        """Send a last answer in aiohttp's stead, and close."""
        self._let_go()
        if self.transport.is_closing():
            return
        self.transport.set_protocol(_Leftover(self.transport))
        self.transport.write(answer)
        if not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self.transport.resume_reading()
        asyncio.get_running_loop().call_later(_LINGER, self.transport.abort)

    def _let_go(self) -> None:
        self.deadline = _NEVER
        self._leave(self)
        self._inner.transport = None  # type: ignore[attr-defined]  # so that it does not close what is no longer its own
        self._inner.connection_lost(None)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's transport reads and writes
        self.transport.set_write_buffer_limits(_HIGH_WATER)
        peername = transport.get_extra_info("peername")
        self.peer = peername[0] if isinstance(peername, tuple) else "127.0.0.1"
        self._inner.connection_made(transport)
        self._enter(self)

    @override
    def data_received(self, data: bytes) -> None:
        self.begun = True
        if len(self._recent) < _KEPT:
            self._recent += data
        self._inner.data_received(data)

    @override
    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._leave(self)
        self._inner.connection_lost(exc)

    @override
    def pause_writing(self) -> None:
        self._inner.pause_writing()

    @override
    def resume_writing(self) -> None:
        self._inner.resume_writing()


class _Leftover(asyncio.Protocol):
    """Reads over what a client still sends after its last answer."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._left = transport, _DISCARDED

    @override
    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._transport.abort()


class Detached(web.StreamResponse):
    """What a handler returns when the connection is no longer aiohttp's: writes nothing."""

    @override
    async def prepare(self, request: web.BaseRequest) -> None:
        return None

    @override
    async def write_eof(self, data: bytes = b"") -> None:
        return None

    @property
    @override
    def keep_alive(self) -> bool | None:
        return False


def tap_of(request: web.BaseRequest) -> Tap | None:
    transport = request.transport
    protocol = transport.get_protocol() if transport is not None else None
    return protocol if isinstance(protocol, Tap) else None
