"""Connections to one database: many readers, one writer, a deadline on everything."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final, Protocol

import orjson
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from proxy.store import StoreUnavailable

BULK_DEADLINE: Final = 60.0
"""Seconds for reading or writing very many rows, which only starting, the console and the command line do."""
BUSY: Final = 5 / 6
"""Of that time, the part to wait for another process that writes: less than all, so that the error says what happened."""


class Transactions(Protocol):
    """How one kind of database begins and ends what belongs together. `seconds` is the time for all of it."""

    async def begin_reading(self, connection: AsyncConnection) -> None:
        """From here on each statement sees what was committed before it."""
        ...

    async def begin_snapshot(self, connection: AsyncConnection, seconds: float) -> None:
        """From here on all statements see the same state."""
        ...

    async def begin_writing(self, connection: AsyncConnection, seconds: float) -> None:
        """Wait for the lock of all writers and begin; whoever has it sees what every writer before has committed."""
        ...

    async def commit(self, connection: AsyncConnection) -> None:
        """Raises Dangling where a reference would point at nothing."""
        ...


class Connections:
    """Lends connections; a connection that was interrupted is never lent again.

    What a request waits for has `patience` seconds; whoever needs more names them.
    """

    def __init__(self, engine: AsyncEngine, transactions: Transactions, patience: float) -> None:
        self._engine, self._transactions = engine, transactions
        self._patience = patience
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def reading(self, seconds: float = 0.0) -> AsyncIterator[AsyncConnection]:
        """A connection on which each statement sees what was committed before it."""
        with unavailable():
            async with asyncio.timeout(max(seconds, self._patience)), self._engine.connect() as connection:
                await self._transactions.begin_reading(connection)
                yield connection

    @asynccontextmanager
    async def snapshot(self, seconds: float = 0.0) -> AsyncIterator[AsyncConnection]:
        """A connection on which all statements see the same state."""
        with unavailable():
            async with asyncio.timeout(max(seconds, self._patience)), self._engine.connect() as connection:
                await self._transactions.begin_snapshot(connection, max(seconds, self._patience))
                yield connection

    @asynccontextmanager
    async def writing(self, seconds: float = 0.0) -> AsyncIterator[AsyncConnection]:
        """A transaction that is durable once left; an exception leaves everything as it was.

        Raises Dangling where a reference would point at nothing.
        """
        with unavailable():
            async with asyncio.timeout(max(seconds, self._patience)), self._turn, self._engine.connect() as connection:
                await self._transactions.begin_writing(connection, max(seconds, self._patience))
                yield connection
                await self._transactions.commit(connection)


@contextmanager
def unavailable() -> Iterator[None]:
    """Trouble with the database is told as StoreUnavailable."""
    try:
        yield
    except TimeoutError as error:
        raise StoreUnavailable("The database did not answer in time.") from error
    except PoolTimeoutError as error:
        raise StoreUnavailable("Every connection to the database is busy.") from error
    except DBAPIError as error:
        raise StoreUnavailable(f"The database failed: {cause_of(error)}.") from error
    except OSError as error:
        raise StoreUnavailable(f"The database cannot be opened: {error}.") from error


def cause_of(error: DBAPIError) -> BaseException | None:
    """What the driver itself said."""
    told = error.orig
    return told.__cause__ or told if told is not None else None


def as_json(value: object) -> str:
    return orjson.dumps(value).decode()
