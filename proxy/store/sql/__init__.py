"""The store in one SQLite file, and all that opens it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Final

from proxy.store import Store
from proxy.store.memory import LocalBus, LocalLimits
from proxy.store.sql.connections import connect
from proxy.store.sql.database import SqlDatabase
from proxy.store.sql.shared import SqlShared

FILE: Final = "flowward.sqlite"

__all__ = ["FILE", "Store", "open_store"]


@asynccontextmanager
async def open_store(directory: Path) -> AsyncIterator[Store]:
    """Open the store in a directory, made or brought up to date first; raises StoreUnavailable."""
    async with connect(directory / FILE) as connections:
        yield Store(
            database=SqlDatabase(connections),
            shared=SqlShared(connections, monotonic),
            bus=LocalBus(),
            limits=LocalLimits(monotonic),
        )
