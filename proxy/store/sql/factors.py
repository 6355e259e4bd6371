"""Second factors in SQL."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, and_, bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.model.identity import Factor, FactorKind
from proxy.store import PutFactor, Subject
from proxy.store.sql.bulk import delete_by, gather, put
from proxy.store.sql.changes import Touched
from proxy.store.sql.rows import Values
from proxy.store.tables import factor

# Built once: building costs as much as asking.
_OF_USER: Final = select(factor).where(factor.c.user == bindparam("of")).order_by(factor.c.created, factor.c.id)
_BY_CREDENTIAL: Final = select(factor).where(factor.c.credential == bindparam("of"))
_AHEAD: Final = factor.c.counter < bindparam("to")
# Authenticators that count nothing say nought each time (WebAuthn section 6.1.1); their challenges are good once.
_UNCOUNTED: Final = and_(factor.c.kind == FactorKind.PASSKEY, factor.c.counter == 0, bindparam("to") == 0)
_USE: Final = (
    update(factor)
    .where(factor.c.id == bindparam("of"), or_(_AHEAD, _UNCOUNTED))
    .values(counter=bindparam("to"), last_used=bindparam("at"))
)


async def put_factors(connection: AsyncConnection, puts: Sequence[PutFactor]) -> list[Touched]:
    latest = {each.factor.id: each.factor for each in puts}
    await put(connection, factor, [_of_factor(each) for each in latest.values()])
    return [(Subject.USER, each.user) for each in latest.values()]


async def remove_factors(connection: AsyncConnection, ids: Sequence[str]) -> list[Touched]:
    users = await gather(connection, select(factor.c.user), factor.c.id, ids)
    await delete_by(connection, factor.c.id, ids)
    return [(Subject.USER, key) for key in users]


async def of_user(connection: AsyncConnection, user_id: str) -> list[Factor]:
    """Oldest first."""
    return [_factor(row) for row in await connection.execute(_OF_USER, {"of": user_id})]


async def by_credential(connection: AsyncConnection, credential: bytes) -> Factor | None:
    row = (await connection.execute(_BY_CREDENTIAL, {"of": credential})).one_or_none()
    return None if row is None else _factor(row)


async def use(connection: AsyncConnection, id_: str, counter: int, at: float) -> bool:
    return (await connection.execute(_USE, {"of": id_, "to": counter, "at": at})).rowcount > 0


def _of_factor(of: Factor) -> Values:
    return {
        "id": of.id,
        "user": of.user,
        "kind": of.kind,
        "name": of.name,
        "created": of.created,
        "confirmed": of.confirmed,
        "last_used": of.last_used,
        "secret": of.secret,
        "credential": of.credential,
        "counter": of.counter,
        "details": dict(of.details),
    }


def _factor(row: Row[Any]) -> Factor:
    return Factor(
        id=row.id,
        user=row.user,
        kind=FactorKind(row.kind),
        name=row.name,
        created=row.created,
        confirmed=row.confirmed,
        last_used=row.last_used,
        secret=row.secret,
        credential=row.credential,
        counter=row.counter,
        details=row.details,
    )
