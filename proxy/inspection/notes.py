"""Events that nobody waits for: written down soon after, many at once."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from proxy.model.audit import Event
from proxy.store import StoreUnavailable

_WAITING: Final = 10_000
"""Events that may wait; of more, the oldest are lost."""
_AT_ONCE: Final = 200
_AGAIN: Final = 1.0
"""Seconds until the next attempt, where the store cannot be written."""
_log = structlog.get_logger(__name__)


class Notes:
    """Takes events and puts them on the audit log, in order."""

    def __init__(self, record: Callable[..., Awaitable[object]]) -> None:
        self._record = record
        self._waiting: deque[Event] = deque()
        self._writing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._lost = 0

    def note(self, event: Event) -> None:
        """Put an event on the audit log, soon."""
        if len(self._waiting) >= _WAITING:
            self._waiting.popleft()
            self._lost += 1
        self._waiting.append(event)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())

    async def close(self) -> None:
        """Write what waits, if it can be written now."""
        self._closing.set()
        if self._writing is not None:
            await self._writing

    async def _write(self) -> None:
        while self._waiting:
            if await self._some():
                continue
            if self._closing.is_set():
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN):
                    await self._closing.wait()
        self._writing = None

    async def _some(self) -> bool:
        """Write as many as go into one transaction; false where that is not possible now."""
        some = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
        try:
            await self._record(*some)
        except StoreUnavailable as error:
            self._waiting.extendleft(reversed(some))
            _log.warning("notes-not-written", waiting=len(self._waiting), lost=self._lost, reason=str(error))
            return False
        return True
