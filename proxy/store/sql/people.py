"""People in SQL: looked for, and counted."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Row, Select, bindparam, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.model.access import Role
from proxy.model.directory import SpaceKind
from proxy.model.identity import Person, UserKind, UserState
from proxy.store import Page, PeopleQuery
from proxy.store.sql import rows
from proxy.store.sql.dialects import holds
from proxy.store.tables import membership, space, user

_FEW: Final = 8
"""So many spaces at most are best asked for their members."""

_NEAR: Final = 1000
"""Of so many people in order, a page of them is looked for before all are; so many that are found are remembered."""
_TALLIES: Final = 256
"""Lists whose tallies are kept at once."""

# Built once: building costs as much as asking.
BY_ID: Final = rows.PEOPLE.where(user.c.id == bindparam("id"))
BY_SUBJECT: Final = rows.PEOPLE.where(user.c.provider == bindparam("provider"), user.c.subject == bindparam("subject"))
BY_LOGIN: Final = (
    select(user)
    .where(or_(user.c.username_key == bindparam("key"), user.c.email_key == bindparam("key")))
    # One person's user name may be another one's address: the user name counts.
    .order_by(case((user.c.username_key == bindparam("key"), 0), else_=1))
    .limit(1)
)
ADMINS: Final = select(user.c.id).where(user.c.admin, user.c.state == UserState.ACTIVE, user.c.kind == UserKind.PERSON)
OWNERS: Final = (
    select(user.c.id)
    .join(membership)
    .where(membership.c.space == bindparam("of"), membership.c.role >= Role.OWNER)
    .where(user.c.state == UserState.ACTIVE, user.c.kind == UserKind.PERSON)
)
MEMBERS: Final = (
    select(func.count())
    .select_from(user.join(membership))
    .where(membership.c.space == bindparam("of"), user.c.kind == UserKind.PERSON)
)

_HERE, _STAFF = membership.alias(), membership.alias()
_IS_STAFF: Final = exists().where(
    _STAFF.c.user == _HERE.c.user, _STAFF.c.space == space.c.id, space.c.kind == SpaceKind.TEAM
)
SPACES_OF_MEMBERS: Final = (
    select(membership.c.space)
    .distinct()
    .join_from(_HERE, membership, _HERE.c.user == membership.c.user)
    .join(user, user.c.id == _HERE.c.user)
    .where(_HERE.c.space == bindparam("of"), user.c.kind == UserKind.PERSON)
    .where(~_IS_STAFF)
)

SPACES_MET: Final = (
    select(_HERE.c.space, membership.c.space.label("met"))
    .distinct()
    .join_from(_HERE, membership, _HERE.c.user == membership.c.user)
    .join(user, user.c.id == _HERE.c.user)
    .where(_HERE.c.space.in_(select(space.c.id).where(space.c.kind == SpaceKind.GROUP)))
    .where(user.c.kind == UserKind.PERSON, ~_IS_STAFF)
)


def of(origins: Iterable[str], logins: Iterable[str], page: int) -> list[Select[*tuple[Any, ...]]]:
    """What finds those whom these files declare or who have one of these names or addresses; some may be found twice."""
    keys = sorted({rows.folded(login) for login in logins})
    wanted: list[ColumnElement[bool]] = [user.c.declared.in_(list(origins))]
    for at in range(0, len(keys), page):
        some = keys[at : at + page]
        wanted.append(or_(user.c.username_key.in_(some), user.c.email_key.in_(some)))
    return [rows.PEOPLE.where(which) for which in wanted]


@dataclass(frozen=True, slots=True)
class Tally:
    """What a list comes to, whichever page of it is asked for."""

    total: int
    names: Sequence[tuple[str, str]] | None
    """Username, folded, and id of each in order, where they are few; None where they are not, or were never gathered."""


class Tallies:
    """Tallies at one version of the state: people turn pages, and look again, far more often than anything changes."""

    def __init__(self) -> None:
        self._version = -1
        self._found: dict[PeopleQuery, Tally] = {}

    def find(self, version: int, query: PeopleQuery) -> Tally | None:
        return self._found.get(_whole(query)) if version == self._version else None

    def keep(self, version: int, query: PeopleQuery, tally: Tally) -> None:
        if version != self._version or len(self._found) >= _TALLIES:
            self._version, self._found = version, {}
        self._found[_whole(query)] = tally


def _whole(query: PeopleQuery) -> PeopleQuery:
    return replace(query, after="", skip=0, backwards=False, limit=0)


async def search(connection: AsyncConnection, query: PeopleQuery, known: Tally | None) -> tuple[Page[Person], Tally]:
    """One page, and what the list comes to. `known` is what it came to before, while nothing has changed."""
    if known is not None and known.names is not None:
        return await _turned(connection, query, known, known.names)
    narrowed = bool(query.text) or query.spaces is not None
    if narrowed:
        some = await _nearby(connection, query)
        if len(some) > query.limit:
            known = known or Tally(await _count(connection, query), None)
            return await _page(connection, query, some, known.total), known
    if known is None:
        known = await _gathered(connection, query) if narrowed else Tally(await _count(connection, query), None)
        if known.names is not None:
            return await _turned(connection, query, known, known.names)
    wanted = select(user.c.id).where(*_conditions(user, query), *_behind(user.c.username_key, query))
    ids = (await connection.execute(_cut(wanted, user.c.username_key, query))).scalars().all()
    return await _page(connection, query, ids, known.total), known


async def _count(connection: AsyncConnection, query: PeopleQuery) -> int:
    wanted = select(func.count()).select_from(user).where(*_conditions(user, query))
    return int((await connection.execute(wanted)).scalar_one())


async def _gathered(connection: AsyncConnection, query: PeopleQuery) -> Tally:
    """All that is found, where that is little: finding is what takes time, by a word or by membership."""
    found = select(user.c.username_key, user.c.id).where(*_conditions(user, query)).cte()
    total = select(func.count()).select_from(found).scalar_subquery()
    wanted = select(found, total.label("total")).order_by(found.c.username_key).limit(_NEAR)
    rows_ = (await connection.execute(wanted)).all()
    total_ = rows_[0].total if rows_ else 0
    return Tally(total_, [(row.username_key, row.id) for row in rows_] if total_ <= _NEAR else None)


async def _turned(
    connection: AsyncConnection, query: PeopleQuery, known: Tally, names: Sequence[tuple[str, str]]
) -> tuple[Page[Person], Tally]:
    """A page of what has been gathered."""
    after = rows.folded(query.after)
    if query.backwards:
        names = [each for each in reversed(names) if not after or each[0] < after]
    elif after:
        names = [each for each in names if each[0] > after]
    ids = [id_ for _, id_ in names[query.skip : query.skip + query.limit + 1]]
    return await _page(connection, query, ids, known.total), known


async def _nearby(connection: AsyncConnection, query: PeopleQuery) -> Sequence[str]:
    """The page as far as it is found among the next few people, as it is where many are wanted."""
    near = user.alias()
    columns = (near.c.id, near.c.kind, near.c.state, near.c.words, near.c.username_key)
    walk = select(*columns).where(*_behind(near.c.username_key, query)).order_by(_direction(near.c.username_key, query))
    some = walk.limit(_NEAR).subquery()
    wanted = _cut(select(some.c.id).where(*_conditions(some, query)), some.c.username_key, query)
    return (await connection.execute(wanted)).scalars().all()


def _cut(page: Select[*tuple[Any, ...]], key: ColumnElement[str], query: PeopleQuery) -> Select[*tuple[Any, ...]]:
    return page.order_by(_direction(key, query)).offset(query.skip).limit(query.limit + 1)


def _direction(key: ColumnElement[str], query: PeopleQuery) -> ColumnElement[str]:
    return key.desc() if query.backwards else key


async def _page(connection: AsyncConnection, query: PeopleQuery, ids: Sequence[str], total: int) -> Page[Person]:
    found = await _in_order(connection, ids[: query.limit])
    return Page(items=found, total=total, more=len(ids) > query.limit)


def _behind(name: ColumnElement[str], query: PeopleQuery) -> Iterable[ColumnElement[bool]]:
    if query.after:
        after = rows.folded(query.after)
        yield name < after if query.backwards else name > after


def _conditions(of: FromClause, query: PeopleQuery) -> Iterable[ColumnElement[bool]]:
    """What users with these columns have to meet."""
    yield of.c.kind == query.kind
    if query.text:
        yield holds(of.c.words, rows.folded(query.text))
    if query.spaces is not None:
        member = _member(of.c.id, query.spaces)
        yield member if query.also is None else or_(member, of.c.id == query.also)
    if query.states != frozenset(UserState):
        yield of.c.state.in_(query.states)


def _member(id_: ColumnElement[str], spaces: Collection[str]) -> ColumnElement[bool]:
    if len(spaces) <= _FEW:
        return id_.in_(select(membership.c.user).where(membership.c.space.in_(spaces)))
    # As an expression, so that a user's few memberships are looked at, and not each of the many spaces looked up.
    return exists().where(membership.c.user == id_, (membership.c.space + "").in_(spaces))


async def _in_order(connection: AsyncConnection, ids: Sequence[str]) -> list[Person]:
    found: Sequence[Row[Any]] = (await connection.execute(rows.PEOPLE.where(user.c.id.in_(ids)))).all()
    people = {person.user.id: person for person in rows.people(found)}
    return [people[key] for key in ids]
