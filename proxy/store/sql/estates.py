"""The estate in SQL: read whole, or only as far as it has changed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from sqlalchemy import Column, Row, Table, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.model.estate import Estate, Grant, PlatformSettings, Resource
from proxy.store import Change, Subject
from proxy.store.sql import changes, rows
from proxy.store.sql.bulk import chunks
from proxy.store.tables import folder_entry, resource, setting, share, space

_T = TypeVar("_T")

MANY: Final = 2_000
"""So many things changed that reading all of them at once costs less."""


async def whole(connection: AsyncConnection) -> Estate:
    return Estate(
        version=await changes.newest(connection),
        spaces={row.id: rows.space(row) for row in await connection.execute(select(space))},
        resources=_resources(await _all(connection, resource), await _all(connection, folder_entry)),
        grants=_in_order(rows.grant(row) for row in await connection.execute(select(share))),
        settings=await _settings(connection),
    )


async def renewed(connection: AsyncConnection, estate: Estate) -> Estate:
    """The same as `whole`; the connection sees one moment."""
    steps = await changes.after(connection, estate.version)
    if len(steps) > MANY or any(step.subject is Subject.EVERYTHING for step in steps):
        return await whole(connection)
    touched = _by_subject(steps)
    if spaces := touched[Subject.SPACE]:
        found = {row.id: rows.space(row) for row in await _some(connection, space, space.c.id, spaces)}
        estate = replace(estate, spaces=_changed(estate.spaces, spaces, found))
    if resources := touched[Subject.RESOURCE]:
        entries = await _some(connection, folder_entry, folder_entry.c.folder, resources)
        kept = _resources(await _some(connection, resource, resource.c.id, resources), entries)
        estate = replace(estate, resources=_changed(estate.resources, resources, kept))
    if grants := touched[Subject.GRANT]:
        estate = replace(estate, grants=await _grants(connection, estate.grants, grants))
    settings = await _settings(connection) if touched[Subject.SETTINGS] else estate.settings
    return replace(estate, settings=settings, version=max((step.version for step in steps), default=estate.version))


def _by_subject(steps: Iterable[Change]) -> Mapping[Subject, Collection[str]]:
    touched: defaultdict[Subject, dict[str, None]] = defaultdict(dict)
    for step in steps:
        touched[step.subject][step.id] = None
    return touched


def _changed(known: Mapping[str, _T], touched: Collection[str], found: Mapping[str, _T]) -> dict[str, _T]:
    gone = [key for key in touched if key not in found]
    new = {**known, **found}
    for key in gone:
        new.pop(key, None)
    return new


async def _grants(connection: AsyncConnection, known: Iterable[Grant], touched: Collection[str]) -> tuple[Grant, ...]:
    pairs = [tuple(key.split(" ")) for key in touched]
    grants = {(grant.target, grant.space): grant for grant in known}
    for pair in pairs:
        grants.pop((pair[0], pair[-1]), None)
    found = list(grants.values())
    for some in chunks(pairs):
        here = tuple_(share.c.target, share.c.space).in_(some)
        found += [rows.grant(row) for row in await connection.execute(select(share).where(here))]
    return _in_order(found)


def _in_order(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    return tuple(sorted(grants, key=lambda grant: (grant.target, grant.space)))


async def _all(connection: AsyncConnection, table: Table) -> Iterable[Row[Any]]:
    return (await connection.execute(select(table))).all()


async def _some(
    connection: AsyncConnection, table: Table, column: Column[Any], keys: Collection[str]
) -> list[Row[Any]]:
    found: list[Row[Any]] = []
    for some in chunks(list(keys)):
        found += (await connection.execute(select(table).where(column.in_(some)))).all()
    return found


def _resources(found: Iterable[Row[Any]], entries: Iterable[Row[Any]]) -> dict[str, Resource]:
    members: defaultdict[str, set[str]] = defaultdict(set)
    for entry in entries:
        members[entry.folder].add(entry.member)
    return {row.id: rows.resource(row, frozenset(members.get(row.id, ()))) for row in found}


async def _settings(connection: AsyncConnection) -> PlatformSettings:
    return rows.settings(await connection.execute(select(setting)))
