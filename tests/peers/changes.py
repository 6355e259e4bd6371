"""Waiting for something to be true instead of waiting for time to pass."""

import asyncio
from collections.abc import Callable

DEADLINE = 30.0
"""Seconds after which whatever a test waits for is taken not to come. What is promised within a time is timed by its test."""


class Changes:
    """Told of every change by whoever records it; asked by those who wait."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def told(self) -> None:
        self._changed.set()

    async def until(self, holds: Callable[[], object], *, seconds: float = DEADLINE) -> None:
        """Return as soon as `holds`, asked again after every change; TimeoutError when it does not in time."""
        async with asyncio.timeout(seconds):
            while not holds():
                self._changed.clear()
                await self._changed.wait()
