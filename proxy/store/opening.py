"""Opens what the configuration says: SQLite or PostgreSQL, and what processes share embedded in them or in Redis."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from time import monotonic

from config.schema import State
from proxy.store import Store
from proxy.store.redis import open_redis
from proxy.store.sql import open_postgresql, open_store
from proxy.store.sql.holding import InUse, hold


@asynccontextmanager
async def held(state: State) -> AsyncIterator[None]:
    """Serve from this state: with others that share it in the same Redis, or else alone. Raises InUse and StoreUnavailable.

    To be had before anything is read or written: what another one has under way looks as if it had been left behind.
    """
    place = state.directory if state.database == "sqlite" else state.database.url
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(hold(place, alone=state.shared == "embedded", patience=state.timeout))
        except InUse as error:
            raise InUse(_refusal(state)) from error
        yield


def _refusal(state: State) -> str:
    where = f"state.directory: {state.directory}" if state.database == "sqlite" else f"state.database: {state.database}"
    if state.shared == "embedded":
        return (
            f"{where} is in use by another gateway or by flowward state copy, and state.shared is embedded, so each of two "
            "would count limits by itself. Stop the other one first, or set state.shared of both to a Redis, for example "
            "redis://127.0.0.1:6379/0."
        )
    return (
        f"{where} is in use by flowward state copy or by a gateway whose state.shared is embedded. Stop it first, or set "
        f"its state.shared to {state.shared}, as here."
    )


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
