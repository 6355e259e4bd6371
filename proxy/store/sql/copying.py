"""All that one database keeps, into an empty one of the same or of the other kind."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Table, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.store.chain import PRUNED, Link, beginning, verify
from proxy.store.sql import audit, postgresql, sqlite
from proxy.store.sql.connections import Connections
from proxy.store.sql.holding import InUse, hold
from proxy.store.tables import audit_event, metadata

PATIENCE: Final = 6 * 3600.0
"""Seconds that copying may take."""
_AT_ONCE: Final = 1_000


class NotCopied(Exception):
    """Why nothing was copied; a sentence for the operator."""


def connect(place: Path | str) -> AbstractAsyncContextManager[Connections]:
    """The SQLite of a folder, or the PostgreSQL of a URL."""
    return sqlite.connect(place / sqlite.FILE) if isinstance(place, Path) else postgresql.connect(place)


async def copy(source: Path | str, target: Path | str) -> Mapping[str, int]:
    """Copy every row in one transaction, verify counts and the audit log's chain, and return the rows by table.

    The source is brought up to date first; nobody may be at work on it. Raises NotCopied and StoreUnavailable; then the target
    has stayed empty.
    """
    if isinstance(source, Path) and not await asyncio.to_thread((source / sqlite.FILE).exists):
        raise NotCopied(f"There is no {sqlite.FILE} in {source}. Name the folder that state.directory names.")
    async with _alone_on(source), connect(source) as old, connect(target) as new:
        async with old.snapshot(PATIENCE) as reading, new.writing(PATIENCE) as writing:
            await _refuse_filled(writing)
            copied = {table.name: await _copy(reading, writing, table) for table in metadata.sorted_tables}
            await _compare(writing, copied)
            await _verify(writing)
        return copied


@asynccontextmanager
async def _alone_on(source: Path | str) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(hold(source, alone=True))
        except InUse as error:
            raise NotCopied(
                "A gateway is at work on the source, and what it writes meanwhile would not be copied. Stop it first."
            ) from error
        yield


async def _refuse_filled(connection: AsyncConnection) -> None:
    for table in metadata.sorted_tables:
        if found := await _count(connection, table):
            raise NotCopied(f"The target is not empty: its table {table.name} has {found} rows. Name a new database.")


async def _count(connection: AsyncConnection, table: Table) -> int:
    return int((await connection.execute(select(func.count()).select_from(table))).scalar_one())


async def _copy(reading: AsyncConnection, writing: AsyncConnection, table: Table) -> int:
    count = 0
    async for some in (await reading.stream(select(table))).mappings().partitions(_AT_ONCE):
        await writing.execute(insert(table), [dict(row) for row in some])
        count += len(some)
    return count


async def _compare(connection: AsyncConnection, copied: Mapping[str, int]) -> None:
    for name, expected in copied.items():
        if (found := await _count(connection, metadata.tables[name])) != expected:
            raise NotCopied(f"Of {expected} rows of {name}, {found} arrived. Nothing was kept; copy again.")


async def _verify(connection: AsyncConnection) -> None:
    newest = select(audit_event).where(audit_event.c.event == PRUNED).order_by(audit_event.c.id.desc()).limit(1)
    pruned = (await connection.execute(newest)).one_or_none()
    previous = beginning(None if pruned is None else audit.recorded(pruned).event)
    before = previous.id
    while rows := await audit.after(connection, before, _AT_ONCE):
        if wrong := verify(rows, previous):
            raise NotCopied(
                f"The audit log's row {wrong.id} does not verify: {wrong.reason}. `flowward audit verify` on the source "
                "says whether it was so before; nothing was kept."
            )
        previous = Link(id=rows[-1].id, hash=rows[-1].hash)
        before = previous.id
