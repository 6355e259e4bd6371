"""Who is at work on a state: gateways that share what they count, or one that shares it with nobody.

Nothing has to be cleaned up: the lock is gone with the process that had it, whatever ended that.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

import asyncpg  # type: ignore[import-untyped]
import structlog

from proxy.store import TIMEOUT, StoreUnavailable
from proxy.store.sql.connections import unavailable
from proxy.store.sql.postgresql import open_connection

LOCK: Final = "flowward.lock"
"""Its name in the folder of a SQLite; nothing is in it."""
LOOK: Final = 5.0
"""Seconds between two looks whether the connection that holds a PostgreSQL is still there; both sides look that often."""
_FAREWELL: Final = 1.0
"""Seconds for the server to hear that we go; without, it notices that the connection is gone."""
_GATEWAYS: Final = 7_031_003
"""Any number does that means nothing else in the database, so long as it stays the same."""
_LOST: Final = (OSError, StoreUnavailable, asyncpg.PostgresError, asyncpg.InterfaceError)
_log = structlog.get_logger(__name__)


class InUse(Exception):
    """The state cannot be had in this way, since somebody else is at work on it."""


def hold(place: Path | str, *, alone: bool, patience: float = TIMEOUT) -> AbstractAsyncContextManager[None]:
    """Be known to be at work on the SQLite of a folder or the PostgreSQL of a URL. Raises InUse and StoreUnavailable.

    `alone`: beside nobody; otherwise beside all who are not. `patience`: seconds for an answer, and for who has just ended.
    """
    return _folder(place, alone=alone) if isinstance(place, Path) else _database(place, patience, alone=alone)


@asynccontextmanager
async def _folder(folder: Path, *, alone: bool) -> AsyncIterator[None]:
    with unavailable():
        lock = await asyncio.to_thread(_locked, folder, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
    try:
        yield
    finally:
        lock.close()


def _locked(folder: Path, how: int) -> BinaryIO:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / LOCK
    path.touch(mode=0o600)
    if os.geteuid() == 0:  # a command that an administrator runs must not shut the gateway's own account out
        owner = folder.stat()
        with suppress(PermissionError):
            os.chown(path, owner.st_uid, owner.st_gid)
    lock = path.open("r+b")
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise InUse from error
    return lock


@asynccontextmanager
async def _database(url: str, patience: float, *, alone: bool) -> AsyncIterator[None]:
    holding = _Holding(url, patience, alone=alone)
    with unavailable():
        await holding.take()
    keeping = asyncio.create_task(holding.keep())
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])
        await holding.leave()


class _Holding:
    """A connection that holds a lock of the server's, which lasts as long as the connection does."""

    def __init__(self, url: str, patience: float, *, alone: bool) -> None:
        self._url, self._patience = url, patience
        self._lock = f"SELECT pg_advisory_lock{'' if alone else '_shared'}({_GATEWAYS})"
        self._connection: asyncpg.Connection | None = None

    async def take(self) -> None:
        """Wait for whoever is just ending, as long as for any lock."""
        connection = await open_connection(self._url, self._patience)
        try:
            # Where the machine or the network is gone, the server must not believe for hours that we are there.
            for name, value in (("idle", LOOK), ("interval", LOOK), ("count", 3)):
                await connection.execute(f"SET tcp_keepalives_{name} = {value:.0f}")
            await connection.execute(self._lock)
        except BaseException as error:
            connection.terminate()
            if isinstance(error, asyncpg.LockNotAvailableError):
                raise InUse from error
            if isinstance(error, asyncpg.PostgresError):
                raise StoreUnavailable(f"The database failed: {error}.") from error
            raise
        self._connection = connection

    async def keep(self) -> None:
        """Take it again whenever the connection is lost, until cancelled."""
        told = False
        while True:
            await asyncio.sleep(LOOK)
            try:
                if self._connection is None:
                    await self.take()
                    told = False
                else:
                    await self._connection.execute("SELECT 1", timeout=self._patience)
            except InUse:
                if not told:
                    _log.error("state-in-use", reason="While the database was away, another gateway has begun on it.")
                told = True
            except _LOST:
                if self._connection is not None:
                    self._connection.terminate()
                self._connection = None

    async def leave(self) -> None:
        if self._connection is not None:
            try:
                await self._connection.close(timeout=_FAREWELL)
            except _LOST:
                self._connection.terminate()
