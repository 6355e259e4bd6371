"""Users, spaces, resources, grants and audit in SQL."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, Update, bindparam, case, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.model.audit import Event
from proxy.model.estate import Estate, PlatformSettings
from proxy.model.identity import Person, User, UserState
from proxy.store import Account, Change, Dangling, Edit, Subject, tables
from proxy.store.sql import changes, rows
from proxy.store.sql.connections import BULK_DEADLINE, DEADLINE, Connections
from proxy.store.sql.edits import perform

PAGE: Final = 1000

# Built once: building costs as much as asking.
_PERSON: Final = rows.PEOPLE.where(tables.user.c.id == bindparam("id"))
_ACCOUNT: Final = (
    select(tables.user)
    .where(or_(tables.user.c.username_key == bindparam("key"), tables.user.c.email_key == bindparam("key")))
    # One person's user name may be another one's address: the user name counts.
    .order_by(case((tables.user.c.username_key == bindparam("key"), 0), else_=1))
    .limit(1)
)


class SqlDatabase:
    """The Database of one SQLite file."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def version(self) -> int:
        async with self._connections.reading() as connection:
            return await changes.newest(connection)

    async def changes(self, since: int) -> Sequence[Change]:
        async with self._connections.reading() as connection:
            return await changes.after(connection, since)

    async def estate(self) -> Estate:
        async with self._connections.snapshot(BULK_DEADLINE) as connection:
            version = await changes.newest(connection)
            spaces = (await connection.execute(select(tables.space))).all()
            resources = (await connection.execute(select(tables.resource))).all()
            entries = (await connection.execute(select(tables.folder_entry))).all()
            grants = (await connection.execute(select(tables.share))).all()
            settings = (await connection.execute(select(tables.setting))).all()
        members: defaultdict[str, set[str]] = defaultdict(set)
        for entry in entries:
            members[entry.folder].add(entry.member)
        return Estate(
            version=version,
            spaces={row.id: rows.space(row) for row in spaces},
            resources={row.id: rows.resource(row, frozenset(members.get(row.id, ()))) for row in resources},
            grants=tuple(rows.grant(row) for row in grants),
            settings=PlatformSettings(**{row.name: row.value for row in settings}),
        )

    async def person(self, user_id: str) -> Person | None:
        async with self._connections.reading() as connection:
            found = (await connection.execute(_PERSON, {"id": user_id})).all()
        return next(rows.people(found), None)

    async def account(self, login: str) -> Account | None:
        async with self._connections.reading() as connection:
            row = (await connection.execute(_ACCOUNT, {"key": rows.folded(login)})).one_or_none()
        return None if row is None else Account(user=rows.user(row), password_hash=row.password_hash)

    async def users(self) -> Sequence[User]:
        everyone = select(tables.user).order_by(tables.user.c.username_key)
        async with self._connections.reading(BULK_DEADLINE) as connection:
            return [rows.user(row) async for some in _pages(connection, everyone) for row in some]

    async def people(self) -> Sequence[Person]:
        async with self._connections.reading(BULK_DEADLINE) as connection:
            found = [row async for some in _pages(connection, rows.PEOPLE) for row in some]
        return await asyncio.to_thread(lambda: list(rows.people(found)))

    async def people_of(self, origins: Collection[str], logins: Collection[str]) -> Sequence[Person]:
        user, keys = tables.user.c, sorted({rows.folded(login) for login in logins})
        wanted: list[ColumnElement[bool]] = [user.declared.in_(origins)]
        for at in range(0, len(keys), PAGE):
            some = keys[at : at + PAGE]
            wanted.append(or_(user.username_key.in_(some), user.email_key.in_(some)))
        async with self._connections.snapshot(BULK_DEADLINE) as connection:
            found = [(await connection.execute(rows.PEOPLE.where(which))).all() for which in wanted]
        return list({person.user.id: person for some in found for person in rows.people(some)}.values())

    async def edit(self, edits: Sequence[Edit], events: Sequence[Event]) -> int:
        async with self._connections.writing(max(DEADLINE, len(edits) / 1000)) as connection:
            touched = await perform(connection, edits)
            if events:
                await connection.execute(insert(tables.audit_event), [rows.of_event(event) for event in events])
            return await changes.publish(connection, touched)

    async def set_password(self, user_id: str, new: str, event: Event, *, instead_of: str | None = None) -> bool:
        wanted = [tables.user.c.id == user_id, tables.user.c.state != UserState.SUSPENDED]
        if instead_of is not None:
            wanted.append(tables.user.c.password_hash == instead_of)
        values = {"password_hash": new, "state": UserState.ACTIVE}
        return await self._set(user_id, update(tables.user).where(*wanted).values(values), event)

    async def set_state(self, user_id: str, state: UserState, event: Event) -> None:
        if not await self._set(
            user_id, update(tables.user).where(tables.user.c.id == user_id).values(state=state), event
        ):
            raise Dangling("user", user_id)

    async def _set(self, user_id: str, change: Update, event: Event) -> bool:
        async with self._connections.writing() as connection:
            done = (await connection.execute(change)).rowcount > 0
            if done:
                await connection.execute(insert(tables.audit_event), rows.of_event(event))
                await changes.publish(connection, [(Subject.USER, user_id)])
        return done

    async def record(self, event: Event) -> None:
        async with self._connections.writing() as connection:
            await connection.execute(insert(tables.audit_event), rows.of_event(event))


async def _pages(connection: AsyncConnection, wanted: Select[*tuple[Any, ...]]) -> AsyncIterator[Sequence[Row[Any]]]:
    """Very many rows, some at a time, so that others are served in between."""
    async for some in (await connection.stream(wanted)).partitions(PAGE):
        yield some
