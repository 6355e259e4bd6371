"""Reading and writing many rows at once."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from sqlalchemy import Column, Executable, Select, Table, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.store import Conflict
from proxy.store.sql.dialects import upsert
from proxy.store.sql.rows import Values
from proxy.store.tables import factor, resource, space, token, user

_T = TypeVar("_T")

# The databases' limits of values in one statement are far above.
_AT_ONCE: Final = 500

_UNIQUE: Final[dict[Table, tuple[tuple[tuple[str, ...], str], ...]]] = {
    user: ((("username_key",), "username"), (("email_key",), "email")),
    space: ((("slug",), "slug"),),
    resource: ((("place", "slug"), "slug"),),
    token: ((("hash",), "hash"),),
    factor: ((("credential",), "credential"),),
}
"""Table -> its unique columns, and the field they stand for."""

_KEPT: Final = (user.c.password_hash, user.c.password_set, token.c.hash)
"""Secrets, and the age of one, that none given does not overwrite."""


async def put(connection: AsyncConnection, table: Table, values: Sequence[Values]) -> None:
    """Keep rows by their primary key; a secret that is there is not overwritten by none. Raises Conflict."""
    if not values:
        return
    statement = upsert(connection, table)
    new = {
        column.name: func.coalesce(statement.excluded[column.name], column)
        if column in _KEPT
        else statement.excluded[column.name]
        for column in table.columns
        if not column.primary_key and column.name in values[0]
    }
    keeping = statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=new)
    try:
        async with connection.begin_nested():  # what is refused must not spoil the question by whom
            await connection.execute(keeping, values)
    except IntegrityError as error:
        raise await _conflict(connection, table, values) or error from error


async def _conflict(connection: AsyncConnection, table: Table, values: Sequence[Values]) -> Conflict | None:
    """Name the first row whose unique name belongs to another one when its turn comes."""
    for names, field in _UNIQUE.get(table, ()):
        holders = await _holders(connection, table, names, values)
        names_of = {id_: key for key, id_ in holders.items()}
        for row in values:
            id_, key = row["id"], tuple(row[name] for name in names)
            if (given_up := names_of.get(id_)) is not None and holders.get(given_up) == id_:
                del holders[given_up]
            if None not in key and holders.setdefault(key, id_) != id_:
                return Conflict(field, row[field])
            names_of[id_] = key
    return None


async def _holders(
    connection: AsyncConnection, table: Table, names: tuple[str, ...], values: Sequence[Values]
) -> dict[tuple[object, ...], object]:
    """Who has the names that these rows have or want."""
    columns = [table.c[name] for name in names]
    found: dict[tuple[object, ...], object] = {}
    for some in chunks(values):
        wanted, had = columns[-1].in_([row[names[-1]] for row in some]), table.c.id.in_([row["id"] for row in some])
        for row in await connection.execute(select(table.c.id, *columns).where(wanted | had)):
            found[tuple(row[1:])] = row.id
    return found


async def gather(
    connection: AsyncConnection, wanted: Select[str], column: Column[str], keys: Collection[str]
) -> list[str]:
    """What is wanted of the rows whose column holds one of these, without doubles."""
    found: dict[str, None] = {}
    for chunk in chunks(list(keys)):
        found |= dict.fromkeys((await connection.execute(wanted.where(column.in_(chunk)))).scalars())
    return list(found)


async def delete_by(connection: AsyncConnection, column: Column[str], keys: Collection[str]) -> None:
    for chunk in chunks(list(keys)):
        await connection.execute(delete(column.table).where(column.in_(chunk)))


async def many(connection: AsyncConnection, statement: Executable, values: Sequence[Mapping[str, object]]) -> None:
    # An empty list would run the statement once, without values.
    if values:
        await connection.execute(statement, values)


def chunks(items: Sequence[_T]) -> Iterator[Sequence[_T]]:
    return (items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE))
