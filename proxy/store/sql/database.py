"""Users, spaces, resources, grants, tokens and audit in SQL."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.model.audit import AuditQuery, Event, Recorded
from proxy.model.estate import Estate
from proxy.model.identity import Factor, Person, Token, TokenKind, User
from proxy.store import Account, Change, Edit, Image, Invitation, Letter, Page, PeopleQuery, Subject, tables
from proxy.store.sql import audit, changes, estates, factors, images, letters, passwords, people, rows, tokens
from proxy.store.sql.connections import BULK_DEADLINE, Connections
from proxy.store.sql.dialects import upsert
from proxy.store.sql.edits import perform

PAGE: Final = 1000
FORGOTTEN_AT_ONCE: Final = 2000
"""Events of the audit log: whoever else has to write waits for so long at most, which is less than a request may."""


class SqlDatabase:
    """The Database of one SQLite file or of one PostgreSQL."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._tallies = people.Tallies()

    async def version(self) -> int:
        async with self._connections.reading() as connection:
            return await changes.newest(connection)

    async def changes(self, since: int) -> Sequence[Change]:
        async with self._connections.snapshot() as connection:
            return await changes.after(connection, since)

    async def publish(self, subject: Subject, ids: Sequence[str]) -> int:
        async with self._connections.writing() as connection:
            return await changes.publish(connection, [(subject, key) for key in ids])

    async def estate(self) -> Estate:
        async with self._connections.snapshot(BULK_DEADLINE) as connection:
            return await estates.whole(connection)

    async def renewed(self, estate: Estate) -> Estate:
        async with self._connections.snapshot(BULK_DEADLINE) as connection:
            return await estates.renewed(connection, estate)

    async def person(self, user_id: str) -> Person | None:
        async with self._connections.reading() as connection:
            found = (await connection.execute(people.BY_ID, {"id": user_id})).all()
        return next(rows.people(found), None)

    async def account(self, login: str) -> Account | None:
        async with self._connections.reading() as connection:
            row = (await connection.execute(people.BY_LOGIN, {"key": rows.folded(login)})).one_or_none()
        return None if row is None else rows.account(row)

    async def linked(self, provider: str, subject: str) -> Person | None:
        async with self._connections.reading() as connection:
            found = (await connection.execute(people.BY_SUBJECT, {"provider": provider, "subject": subject})).all()
        return next(rows.people(found), None)

    async def users(self) -> Sequence[User]:
        everyone = select(tables.user).order_by(tables.user.c.username_key)
        async with self._connections.snapshot(BULK_DEADLINE) as connection:
            return [rows.user(row) async for some in _pages(connection, everyone) for row in some]

    async def people(self) -> Sequence[Person]:
        async with self._connections.snapshot(BULK_DEADLINE) as connection:
            found = [row async for some in _pages(connection, rows.PEOPLE) for row in some]
        return await asyncio.to_thread(lambda: list(rows.people(found)))

    async def people_of(self, origins: Collection[str], logins: Collection[str]) -> Sequence[Person]:
        async with self._connections.snapshot(BULK_DEADLINE) as connection:
            found = [(await connection.execute(wanted)).all() for wanted in people.of(origins, logins, PAGE)]
        return list({person.user.id: person for some in found for person in rows.people(some)}.values())

    async def edit(self, edits: Sequence[Edit], events: Sequence[Event], *, basis: int | None = None) -> int:
        async with self._connections.writing(len(edits) / 1000) as connection:
            if basis is not None:
                await changes.check(connection, basis)
            touched, narrowed = await perform(connection, edits)
            await audit.write(connection, [*events, *(each.told(events[0]) for each in narrowed if events)])
            return await changes.publish(connection, touched)

    async def search(self, query: PeopleQuery) -> Page[Person]:
        async with self._connections.snapshot() as connection:
            version = await changes.newest(connection)
            page, tally = await people.search(connection, query, self._tallies.find(version, query))
        self._tallies.keep(version, query, tally)
        return page

    async def admins(self) -> Sequence[str]:
        async with self._connections.reading() as connection:
            return (await connection.execute(people.ADMINS)).scalars().all()

    async def owners(self, space_id: str) -> Sequence[str]:
        async with self._connections.reading() as connection:
            return (await connection.execute(people.OWNERS, {"of": space_id})).scalars().all()

    async def count_members(self, space_id: str) -> int:
        async with self._connections.reading() as connection:
            return int((await connection.execute(people.MEMBERS, {"of": space_id})).scalar_one())

    async def spaces_of_members(self, space_id: str) -> Collection[str]:
        async with self._connections.reading() as connection:
            return frozenset((await connection.execute(people.SPACES_OF_MEMBERS, {"of": space_id})).scalars())

    async def spaces_met(self) -> Mapping[str, Collection[str]]:
        met: dict[str, set[str]] = {}
        async with self._connections.reading() as connection:
            for group, space_id in await connection.execute(people.SPACES_MET):
                met.setdefault(group, set()).add(space_id)
        return met

    async def token(self, hash_: bytes) -> Token | None:
        async with self._connections.reading() as connection:
            return await tokens.by_hash(connection, hash_)

    async def tokens(
        self,
        *,
        user: str | None = None,
        instance: str | None = None,
        kind: TokenKind | None = None,
        expired: float | None = None,
    ) -> Sequence[Token]:
        async with self._connections.reading() as connection:
            return await tokens.listed(connection, of_user=user, instance=instance, kind=kind, expired=expired)

    async def touch_tokens(self, used: Iterable[tuple[str, float]]) -> None:
        if steps := list(used):
            async with self._connections.writing() as connection:
                await tokens.touch(connection, steps)

    async def factors(self, user_id: str) -> Sequence[Factor]:
        async with self._connections.reading() as connection:
            return await factors.of_user(connection, user_id)

    async def factor_of(self, credential: bytes) -> Factor | None:
        async with self._connections.reading() as connection:
            return await factors.by_credential(connection, credential)

    async def use_factor(self, id_: str, counter: int, at: float) -> bool:
        async with self._connections.writing() as connection:
            return await factors.use(connection, id_, counter, at)

    async def invitations(
        self, *, space: str | None = None, user: str | None = None, email: str | None = None
    ) -> Sequence[Invitation]:
        async with self._connections.reading() as connection:
            return await tokens.invitations(connection, space=space, of_user=user, email=email)

    async def invitation(self, id_: str) -> Invitation | None:
        async with self._connections.reading() as connection:
            return await tokens.invitation_by(connection, id_)

    async def image(self, key: str) -> Image | None:
        async with self._connections.reading() as connection:
            return await images.by_key(connection, key)

    async def set_password(
        self, user_id: str, new: str, event: Event, *, instead_of: str | None = None, keep: int = 0
    ) -> bool:
        async with self._connections.writing() as connection:
            if instead_of is None:
                done = await passwords.replace(connection, user_id, new, event.at, keep)
            else:
                done = await passwords.rehash(connection, user_id, new, instead_of)
            if done:
                await audit.write(connection, [event])
                await changes.publish(connection, [(Subject.USER, user_id)])
        return done

    async def former_passwords(self, user_id: str) -> Sequence[str]:
        async with self._connections.reading() as connection:
            return (await connection.execute(passwords.FORMER, {"of": user_id})).scalars().all()

    async def expire_password(self, user_id: str, event: Event, *, set_before: float) -> bool:
        async with self._connections.writing() as connection:
            done = (await connection.execute(passwords.expiring(user_id, set_before))).rowcount > 0
            if done:
                await audit.write(connection, [event])
                await changes.publish(connection, [(Subject.USER, user_id)])
        return done

    async def post(self, letters_: Sequence[Letter], events: Sequence[Event]) -> None:
        async with self._connections.writing() as connection:
            await letters.put(connection, letters_)
            await audit.write(connection, events)

    async def letters(self, now: float, limit: int) -> Sequence[Letter]:
        async with self._connections.reading() as connection:
            return await letters.due(connection, now, limit)

    async def claim(self, letter: Letter, at: float) -> bool:
        async with self._connections.writing() as connection:
            return await letters.claim(connection, letter, at)

    async def drop(self, letter: Letter, *events: Event) -> None:
        async with self._connections.writing() as connection:
            await letters.drop(connection, letter.id)
            await audit.write(connection, events)

    async def record(self, *events: Event) -> None:
        if events:
            async with self._connections.writing() as connection:
                await audit.write(connection, events)

    async def begin(self, intent: Event, until: float) -> int:
        async with self._connections.writing() as connection:
            return await audit.begin(connection, intent, until)

    async def finish(self, outcome: Event) -> None:
        async with self._connections.writing() as connection:
            await audit.finish(connection, outcome)

    async def unfinished(self, now: float) -> Sequence[Recorded]:
        async with self._connections.reading() as connection:
            return await audit.unfinished(connection, now)

    async def events(self, query: AuditQuery) -> Page[Recorded]:
        async with self._connections.snapshot(BULK_DEADLINE) as connection:
            return await audit.page(connection, query)

    async def events_after(self, id_: int, limit: int) -> Sequence[Recorded]:
        async with self._connections.reading() as connection:
            return await audit.after(connection, id_, limit)

    async def prune_events(self, before: float, event: Event) -> int:
        async with self._connections.writing(BULK_DEADLINE) as connection:
            return await audit.prune(connection, before, event, FORGOTTEN_AT_ONCE)

    async def position(self, reader: str) -> int:
        wanted = select(tables.audit_reader.c.position).where(tables.audit_reader.c.name == reader)
        async with self._connections.reading() as connection:
            return (await connection.execute(wanted)).scalar_one_or_none() or 0

    async def advance(self, reader: str, id_: int) -> None:
        async with self._connections.writing() as connection:
            new = {"position": id_}
            put = upsert(connection, tables.audit_reader).values(name=reader, **new)
            await connection.execute(put.on_conflict_do_update(index_elements=[tables.audit_reader.c.name], set_=new))


async def _pages(connection: AsyncConnection, wanted: Select[*tuple[Any, ...]]) -> AsyncIterator[Sequence[Row[Any]]]:
    """Very many rows, some at a time, so that others are served in between."""
    async for some in (await connection.stream(wanted)).partitions(PAGE):
        yield some
