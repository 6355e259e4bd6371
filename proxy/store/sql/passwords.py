"""Passwords in SQL: the one that holds, and those before it."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Update, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.model.identity import UserState
from proxy.store.sql.dialects import upsert
from proxy.store.tables import former_password, user

FORMER: Final = (
    select(former_password.c.hash)
    .where(former_password.c.user == bindparam("of"))
    .order_by(former_password.c.at.desc(), former_password.c.hash)
)
_CURRENT: Final = select(user.c.password_hash).where(user.c.id == bindparam("of"))


async def rehash(connection: AsyncConnection, user_id: str, new: str, instead_of: str) -> bool:
    """The same password with another hash; False where it was changed meanwhile."""
    wanted = _may_be_set(user_id, new).where(user.c.password_hash == instead_of)
    return (await connection.execute(wanted)).rowcount > 0


async def replace(connection: AsyncConnection, user_id: str, new: str, at: float, keep: int) -> bool:
    """Another password, chosen at that time; of the former ones so many are kept. False for a suspended user."""
    before = (await connection.execute(_CURRENT, {"of": user_id})).scalar_one_or_none()
    wanted = _may_be_set(user_id, new).values(password_set=at, password_expired=False)
    if not (await connection.execute(wanted)).rowcount:
        return False
    if before is not None and keep:
        given_up = {"at": at}
        put = upsert(connection, former_password).values(user=user_id, hash=before, **given_up)
        await connection.execute(
            put.on_conflict_do_update(index_elements=list(former_password.primary_key), set_=given_up)
        )
    await _forget(connection, user_id, (await connection.execute(FORMER, {"of": user_id})).scalars().all()[keep:])
    return True


def expiring(user_id: str, set_before: float) -> Update:
    """Lets a password expire that was chosen before then, and has not yet."""
    due = (user.c.id == user_id) & (user.c.password_set < set_before) & ~user.c.password_expired
    return update(user).where(due).values(password_expired=True)


def _may_be_set(user_id: str, new: str) -> Update:
    wanted = update(user).where(user.c.id == user_id, user.c.state != UserState.SUSPENDED)
    return wanted.values(password_hash=new, state=UserState.ACTIVE)


async def _forget(connection: AsyncConnection, user_id: str, hashes: Sequence[str]) -> None:
    if hashes:
        of = (former_password.c.user == user_id) & former_password.c.hash.in_(hashes)
        await connection.execute(delete(former_password).where(of))
