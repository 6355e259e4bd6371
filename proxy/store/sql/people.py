"""People in SQL: looked for, and counted."""

from collections.abc import Collection, Iterable, Sequence
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
"""Of so many people in order, a page of them is looked for before all are."""

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
SPACES_OF_MEMBERS: Final = (
    select(membership.c.space)
    .distinct()
    .join_from(_HERE, membership, _HERE.c.user == membership.c.user)
    .join(user, user.c.id == _HERE.c.user)
    .where(_HERE.c.space == bindparam("of"), user.c.kind == UserKind.PERSON)
    .where(~exists().where(_STAFF.c.user == _HERE.c.user, _STAFF.c.space == space.c.id, space.c.kind == SpaceKind.TEAM))
)


def of(origins: Iterable[str], logins: Iterable[str], page: int) -> list[Select[*tuple[Any, ...]]]:
    """What finds those whom these files declare or who have one of these names or addresses; some may be found twice."""
    keys = sorted({rows.folded(login) for login in logins})
    wanted: list[ColumnElement[bool]] = [user.c.declared.in_(list(origins))]
    for at in range(0, len(keys), page):
        some = keys[at : at + page]
        wanted.append(or_(user.c.username_key.in_(some), user.c.email_key.in_(some)))
    return [rows.PEOPLE.where(which) for which in wanted]


async def search(connection: AsyncConnection, query: PeopleQuery) -> Page[Person]:
    narrowed = bool(query.text) or query.spaces is not None
    some = await _nearby(connection, query) if narrowed else []
    if len(some) > query.limit:
        found = select(func.count()).select_from(user).where(*_conditions(user, query))
        return await _page(connection, query, some, int((await connection.execute(found)).scalar_one()))
    wanted = select(user.c.id, user.c.username_key).where(*_conditions(user, query))
    # Where finding is what takes time, by a word or by membership, it is done once, for the page and for the count.
    all_ = wanted.cte() if narrowed else wanted.subquery()
    total = select(func.count()).select_from(all_)
    page = select(all_.c.id, total.scalar_subquery().label("total")).where(*_behind(all_.c.username_key, query))
    rows_ = (await connection.execute(_cut(page, all_.c.username_key, query))).all()
    count = rows_[0].total if rows_ else int((await connection.execute(total)).scalar_one())
    return await _page(connection, query, [row.id for row in rows_], count)


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
