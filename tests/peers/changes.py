"""Waiting for something to be true instead of waiting for time to pass."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

DEADLINE = 30.0
"""Seconds after which whatever a test waits for is taken not to come. What is promised within a time is timed by its test."""
ROOM = 1.0
"""Second beyond every promise: another process of the same machine may have stood still, and nobody here saw it."""
_TICK = 0.02


@asynccontextmanager
async def promised(seconds: float, *, room: float = ROOM) -> AsyncIterator[None]:
    """Like `asyncio.timeout`, for a promise of so many seconds on a machine that runs.

    The deadline moves by what the loop was late for its own ticks: time in which it stood still is nobody's delay.
    """
    loop = asyncio.get_running_loop()

    def tick(due: float) -> None:
        nonlocal ticking
        if limit.expired():
            return
        now, deadline = loop.time(), limit.when()
        assert deadline is not None
        limit.reschedule(deadline + now - due)
        ticking = loop.call_at(now + _TICK, tick, now + _TICK)

    async with asyncio.timeout(seconds + room) as limit:
        first = loop.time() + _TICK
        ticking = loop.call_at(first, tick, first)
        try:
            yield
        finally:
            ticking.cancel()


class Changes:
    """Told of every change by whoever records it; asked by those who wait."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def told(self) -> None:
        self._changed.set()

    async def until(self, holds: Callable[[], object], *, seconds: float = DEADLINE) -> None:
        """Return as soon as `holds`, asked again after every change; TimeoutError when it does not in time."""
        async with promised(seconds):
            while not holds():
                self._changed.clear()
                await self._changed.wait()
