"""One PostgreSQL: SQLAlchemy's asyncpg, but an interrupted connection is given up at once.

All writers, of every process, take one lock for the length of their transaction. So the versions and the audit log's chain
stand in the order of the commits, and what is decided in a transaction still holds when it commits, as on SQLite.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast

import asyncpg  # type: ignore[import-untyped]
import orjson
from sqlalchemy import NullPool, event, text
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DisconnectionError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry
from typing_extensions import override

from proxy.store import TIMEOUT, Dangling, StoreUnavailable
from proxy.store.migrations import upgrade
from proxy.store.sql.connections import BUSY, Connections, as_json, cause_of, unavailable
from proxy.store.tables import metadata

DRIVER: Final = "postgresql+prompt"
POOL: Final = 10
"""Connections that one process holds at most."""

# Any two numbers do, so long as they stay the same: whoever takes them waits for the others who do.
_WRITERS: Final = 7_031_001
_MIGRATIONS: Final = 7_031_002

_BEGIN_WRITING: Final = text(
    f"SELECT set_config('statement_timeout', :patience, true), pg_advisory_xact_lock({_WRITERS})"
)
_PATIENCE: Final = text("SELECT set_config('statement_timeout', :patience, true)")
_KEY: Final = re.compile(r"\)=\((?P<first>.*?)(?:, .*)?\)")
"""In the detail of a violated reference, whatever the server's language: Key (owner)=(nowhere) is not present ..."""


class PromptPostgresql(PGDialect_asyncpg):
    """Where a deadline has passed, the network may be gone: nobody waits for the connection to close."""

    supports_statement_cache = True

    @override
    def do_terminate(self, dbapi_connection: DBAPIConnection) -> None:
        driver = cast("asyncpg.Connection", self.get_driver_connection(dbapi_connection))  # type: ignore[no-untyped-call]
        driver.terminate()


class PostgresqlTransactions:
    """Transactions of PostgreSQL, whose connections give each statement `patience` seconds."""

    def __init__(self, patience: float) -> None:
        self._patience = patience

    async def begin_reading(self, connection: AsyncConnection) -> None:
        _ = await connection.execution_options(isolation_level="AUTOCOMMIT")

    async def begin_snapshot(self, connection: AsyncConnection, seconds: float) -> None:
        _ = await connection.execution_options(isolation_level="REPEATABLE READ")
        if seconds > self._patience:
            await connection.execute(_PATIENCE, {"patience": _milliseconds(seconds)})

    async def begin_writing(self, connection: AsyncConnection, seconds: float) -> None:
        await connection.execute(_BEGIN_WRITING, {"patience": _milliseconds(seconds)})

    async def commit(self, connection: AsyncConnection) -> None:
        try:
            await connection.commit()
        except IntegrityError as error:
            raise _dangling(error) from error


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


def _dangling(error: IntegrityError) -> Dangling | IntegrityError:
    """Name the reference that points at nothing."""
    told = cause_of(error)
    if not isinstance(told, asyncpg.ForeignKeyViolationError):
        return error
    table = metadata.tables[told.table_name]
    column = next(key.column_keys[0] for key in table.foreign_key_constraints if key.name == told.constraint_name)
    value = _KEY.search(told.detail or "")
    return Dangling(f"{table.name}.{column}", value["first"] if value else "")


@asynccontextmanager
async def connect(url: str, patience: float = TIMEOUT) -> AsyncIterator[Connections]:
    """Open the database of a URL as libpq has it, brought up to date first; raises StoreUnavailable.

    `patience`: seconds for what a request waits for.
    """
    with unavailable():
        await asyncio.to_thread(lambda: asyncio.run(_prepare(url, patience)))
    engine = _engine(url, patience)
    try:
        yield Connections(engine, PostgresqlTransactions(patience), patience)
    finally:
        await engine.dispose()


def _engine(url: str, patience: float) -> AsyncEngine:
    engine = create_async_engine(
        f"{DRIVER}://",
        async_creator=lambda: open_connection(url, patience),
        pool_size=POOL,
        max_overflow=0,
        pool_timeout=patience,
        json_serializer=as_json,
        json_deserializer=orjson.loads,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(_: DBAPIConnection, entry: ConnectionPoolEntry, __: object) -> None:
    """After the server was gone, those that it closed are opened anew before anybody notices."""
    driver = entry.driver_connection
    if driver is not None and driver.is_closed():
        raise DisconnectionError


async def open_connection(url: str, patience: float, *, hurried: bool = True) -> asyncpg.Connection:
    """One to the database of a URL; raises StoreUnavailable.

    `patience`: seconds for opening it, and for one statement of those that are hurried unless it says otherwise.
    """
    # What we ask is short: compiling it would take longer than answering. And the state fits in memory, where an index is
    # as cheap to read as a table; the server assumes a disk that turns.
    settings = {"application_name": "flowward", "timezone": "UTC", "jit": "off", "random_page_cost": "1.1"}
    if hurried:
        settings |= {"statement_timeout": _milliseconds(patience), "lock_timeout": _milliseconds(BUSY * patience)}
    try:
        return await asyncpg.connect(url, timeout=BUSY * patience, server_settings=settings)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise StoreUnavailable(f"The database cannot be opened: {error}.") from error


async def _prepare(url: str, patience: float) -> None:
    """Bring the tables up to date; of several who start together one does it, and the others wait."""
    engine = create_async_engine(
        f"{DRIVER}://",
        async_creator=lambda: open_connection(url, patience, hurried=False),
        poolclass=NullPool,
        json_serializer=as_json,
    )
    async with engine.begin() as connection:
        await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATIONS})")
        await connection.run_sync(upgrade)
    await engine.dispose()


registry.register(DRIVER.replace("+", "."), __name__, PromptPostgresql.__name__)
