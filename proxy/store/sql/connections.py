"""Connections to one SQLite file: many readers, one writer, a deadline on everything."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

import orjson
from sqlalchemy import URL, NullPool, create_engine, literal_column, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from proxy.store import Dangling, StoreUnavailable
from proxy.store.migrations import upgrade
from proxy.store.sql.dialect import DRIVER, Opening, PromptSqlite
from proxy.store.tables import metadata

DEADLINE: Final = 3.0
"""Seconds for what a request waits for."""
BULK_DEADLINE: Final = 60.0
"""Seconds for reading or writing very many rows, which only starting, the console and the command line do."""
BUSY: Final = 2.5
"""Seconds to wait for another process that writes; under the deadline, so that the error says what happened."""


class Connections:
    """Lends connections; a connection that was interrupted is never lent again."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def reading(self, seconds: float = DEADLINE) -> AsyncIterator[AsyncConnection]:
        """A connection on which each statement sees what was committed before it."""
        with _unavailable():
            async with asyncio.timeout(seconds), self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def snapshot(self, seconds: float = DEADLINE) -> AsyncIterator[AsyncConnection]:
        """A connection on which all statements see the same state."""
        async with self.reading(seconds) as connection:
            await connection.exec_driver_sql("BEGIN")
            yield connection

    @asynccontextmanager
    async def writing(self, seconds: float = DEADLINE) -> AsyncIterator[AsyncConnection]:
        """A transaction that is durable once left; an exception leaves everything as it was.

        Raises Dangling where a reference would point at nothing.
        """
        with _unavailable():
            async with asyncio.timeout(seconds), self._turn, self._engine.connect() as connection:
                # Taking the lock at once: a transaction that turns from reading to writing cannot wait for it.
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
                await _commit(connection)


async def _commit(connection: AsyncConnection) -> None:
    try:
        await connection.exec_driver_sql("COMMIT")
    except IntegrityError as error:
        raise await _dangling(connection) from error


async def _dangling(connection: AsyncConnection) -> Dangling:
    """Name the first reference that points at nothing."""
    loose = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).mappings().fetchmany(1)[0]
    table = metadata.tables[loose["table"]]
    keys = await connection.exec_driver_sql(f'PRAGMA foreign_key_list("{table.name}")')
    column = next(table.c[key["from"]] for key in keys.mappings() if key["id"] == loose["fkid"])
    value = await connection.execute(select(column).where(literal_column("rowid") == loose["rowid"]))
    return Dangling(f"{table.name}.{column.name}", value.scalar_one())


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise StoreUnavailable("The database did not answer in time.") from error
    except PoolTimeoutError as error:
        raise StoreUnavailable("Every connection to the database is busy.") from error
    except DBAPIError as error:
        raise StoreUnavailable(f"The database failed: {error.orig}.") from error
    except OSError as error:
        raise StoreUnavailable(f"The database cannot be opened: {error}.") from error


@asynccontextmanager
async def connect(path: Path) -> AsyncIterator[Connections]:
    """Open the file, making it or bringing it up to date first; raises StoreUnavailable."""
    opening = Opening(path, busy=BUSY)
    with _unavailable():
        engine = await asyncio.to_thread(_open, path, opening)
    try:
        yield Connections(engine)
    finally:
        await engine.dispose()
        await opening.stopped(DEADLINE)
        if isinstance(engine.dialect, PromptSqlite):
            await engine.dialect.stopped(DEADLINE)


def _open(path: Path, opening: Opening) -> AsyncEngine:
    _prepare(path)
    return create_async_engine(
        URL.create(DRIVER, database=str(path)),
        async_creator=opening,
        pool_size=5,
        max_overflow=0,
        pool_timeout=DEADLINE,
        json_serializer=_json,
        json_deserializer=orjson.loads,
    )


def _prepare(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)  # password hashes are in it; SQLite gives its side files the same mode
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        connect_args={"isolation_level": None, "timeout": BUSY},
    )
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        upgrade(connection)
        connection.exec_driver_sql("COMMIT")


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
