"""SQLAlchemy's SQLite, but an interrupted connection is given up at once."""

import asyncio
from pathlib import Path
from typing import Any, Final, cast

import aiosqlite
from aiosqlite import Connection
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from typing_extensions import override

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
