"""What several processes share in Redis, and all that opens it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic, time

from config.stores import RedisAddress
from proxy.store import Database
from proxy.store.redis.bus import RedisBus
from proxy.store.redis.limits import RedisLimits
from proxy.store.redis.servers import connect
from proxy.store.redis.shared import RedisShared


@dataclass(frozen=True, slots=True, kw_only=True)
class InRedis:
    """The parts of a store that Redis can keep."""

    shared: RedisShared
    bus: RedisBus
    limits: RedisLimits


@asynccontextmanager
async def open_redis(
    address: RedisAddress, database: Database, now: Callable[[], float] = time
) -> AsyncIterator[InRedis]:
    """Reach Redis; the ends of sessions are published in the database. Raises StoreUnavailable."""
    async with connect(address) as servers:
        bus, limits = RedisBus(servers), RedisLimits(servers, monotonic)
        tasks = [asyncio.create_task(work) for work in (bus.speak(), bus.listen(), limits.run())]
        try:
            yield InRedis(shared=RedisShared(servers, database, now), bus=bus, limits=limits)
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
