"""What several processes share in Redis, and all that opens it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic, time
from typing import Final

from config.stores import RedisAddress
from proxy.store import TIMEOUT
from proxy.store.redis.bus import RedisBus
from proxy.store.redis.keeping import doubts
from proxy.store.redis.limits import RedisLimits
from proxy.store.redis.servers import connect
from proxy.store.redis.shared import Publish, RedisShared

_AGAIN: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class InRedis:
    """The parts of a store that Redis can keep."""

    shared: RedisShared
    bus: RedisBus
    limits: RedisLimits
    doubts: tuple[str, ...]
    """What may be lost there."""


@asynccontextmanager
async def open_redis(
    address: RedisAddress, publish: Publish, now: Callable[[], float] = time, *, patience: float = TIMEOUT
) -> AsyncIterator[InRedis]:
    """Reach Redis; `publish` is `Database.publish`, for the ends of sessions. Raises StoreUnavailable.

    `patience`: seconds for what a request waits for.
    """
    async with connect(address, patience) as servers:
        bus, limits = RedisBus(servers), RedisLimits(servers, monotonic)
        tasks = [asyncio.create_task(work) for work in (bus.speak(), bus.listen(), limits.run())]
        try:
            shared = RedisShared(servers, publish, now)
            yield InRedis(shared=shared, bus=bus, limits=limits, doubts=await doubts(servers))
        finally:
            await asyncio.gather(*(_ended(task) for task in tasks))


async def _ended(task: "asyncio.Task[None]") -> None:
    """Cancel until it ends: a subscription that is just being read takes no notice the first time."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_AGAIN)
