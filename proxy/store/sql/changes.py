"""The versions that say what changed, written in the transaction of the change."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.store import Change, Outdated, Subject
from proxy.store.tables import change

KEPT: Final = 10_000
"""How many of the last steps are kept; who is further behind looks at everything again."""

Touched = tuple[Subject, str]
"""What a change is about, and its id."""

_NEWEST: Final = select(func.coalesce(func.max(change.c.version), 0))
_OF_NO_ONE_ELSE: Final = (Subject.SESSION, Subject.PROOF)
"""What may change under an edit: nothing is decided on it."""


async def newest(connection: AsyncConnection) -> int:
    return int((await connection.execute(_NEWEST)).scalar_one())


async def publish(connection: AsyncConnection, touched: Iterable[Touched]) -> int:
    """Write one step for each thing touched, forget the oldest, return the newest version.

    The caller holds the lock of all writers, so that the versions have no gap and come in the order of the commits.
    """
    version = await newest(connection)
    steps = [
        {"version": number, "subject": subject, "id": key}
        for number, (subject, key) in enumerate(dict.fromkeys(touched), version + 1)
    ]
    if steps:
        version += len(steps)
        await connection.execute(insert(change), steps)
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


async def check(connection: AsyncConnection, basis: int) -> None:
    """Raises Outdated where anything that decisions are made on was changed after this version."""
    if any(each.subject not in _OF_NO_ONE_ELSE for each in await after(connection, basis)):
        raise Outdated
