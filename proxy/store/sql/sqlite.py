"""One SQLite file: SQLAlchemy's SQLite, but an interrupted connection is given up at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast

import aiosqlite
import orjson
from aiosqlite import Connection
from sqlalchemy import URL, NullPool, create_engine, literal_column, select
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from typing_extensions import override

from proxy.store import TIMEOUT, Dangling
from proxy.store.migrations import upgrade
from proxy.store.sql.connections import BUSY, Connections, as_json, unavailable
from proxy.store.tables import metadata

FILE: Final = "flowward.sqlite"
"""Its name in the folder that holds it."""
DRIVER: Final = "sqlite+prompt"


class PromptSqlite(SQLiteDialect_aiosqlite):
    """Where a deadline has passed, the connection's thread may hang in the disk: nobody waits for it to close."""

    supports_statement_cache = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._stopping: set[asyncio.Future[object]] = set()

    @override
    def do_terminate(self, dbapi_connection: DBAPIConnection) -> None:
        driver = cast("Connection", self.get_driver_connection(dbapi_connection))
        if stopping := driver.stop():
            self._stopping.add(stopping)
            stopping.add_done_callback(self._stopping.discard)

    async def stopped(self, seconds: float) -> None:
        """Wait a while for connections that were given up, so that none reports to a loop that is no more."""
        if self._stopping:
            await asyncio.wait(self._stopping, timeout=seconds)


class Opening:
    """Opens connections. Whoever gives up waiting leaves one that is closed as soon as it is open."""

    def __init__(self, path: Path, *, busy: float) -> None:
        """`busy`: seconds to wait for another process that writes."""
        self._path, self._busy = path, busy
        self._going_on: set[asyncio.Future[object]] = set()

    async def __call__(self) -> Connection:
        opening = asyncio.ensure_future(self._open())
        self._keep(opening)
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(self._give_up)
            raise

    async def _open(self) -> Connection:
        # No implicit BEGIN from the driver: transactions are opened where they are meant.
        connecting = aiosqlite.connect(self._path, isolation_level=None, timeout=self._busy)
        connecting._thread.daemon = True  # noqa: SLF001 - a thread that hangs in the disk must not hold the process
        connection = await connecting
        for pragma in ("synchronous = FULL", "foreign_keys = ON"):
            await connection.execute(f"PRAGMA {pragma}")
        return connection

    def _give_up(self, opening: "asyncio.Future[Connection]") -> None:
        if not opening.cancelled() and opening.exception() is None and (stopping := opening.result().stop()):
            self._keep(stopping)

    def _keep(self, future: "asyncio.Future[Any]") -> None:
        self._going_on.add(future)
        future.add_done_callback(self._going_on.discard)

    async def stopped(self, seconds: float) -> None:
        """Wait a while for what goes on, so that no thread reports to a loop that is no more."""
        while self._going_on:
            _, left = await asyncio.wait(self._going_on, timeout=seconds)
            if left:
                return
            await asyncio.sleep(0)  # the callbacks of what is done may have started more


registry.register(DRIVER.replace("+", "."), __name__, PromptSqlite.__name__)


class SqliteTransactions:
    """Transactions of SQLite, whose driver opens none by itself."""

    async def begin_reading(self, connection: AsyncConnection) -> None:
        """Nothing to do: a statement alone is a transaction."""

    async def begin_snapshot(self, connection: AsyncConnection, seconds: float) -> None:
        await connection.exec_driver_sql("BEGIN")

    async def begin_writing(self, connection: AsyncConnection, seconds: float) -> None:
        # Taking the lock at once: a transaction that turns from reading to writing cannot wait for it.
        await connection.exec_driver_sql("BEGIN IMMEDIATE")

    async def commit(self, connection: AsyncConnection) -> None:
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


@asynccontextmanager
async def connect(path: Path, patience: float = TIMEOUT) -> AsyncIterator[Connections]:
    """Open the file, making it or bringing it up to date first; raises StoreUnavailable.

    `patience`: seconds for what a request waits for.
    """
    opening = Opening(path, busy=BUSY * patience)
    with unavailable():
        engine = await asyncio.to_thread(_open, path, opening, patience)
    try:
        yield Connections(engine, SqliteTransactions(), patience)
    finally:
        await engine.dispose()
        await opening.stopped(patience)
        if isinstance(engine.dialect, PromptSqlite):
            await engine.dialect.stopped(patience)


def _open(path: Path, opening: Opening, patience: float) -> AsyncEngine:
    _prepare(path, BUSY * patience)
    return create_async_engine(
        URL.create(DRIVER, database=str(path)),
        async_creator=opening,
        pool_size=5,
        max_overflow=0,
        pool_timeout=patience,
        json_serializer=as_json,
        json_deserializer=orjson.loads,
    )


def _prepare(path: Path, busy: float) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)  # password hashes are in it; SQLite gives its side files the same mode
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=NullPool,
        connect_args={"isolation_level": None, "timeout": busy},
    )
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        upgrade(connection)
        connection.exec_driver_sql("COMMIT")
