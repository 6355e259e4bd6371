"""The body of a request on its way to the instance, byte for byte; a copy is kept where somebody wants to look at it."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import ClientError, StreamReader


class Upload:
    """It can be sent only once."""

    def __init__(self, content: StreamReader, seconds: float, *, keep: int = 0) -> None:
        """`keep`: bytes of which a copy is kept; of what is longer, nothing is."""
        self._content, self._seconds, self._keep = content, seconds, keep
        self._begun = self._whole = False
        self._early: list[bytes] = []
        """What has come before the instance was asked."""
        self._kept = bytearray()
        self.passed_on = False
        """Whether the instance has all of it."""
        self.limit: asyncio.Timeout | None = None
        """Ends the wait for an answer, so many seconds after the last part."""

    @property
    def broken(self) -> bool:
        """Whether the client went away before it had sent all of it."""
        return self._content.exception() is not None

    async def ahead(self) -> None:
        """Take in what comes, as long as it may be kept. May be cancelled."""
        while not self._whole and len(self._kept) <= self._keep:
            if part := await self._next():
                self._early.append(part)

    def take_kept(self) -> bytes | None:
        """The copy, once; None of a body that was longer, or that has not come to its end."""
        kept, self._kept = bytes(self._kept), bytearray()
        return kept if self._whole and len(kept) <= self._keep else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._begun:
            raise ClientError("a body that was sent on a stale connection is gone")
        self._begun = True
        early, self._early = self._early, []
        for part in early:
            yield part
        del early
        while not self._whole:
            if part := await self._next():
                yield part
            if self.limit is not None and not self.limit.expired():
                self.limit.reschedule(asyncio.get_running_loop().time() + self._seconds)
        self.passed_on = True

    async def _next(self) -> bytes:
        part = await self._content.readany()
        self._whole = not part
        if self._keep and len(self._kept) <= self._keep:
            self._kept += part
        return part
