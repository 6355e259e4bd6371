"""Mails that wait to be sent, in SQL."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.store import Letter
from proxy.store.sql.bulk import many
from proxy.store.tables import letter


async def put(connection: AsyncConnection, letters: Sequence[Letter]) -> None:
    await many(connection, insert(letter), [asdict(each) for each in letters])


async def due(connection: AsyncConnection, now: float, limit: int) -> list[Letter]:
    wanted = select(letter).where(letter.c.at <= now).order_by(letter.c.at, letter.c.id).limit(limit)
    return [Letter(**row._asdict()) for row in await connection.execute(wanted)]


async def claim(connection: AsyncConnection, of: Letter, at: float) -> bool:
    as_seen = (letter.c.id == of.id) & (letter.c.at == of.at) & (letter.c.attempts == of.attempts)
    wanted = update(letter).where(as_seen).values(at=at, attempts=of.attempts + 1)
    return (await connection.execute(wanted)).rowcount > 0


async def drop(connection: AsyncConnection, id_: str) -> None:
    await connection.execute(delete(letter).where(letter.c.id == id_))
