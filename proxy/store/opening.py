"""Opens what the configuration says: SQLite or PostgreSQL, and what processes share embedded in them or in Redis."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

from config.schema import State
from proxy.store import Store
from proxy.store.redis import open_redis
from proxy.store.sql import open_postgresql, open_store


@asynccontextmanager
async def open_state(state: State) -> AsyncIterator[Store]:
    """Everything that is kept, made or brought up to date first; raises StoreUnavailable."""
    async with _database(state) as store:
        if state.shared == "embedded":
            yield store
            return
        async with open_redis(state.shared, store.database.publish) as parts:
            yield replace(store, shared=parts.shared, bus=parts.bus, limits=parts.limits)


def _database(state: State) -> AbstractAsyncContextManager[Store]:
    return open_store(state.directory) if state.database == "sqlite" else open_postgresql(state.database.url)
