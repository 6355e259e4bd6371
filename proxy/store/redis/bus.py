"""News between processes by Redis pub/sub. Nobody relies on them: the version of the database says what is new."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from redis.asyncio.client import PubSub
from redis.exceptions import RedisClusterException, RedisError

from proxy.store import StoreUnavailable
from proxy.store.redis.servers import Servers

CHANNEL: Final = "flowward:changed"
_AGAIN: Final = 0.5
"""Seconds until a lost subscription is made anew."""
_SILENT: Final = 5.0
"""Seconds of silence after which the server has to show that it is still there."""


class RedisBus:
    """A Bus over Redis, with one listener in this process, whom its own news wake without a detour."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._to_tell, self._told = asyncio.Event(), asyncio.Event()

    def tell(self) -> None:
        self._to_tell.set()
        self._told.set()

    async def heard(self) -> AsyncIterator[None]:
        while True:
            await self._told.wait()
            self._told.clear()
            yield

    async def speak(self) -> None:
        """Pass on what this process tells, until cancelled."""
        while True:
            await self._to_tell.wait()
            self._to_tell.clear()
            with suppress(StoreUnavailable):
                await self._servers.publish(CHANNEL)

    async def listen(self) -> None:
        """Hear what others tell, until cancelled; a lost connection is made anew."""
        while True:
            with suppress(RedisError, RedisClusterException, OSError):
                async with self._servers.subscribed(CHANNEL) as ear:
                    self._told.set()  # something may have been told while nobody listened
                    await self._hear(ear)
            await asyncio.sleep(_AGAIN)

    async def _hear(self, ear: PubSub) -> None:
        """Until nothing more can come."""
        asked = False
        while True:
            message = await ear.get_message(timeout=_SILENT)
            if message is not None and message["type"] == "message":
                self._told.set()
            if message is None and asked:
                return
            asked = message is None
            if asked:
                await ear.ping()
