"""Opens what the configuration says: SQLite or PostgreSQL, and what processes share embedded in them or in Redis."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from time import monotonic

from config.schema import State
from proxy.store import Store
from proxy.store.redis import open_redis
from proxy.store.sql import open_postgresql, open_store


@asynccontextmanager
async def open_state(state: State, steady: Callable[[], float] = monotonic) -> AsyncIterator[Store]:
    """Everything that is kept, made or brought up to date first; raises StoreUnavailable.

    `steady`: seconds of a clock that never jumps, for limits that are counted here.
    """
    async with _database(state, steady) as store:
        if state.shared == "embedded":
            yield store
            return
        async with open_redis(state.shared, store.database.publish, patience=state.timeout) as parts:
            yield replace(store, shared=parts.shared, bus=parts.bus, limits=parts.limits, doubts=parts.doubts)


def _database(state: State, steady: Callable[[], float]) -> AbstractAsyncContextManager[Store]:
    if state.database == "sqlite":
        return open_store(state.directory, steady, patience=state.timeout)
    return open_postgresql(state.database.url, steady, patience=state.timeout)
