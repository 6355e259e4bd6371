"""The store in SQL: in one SQLite file, or in PostgreSQL."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from proxy.store import TIMEOUT, Store
from proxy.store.memory import LocalBus, LocalLimits
from proxy.store.sql import postgresql, sqlite
from proxy.store.sql.connections import Connections
from proxy.store.sql.database import SqlDatabase
from proxy.store.sql.shared import SqlShared
from proxy.store.sql.sqlite import FILE

__all__ = ["FILE", "Store", "open_postgresql", "open_store"]


@asynccontextmanager
async def open_store(
    directory: Path, steady: Callable[[], float] = monotonic, *, patience: float = TIMEOUT
) -> AsyncIterator[Store]:
    """Open the store in a directory, made or brought up to date first; raises StoreUnavailable.

    `steady`: seconds of a clock that never jumps, for limits. `patience`: seconds for an answer that a request waits for.
    """
    async with sqlite.connect(directory / FILE, patience) as connections:
        yield _store(connections, steady)


@asynccontextmanager
async def open_postgresql(
    url: str, steady: Callable[[], float] = monotonic, *, patience: float = TIMEOUT
) -> AsyncIterator[Store]:
    """Open the store in a PostgreSQL, brought up to date first; raises StoreUnavailable.

    `url` is as libpq has it: postgresql://user:password@host:port/database?sslmode=verify-full. Sessions are there too, so
    that every process sees them; limits and the bus are of this process alone. `patience`: seconds for an answer that a request
    waits for.
    """
    async with postgresql.connect(url, patience) as connections:
        yield _store(connections, steady)


def _store(connections: Connections, steady: Callable[[], float]) -> Store:
    return Store(
        database=SqlDatabase(connections),
        shared=SqlShared(connections, steady),
        bus=LocalBus(),
        limits=LocalLimits(steady),
    )
