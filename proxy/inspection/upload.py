"""The body of a request on its way to the instance, byte for byte; a copy is kept where somebody wants to look at it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

from aiohttp import ClientError, StreamReader

T = TypeVar("T")


class Upload:
    """It can be sent only once."""

    def __init__(self, content: StreamReader, seconds: float, *, keep: int = 0) -> None:
        """`keep`: bytes of which a copy is kept; of what is longer, nothing is."""
        self._content, self._seconds, self._keep = content, seconds, keep
        self._begun = self._whole = False
        self._size = 0
        self._early: list[bytes] = []
        """What has come before the instance was asked."""
        self._kept: list[bytes] = []
        self.passed_on = asyncio.Event()
        """Set when the instance has all of it."""
        self.limit: asyncio.Timeout | None = None
        """Ends the wait for an answer, so many seconds after the last part."""

    @property
    def broken(self) -> bool:
        """Whether the client went away before it had sent all of it."""
        return self._content.exception() is not None

    async def early(self, seconds: float) -> None:
        """Take it in as far as it may be kept, within so many seconds."""
        await self.during(asyncio.sleep(seconds), enough=True)

    async def during(self, other: Awaitable[T], *, enough: bool = False) -> T | None:
        """Take in what comes, as far as it may be kept, until something else is done; with `enough`, or until it is here.

        Where the client goes away meanwhile, whoever reads on will hear of it.
        """
        reading, waiting = asyncio.create_task(self._ahead()), asyncio.ensure_future(other)
        try:
            await asyncio.wait({reading, waiting} if enough else {waiting}, return_when=asyncio.FIRST_COMPLETED)
            return waiting.result() if waiting.done() else None
        finally:
            reading.cancel()
            waiting.cancel()
            await asyncio.gather(reading, waiting, return_exceptions=True)

    def take_kept(self) -> bytes | None:
        """The copy, once; None of a body that was longer than that, or is not all here."""
        kept, self._kept = self._kept, []
        return b"".join(kept) if self._whole and self._size <= self._keep else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._begun:
            raise ClientError("a body that was sent on a stale connection is gone")
        self._begun = True
        early, self._early = self._early[::-1], []
        while early:
            yield early.pop()
        while not self._whole:
            if part := await self._next():
                yield part
            if self.limit is not None and not self.limit.expired():
                self.limit.reschedule(asyncio.get_running_loop().time() + self._seconds)
        self.passed_on.set()

    async def _ahead(self) -> None:
        while not self._whole and self._size < self._keep:
            if part := await self._next():
                self._early.append(part)

    async def _next(self) -> bytes:
        part = await self._content.readany()
        self._whole, self._size = not part, self._size + len(part)
        if self._size <= self._keep:
            self._kept.append(part)
        else:
            self._kept.clear()
        return part
