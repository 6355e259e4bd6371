"""What is asked of a provider now and then, and stays known while the provider is away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, Generic, TypeVar

from auth_plugins.values import Unavailable

T = TypeVar("T")

FRESH: Final = 3600.0
"""Seconds after which it is asked anew."""
STALE: Final = 86400.0
"""Seconds for which an old answer serves while there is no new one."""
PAUSE: Final = 2.0
"""Seconds between a question without an answer and the next one."""
DEADLINE: Final = 2.4
"""Seconds a visitor waits for a provider: a little less than the gateway waits for a plugin, to say why."""
IMPATIENCE: Final = 1.0
"""Seconds to wait for a new answer where an old one would do."""


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Raise Unavailable where the block takes longer: everything that one visitor waits for at a provider."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise Unavailable("provider_slow", f"the provider did not answer within {seconds:g} s") from error


class Remembered(Generic[T]):
    """The answer to one question; `ask` raises Unavailable where there is none."""

    def __init__(self, ask: Callable[[], Awaitable[T]], now: Callable[[], float]) -> None:
        self._ask = ask
        self._now = now
        self._alone = asyncio.Lock()
        self._known: tuple[T, float] | None = None
        self._failed: tuple[Unavailable, float] | None = None

    async def get(self) -> T:
        """The answer, for a day also an old one. Raises Unavailable."""
        try:
            return await self.renewed(FRESH)
        except Unavailable:
            if (old := self._not_older(STALE)) is None:
                raise
            return old[0]

    async def renewed(self, age: float) -> T:
        """The answer, not older than `age` seconds. Raises Unavailable."""
        if (known := self._not_older(age)) is not None:
            return known[0]
        async with self._alone:
            if (known := self._not_older(age)) is not None:  # another asked meanwhile
                return known[0]
            if self._failed is not None and self._now() - self._failed[1] < PAUSE:
                raise Unavailable(self._failed[0].code, self._failed[0].detail)
            return await self._asked()

    async def _asked(self) -> T:
        try:
            if self._not_older(STALE) is None:
                answer = await self._ask()
            else:
                async with within(IMPATIENCE):
                    answer = await self._ask()
        except Unavailable as error:
            self._failed = (error, self._now())
            raise
        self._known = (answer, self._now())
        return answer

    def _not_older(self, age: float) -> tuple[T, float] | None:
        return self._known if self._known is not None and self._now() - self._known[1] < age else None
