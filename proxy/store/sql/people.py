"""People in SQL: looked for, and counted."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, bindparam, case, exists, func, or_, select
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
    .where(
        ~exists().where(_STAFF.c.user == _HERE.c.user, _STAFF.c.space == space.c.id, space.c.kind == SpaceKind.TEAM)
    )
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
    wanted = select(user.c.id, user.c.username_key).where(*_conditions(query))
    # Where finding is what takes time, by a word or by membership, it is done once, for the page and for the count.
    found = wanted.cte() if query.text or query.spaces is not None else wanted.subquery()
    total = select(func.count()).select_from(found)
    page = select(found.c.id, total.scalar_subquery().label("total")).where(*_behind(found.c.username_key, query))
    key = found.c.username_key.desc() if query.backwards else found.c.username_key
    both = page.order_by(key).offset(query.skip).limit(query.limit + 1)
    some = (await connection.execute(both)).all()
    return Page(
        items=await _in_order(connection, [row.id for row in some[: query.limit]]),
        total=some[0].total if some else int((await connection.execute(total)).scalar_one()),
        more=len(some) > query.limit,
    )


def _behind(name: ColumnElement[str], query: PeopleQuery) -> Iterable[ColumnElement[bool]]:
    if query.after:
        after = rows.folded(query.after)
        yield name < after if query.backwards else name > after


def _conditions(query: PeopleQuery) -> Iterable[ColumnElement[bool]]:
    yield user.c.kind == query.kind
    if query.text:
        yield holds(user.c.words, rows.folded(query.text))
    if query.spaces is not None:
        member = _member(query.spaces)
        yield member if query.also is None else or_(member, user.c.id == query.also)
    if query.states != frozenset(UserState):
        yield user.c.state.in_(query.states)


def _member(spaces: Collection[str]) -> ColumnElement[bool]:
    if len(spaces) <= _FEW:
        return user.c.id.in_(select(membership.c.user).where(membership.c.space.in_(spaces)))
    # As an expression, so that a user's few memberships are looked at, and not each of the many spaces looked up.
    return exists().where(membership.c.user == user.c.id, (membership.c.space + "").in_(spaces))


async def _in_order(connection: AsyncConnection, ids: Sequence[str]) -> list[Person]:
    found: Sequence[Row[Any]] = (await connection.execute(rows.PEOPLE.where(user.c.id.in_(ids)))).all()
    people = {person.user.id: person for person in rows.people(found)}
    return [people[key] for key in ids]
