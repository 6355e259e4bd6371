"""Taking a connection over from aiohttp after an upgrade, with its public API only."""

import asyncio
from typing import Final

from aiohttp import web
from typing_extensions import override

_KEPT: Final = 64 * 1024


class Tap(asyncio.Protocol):
    """Stands before aiohttp's protocol and passes everything on, so that the connection can be taken out of its hands."""

    __slots__ = ("_inner", "_recent", "transport")

    transport: asyncio.Transport

    def __init__(self, inner: asyncio.Protocol) -> None:
        self._inner = inner
        self._recent = b""

    def mark(self) -> None:
        """A request is done: what comes now belongs to the next."""
        self._recent = b""

    def take(self) -> bytes:
        """End aiohttp's interest in the connection; return the bytes that followed the head of its last request."""
        tail = self._recent.partition(b"\r\n\r\n")[2]
        self._inner.transport = None  # type: ignore[attr-defined]  # so that it does not close what is no longer its own
        self._inner.connection_lost(None)
        return tail

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's transport reads and writes
        self._inner.connection_made(transport)

    @override
    def data_received(self, data: bytes) -> None:
        if len(self._recent) < _KEPT:
            self._recent += data
        self._inner.data_received(data)

    @override
    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._inner.connection_lost(exc)

    @override
    def pause_writing(self) -> None:
        self._inner.pause_writing()

    @override
    def resume_writing(self) -> None:
        self._inner.resume_writing()


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
