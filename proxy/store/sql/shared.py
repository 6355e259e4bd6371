"""Sessions, login flows and one-time things in SQL."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from sqlalchemy import Delete, bindparam, delete, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.access.gcra import Buckets, Rate
from proxy.model.identity import Session
from proxy.store import Subject
from proxy.store.sql import changes, rows
from proxy.store.sql.connections import Connections
from proxy.store.sql.dialects import upsert
from proxy.store.sql.rows import storable
from proxy.store.tables import kept, listing, session, session_cookie

# Built once: building costs as much as asking.
_BY_COOKIE: Final = (
    select(session, session_cookie.c.host)
    .join_from(session_cookie, session)
    .where(session_cookie.c.hash == bindparam("hash"))
)
_TOUCH: Final = (
    update(session)
    .where(session.c.id == bindparam("of"), session.c.seen < bindparam("at"))
    .values(seen=bindparam("at"))
)

_DELIST: Final = delete(listing).where(listing.c.name == bindparam("of"), listing.c.item == bindparam("one"))


class SqlShared:
    """The Shared of one SQLite file or of one PostgreSQL; limits alone are kept in this process."""

    def __init__(self, connections: Connections, steady: Callable[[], float]) -> None:
        """`steady`: seconds of a clock that never jumps."""
        self._connections, self._steady = connections, steady
        self._buckets: dict[Rate, Buckets] = {}

    async def create_session(self, session_: Session, cookie: bytes, host: str) -> None:
        async with self._connections.writing() as connection:
            await connection.execute(insert(session), rows.of_session(session_))
            await connection.execute(insert(session_cookie), {"hash": cookie, "session": session_.id, "host": host})

    async def add_cookie(self, session_id: str, cookie: bytes, host: str) -> None:
        # From the session's own row: one that ended meanwhile gets no cookie.
        row = select(literal(cookie), session.c.id, literal(host)).where(session.c.id == session_id)
        async with self._connections.writing() as connection:
            await connection.execute(insert(session_cookie).from_select(["hash", "session", "host"], row))

    async def session(self, cookie: bytes) -> tuple[Session, str] | None:
        async with self._connections.reading() as connection:
            row = (await connection.execute(_BY_COOKIE, {"hash": cookie})).one_or_none()
        return None if row is None else (rows.session(row), row.host)

    async def prove(self, session_id: str, at: float) -> None:
        proved = update(session).where(session.c.id == session_id).values(proved=at)
        async with self._connections.writing() as connection:
            if (await connection.execute(proved)).rowcount:
                await changes.publish(connection, [(Subject.PROOF, session_id)])

    async def renew(self, session_id: str, *, groups: tuple[str, ...], keep: str) -> None:
        renewed = update(session).where(session.c.id == session_id).values(groups=groups, keep=keep)
        async with self._connections.writing() as connection:
            if (await connection.execute(renewed)).rowcount:
                await changes.publish(connection, [(Subject.PROOF, session_id)])

    async def admit(self, key: str, rate: Rate) -> float:
        return self._of(rate).admit(key, self._steady())

    async def give_back(self, key: str, rate: Rate) -> None:
        self._of(rate).give_back(key)

    async def reset(self, key: str, rate: Rate) -> None:
        self._of(rate).reset(key)

    def _of(self, rate: Rate) -> Buckets:
        # Rates are named by the configuration, so they are few; each bounds its keys.
        found = self._buckets.get(rate)
        if found is None:
            found = self._buckets[rate] = Buckets(rate)
        return found

    async def sessions_of(self, user_id: str) -> Sequence[Session]:
        wanted = select(session).where(session.c.user == user_id).order_by(session.c.created)
        async with self._connections.reading() as connection:
            return [rows.session(row) for row in await connection.execute(wanted)]

    async def end_session(self, session_id: str) -> None:
        async with self._connections.writing() as connection:
            await _end(connection, delete(session).where(session.c.id == session_id))

    async def end_sessions_of(self, user_id: str) -> None:
        async with self._connections.writing() as connection:
            await _end(connection, delete(session).where(session.c.user == user_id))

    async def touch(self, seen: Iterable[tuple[str, float]]) -> None:
        steps = [{"of": session_id, "at": at} for session_id, at in seen]
        if steps:
            async with self._connections.writing() as connection:
                await connection.execute(_TOUCH, steps)

    async def put(self, key: str, value: str, until: float) -> None:
        async with self._connections.writing() as connection:
            new = {"value": value, "until": until}
            put = (
                upsert(connection, kept)
                .values(key=storable(key), **new)
                .on_conflict_do_update(index_elements=[kept.c.key], set_=new)
            )
            await connection.execute(put)

    async def put_new(self, key: str, value: str, until: float, now: float) -> str:
        new = {"value": value, "until": until}
        async with self._connections.writing() as connection:
            put = upsert(connection, kept).values(key=storable(key), **new)
            over = kept.c.until <= now
            await connection.execute(put.on_conflict_do_update(index_elements=[kept.c.key], set_=new, where=over))
            return str((await connection.execute(select(kept.c.value).where(kept.c.key == storable(key)))).scalar_one())

    async def take(self, key: str, now: float) -> str | None:
        async with self._connections.writing() as connection:
            taken = delete(kept).where(kept.c.key == storable(key)).returning(kept.c.value, kept.c.until)
            row = (await connection.execute(taken)).one_or_none()
        return row.value if row is not None and now < row.until else None

    async def get(self, key: str, now: float) -> str | None:
        wanted = select(kept.c.value).where(kept.c.key == storable(key), kept.c.until > now)
        async with self._connections.reading() as connection:
            return (await connection.execute(wanted)).scalar_one_or_none()

    async def enlist(self, listing_: str, item: str, until: float) -> None:
        async with self._connections.writing() as connection:
            new = {"until": until}
            put = upsert(connection, listing).values(name=listing_, item=storable(item), **new)
            await connection.execute(put.on_conflict_do_update(index_elements=list(listing.primary_key), set_=new))

    async def listed(self, listing_: str, now: float, limit: int) -> Sequence[tuple[str, float]]:
        wanted = (
            select(listing.c.item, listing.c.until)
            .where(listing.c.name == listing_, listing.c.until > now)
            .order_by(listing.c.until.desc(), listing.c.item)
            .limit(limit)
        )
        async with self._connections.reading() as connection:
            return [(row.item, row.until) for row in await connection.execute(wanted)]

    async def delist(self, listing_: str, items: Sequence[str]) -> None:
        steps = [{"of": listing_, "one": storable(item)} for item in items]
        if steps:
            async with self._connections.writing() as connection:
                await connection.execute(_DELIST, steps)

    async def sweep(self, now: float) -> None:
        # Not by idle time: an instance may have a longer one of its own. Whoever opens a session asks whether it lives.
        ended = session.c.expires <= now
        async with self._connections.writing() as connection:
            await connection.execute(delete(kept).where(kept.c.until <= now))
            await connection.execute(delete(listing).where(listing.c.until <= now))
            await _end(connection, delete(session).where(ended))


async def _end(connection: AsyncConnection, sessions: Delete) -> None:
    """Forget sessions, their cookies with them, and publish each."""
    ended = (await connection.execute(sessions.returning(session.c.id))).scalars()
    await changes.publish(connection, [(Subject.SESSION, session_id) for session_id in ended])
