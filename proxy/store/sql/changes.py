"""The versions that say what changed, written in the transaction of the change."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.store import Change, Subject
from proxy.store.tables import change

KEPT: Final = 10_000
"""How many of the last steps are kept; who is further behind looks at everything again."""

Touched = tuple[Subject, str]
"""What a change is about, and its id."""

ESTATE: Final[Touched] = (Subject.ESTATE, "")

_NEWEST: Final = select(func.coalesce(func.max(change.c.version), 0))


async def newest(connection: AsyncConnection) -> int:
    return int((await connection.execute(_NEWEST)).scalar_one())


async def publish(connection: AsyncConnection, touched: Iterable[Touched]) -> int:
    """Write one step for each thing touched, forget the oldest, return the newest version."""
    steps = [{"subject": subject, "id": key} for subject, key in dict.fromkeys(touched)]
    if steps:
        await connection.execute(insert(change), steps)
    version = await newest(connection)
    await connection.execute(delete(change).where(change.c.version < version - KEPT))
    return version


async def after(connection: AsyncConnection, since: int) -> list[Change]:
    """What changed after a version, or one step of everything where the history no longer reaches back to it."""
    # The version itself is asked for too: only where it is still there is the history known to be whole.
    steps = select(change).where(change.c.version >= since).order_by(change.c.version)
    rows = (await connection.execute(steps)).all()
    if rows[:1] and rows[0].version == (since or 1):
        return [
            Change(version=row.version, subject=Subject(row.subject), id=row.id) for row in rows if row.version > since
        ]
    version = await newest(connection)
    return [Change(version=version, subject=Subject.EVERYTHING, id="")] if version or since else []
