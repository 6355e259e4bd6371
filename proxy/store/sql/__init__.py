"""The store in one SQLite file, and all that opens it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proxy.store import Database, Shared
from proxy.store.sql.connections import connect
from proxy.store.sql.database import SqlDatabase
from proxy.store.sql.shared import SqlShared

FILE: Final = "flowward.sqlite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Both parts of the state, on the same connections."""

    database: Database
    shared: Shared


@asynccontextmanager
async def open_store(directory: Path) -> AsyncIterator[Store]:
    """Open the store in a directory, made or brought up to date first; raises StoreUnavailable."""
    async with connect(directory / FILE) as connections:
        yield Store(database=SqlDatabase(connections), shared=SqlShared(connections))
