"""The steps of an edit: each says what it touched."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from typing import Final, TypeVar, assert_never

from sqlalchemy import Column, Executable, Table, bindparam, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.model.directory import Space
from proxy.model.estate import Grant, PlatformSettings, Resource
from proxy.model.identity import User
from proxy.store import Conflict, Edit, PutPerson, Remove, RemoveGrant, Subject
from proxy.store.sql import rows
from proxy.store.sql.changes import ESTATE, Touched
from proxy.store.tables import folder_entry, membership, override, resource, session, setting, share, space, user

_T = TypeVar("_T")

# SQLite's limit of values in one statement is far above.
_AT_ONCE: Final = 500

_UNIQUE: Final[dict[Table, tuple[tuple[tuple[str, ...], str], ...]]] = {
    user: ((("username_key",), "username"), (("email_key",), "email")),
    space: ((("slug",), "slug"),),
    resource: ((("place", "slug"), "slug"),),
}
"""Table -> its unique columns, and the field they stand for."""


async def perform(connection: AsyncConnection, edits: Sequence[Edit]) -> list[Touched]:
    """Do the steps in their order, those of one kind that follow each other together."""
    touched: list[Touched] = []
    for _, alike in groupby(edits, key=_kind):
        touched += await _perform(connection, list(alike))
    return touched


def _kind(edit: Edit) -> tuple[type, type | None]:
    return type(edit), edit.kind if isinstance(edit, Remove) else None


async def _perform(connection: AsyncConnection, batch: list[Edit]) -> list[Touched]:
    match batch[0]:
        case PutPerson():
            return await _put_people(connection, _only(PutPerson, batch))
        case Space():
            await _put(connection, space, [rows.of_space(each) for each in _only(Space, batch)])
        case Resource():
            await _put_resources(connection, _only(Resource, batch))
        case Grant():
            await _put(connection, share, [rows.of_grant(each) for each in _only(Grant, batch)])
        case PlatformSettings():
            await _put_settings(connection, _only(PlatformSettings, batch)[-1])
        case RemoveGrant():
            await _remove_grants(connection, _only(RemoveGrant, batch))
        case Remove(kind=kind):
            return await _remove(connection, kind, [each.id for each in _only(Remove, batch)])
        case other:
            assert_never(other)
    return [ESTATE]


def _only(kind: type[_T], batch: list[Edit]) -> list[_T]:
    return [each for each in batch if isinstance(each, kind)]


async def _put_people(connection: AsyncConnection, puts: list[PutPerson]) -> list[Touched]:
    latest: dict[str, PutPerson] = {}
    for put in puts:
        earlier = latest.get(put.person.user.id, put)
        latest[put.person.user.id] = replace(put, password_hash=put.password_hash or earlier.password_hash)
    await _put(connection, user, [rows.of_person(put) for put in latest.values()])
    await _many(
        connection, delete(membership).where(membership.c.user == bindparam("id")), [{"id": key} for key in latest]
    )
    await _many(
        connection, insert(membership), [row for put in latest.values() for row in rows.of_memberships(put.person)]
    )
    await _many(connection, insert(override), [row for put in latest.values() for row in rows.of_overrides(put.person)])
    return [(Subject.USER, key) for key in latest]


async def _put_resources(connection: AsyncConnection, puts: list[Resource]) -> None:
    latest = {put.id: put for put in puts}
    await _put(connection, resource, [rows.of_resource(put) for put in latest.values()])
    entries = delete(folder_entry).where(folder_entry.c.folder == bindparam("id"))
    await _many(connection, entries, [{"id": key} for key in latest])
    members = [{"folder": put.id, "member": member} for put in latest.values() for member in put.members]
    await _many(connection, insert(folder_entry), members)


async def _put_settings(connection: AsyncConnection, settings: PlatformSettings) -> None:
    await _put(connection, setting, [{"name": name, "value": value} for name, value in asdict(settings).items()])


async def _put(connection: AsyncConnection, table: Table, values: list[rows.Values]) -> None:
    """Keep rows by their primary key; a password that is there is not overwritten by none."""
    statement = upsert(table)
    new = {
        column.name: func.coalesce(statement.excluded[column.name], column)
        if column is user.c.password_hash
        else statement.excluded[column.name]
        for column in table.columns
        if not column.primary_key
    }
    try:
        await connection.execute(statement.on_conflict_do_update(index_elements=table.primary_key, set_=new), values)
    except IntegrityError as error:
        raise await _conflict(connection, table, values) or error from error


async def _conflict(connection: AsyncConnection, table: Table, values: list[rows.Values]) -> Conflict | None:
    """Name the first row whose unique name belongs to another one."""
    for names, field in _UNIQUE.get(table, ()):
        columns = [table.c[name] for name in names]
        for chunk in _chunks(values):
            wanted = select(table.c.id, *columns).where(columns[-1].in_([row[names[-1]] for row in chunk]))
            holders = {tuple(found[1:]): found.id for found in await connection.execute(wanted)}
            for row in chunk:
                if holders.get(tuple(row[name] for name in names), row["id"]) != row["id"]:
                    return Conflict(field, row[field])
    return None


async def _remove_grants(connection: AsyncConnection, removed: list[RemoveGrant]) -> None:
    here = (share.c.target == bindparam("of_target")) & (share.c.space == bindparam("with_space"))
    pairs: list[rows.Values] = [{"of_target": each.target, "with_space": each.space} for each in removed]
    await _many(connection, delete(share).where(here), pairs)


async def _remove(connection: AsyncConnection, kind: type[User | Space | Resource], ids: list[str]) -> list[Touched]:
    if kind is User:
        ended = await _gather(connection, session.c.id, session.c.user, ids)
        await _delete(connection, session.c.user, ids)
        await _delete(connection, user.c.id, ids)
        return [*((Subject.USER, key) for key in ids), *((Subject.SESSION, key) for key in ended)]
    table, hanging = (space, membership.c.space) if kind is Space else (resource, override.c.resource)
    members = await _gather(connection, hanging.table.c.user, hanging, ids)
    await _delete(connection, table.c.id, ids)
    return [ESTATE, *((Subject.USER, key) for key in members)]


async def _gather(connection: AsyncConnection, wanted: Column[str], column: Column[str], ids: list[str]) -> list[str]:
    found: list[str] = []
    for chunk in _chunks(ids):
        found += (await connection.execute(select(wanted).where(column.in_(chunk)).distinct())).scalars()
    return found


async def _delete(connection: AsyncConnection, column: Column[str], ids: list[str]) -> None:
    for chunk in _chunks(ids):
        await connection.execute(delete(column.table).where(column.in_(chunk)))


async def _many(connection: AsyncConnection, statement: Executable, values: Sequence[Mapping[str, object]]) -> None:
    # An empty list would run the statement once, without values.
    if values:
        await connection.execute(statement, values)


def _chunks(items: list[_T]) -> Iterator[list[_T]]:
    return (items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE))
