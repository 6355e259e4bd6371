"""What keeps one process together with itself: limits and news that no other process shares."""

import asyncio
from collections.abc import AsyncIterator, Callable

from proxy.access.gcra import Buckets, Rate
from proxy.store import SUBJECTS


class LocalBus:
    """A Bus of one process with one listener: what it tells wakes itself."""

    def __init__(self) -> None:
        self._told = asyncio.Event()

    def tell(self) -> None:
        self._told.set()

    async def heard(self) -> AsyncIterator[None]:
        while True:
            await self._told.wait()
            self._told.clear()
            yield


class LocalLimit:
    """A rate per subject, counted in this process."""

    def __init__(self, rate: Rate, steady: Callable[[], float]) -> None:
        self.rate = rate
        self._buckets, self._steady = Buckets(rate, SUBJECTS), steady

    def admit(self, subject: str) -> float:
        return self._buckets.admit(subject, self._steady())

    def give_back(self, subject: str) -> None:
        self._buckets.give_back(subject)

    def ahead(self, subject: str) -> float:
        return self._buckets.ahead(subject, self._steady())


class LocalLimits:
    """The Limits of one process."""

    def __init__(self, steady: Callable[[], float]) -> None:
        """`steady`: seconds of a clock that never jumps."""
        self._steady = steady
        self._by_name: dict[str, LocalLimit] = {}

    def limit(self, name: str, rate: Rate) -> LocalLimit:
        found = self._by_name.get(name)
        if found is None or found.rate != rate:
            found = self._by_name[name] = LocalLimit(rate, self._steady)
        return found

    def forget(self, name: str) -> None:
        self._by_name.pop(name, None)
