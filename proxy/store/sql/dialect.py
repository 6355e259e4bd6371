"""SQLAlchemy's SQLite, but an interrupted connection is given up at once."""

import asyncio
from typing import Any, Final, cast

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


registry.register(DRIVER.replace("+", "."), __name__, PromptSqlite.__name__)
