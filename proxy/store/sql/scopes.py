"""What tokens that are limited to spaces lose when their users leave these, or when the spaces go.

A token keeps a space for as long as its user is a member there or above; an admin's token, if it acts as one, keeps all.
One that has none left goes: it must never come to reach everything. Either is put on record with what brought it about.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.model.audit import Event, Update
from proxy.model.identity import UserKind
from proxy.store import Subject
from proxy.store.sql.bulk import chunks, delete_by, gather, many
from proxy.store.sql.changes import Touched
from proxy.store.tables import membership, space, token, token_space, user


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the tokens of one user hang on, and those of them that are limited to spaces."""

    admin: bool
    service: bool
    spaces: frozenset[str]
    """Ids of those the user is a member of."""
    tokens: Mapping[str, "Limited"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """A token that is limited to spaces."""

    name: str
    kind: str
    spaces: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowed:
    """A token that has lost spaces."""

    user: str
    token: Limited
    """As it was."""
    left: frozenset[str]
    """Ids of the spaces it has still; of one without any nothing is left."""
    within: tuple[str, ...]
    """What its user belongs to, as events have it."""

    def told(self, cause: Event) -> Event:
        """The event that goes with the one that brought it about."""
        changed = Update(key="spaces", old=sorted(self.token.spaces), new=sorted(self.left))
        return Event(
            event="user.pat.updated" if self.left else "user.pat.deleted",
            at=cause.at,
            actor=cause.actor,
            actor_name=cause.actor_name,
            source=cause.source,
            token=cause.token,
            address=cause.address,
            scope_kind="user",
            scope_id=self.user,
            within=self.within,
            user=self.user,
            updates=(changed,),
            body={"name": self.token.name, "kind": self.token.kind},
        )


async def standings(
    connection: AsyncConnection, users: Collection[str], spaces: Collection[str]
) -> dict[str, Standing]:
    """By user id: of those of `users`, and of all whom `spaces` concern, who have a token that is limited to spaces."""
    limited = select(token.c.user).where(token.c.limited)
    members = limited.join(membership, membership.c.user == token.c.user)
    reaching = limited.join(token_space, token_space.c.token == token.c.id)
    concerned: set[str] = set()
    for some in chunks(list(users)):
        concerned |= {row.user for row in await connection.execute(limited.where(token.c.user.in_(some)))}
    for some in chunks(list(spaces)):
        for those in (members.where(membership.c.space.in_(some)), reaching.where(token_space.c.space.in_(some))):
            concerned |= {row.user for row in await connection.execute(those)}
    return await _stand(connection, concerned)


async def _stand(connection: AsyncConnection, users: Collection[str]) -> dict[str, Standing]:
    found: dict[str, tuple[bool, bool]] = {}
    spaces: dict[str, set[str]] = {}
    wanted = select(user.c.id, user.c.admin, user.c.kind, membership.c.space).select_from(user.outerjoin(membership))
    for some in chunks(list(users)):
        for row in await connection.execute(wanted.where(user.c.id.in_(some))):
            found[row.id] = row.admin, row.kind == UserKind.SERVICE
            spaces.setdefault(row.id, set()).update({row.space} - {None})
    tokens = await _limited(connection, found)
    return {
        key: Standing(admin=admin, service=service, spaces=frozenset(spaces[key]), tokens=tokens.get(key, {}))
        for key, (admin, service) in found.items()
    }


async def _limited(connection: AsyncConnection, users: Collection[str]) -> dict[str, dict[str, Limited]]:
    """By user id and token id."""
    found: dict[str, dict[str, Limited]] = {}
    wanted = select(token.c.id, token.c.user, token.c.name, token.c.kind, token_space.c.space)
    wanted = wanted.select_from(token.outerjoin(token_space)).where(token.c.limited)
    for some in chunks(list(users)):
        for row in await connection.execute(wanted.where(token.c.user.in_(some))):
            mine = found.setdefault(row.user, {})
            before = mine[row.id].spaces if row.id in mine else frozenset()
            mine[row.id] = Limited(name=row.name, kind=row.kind, spaces=before | ({row.space} - {None}))
    return found


async def settle(
    connection: AsyncConnection, before: Mapping[str, Standing], touched: Iterable[Touched]
) -> tuple[list[Touched], list[Narrowed]]:
    """Take from tokens what their users have lost in an edit; `touched` is what that has touched itself."""
    shrunk = await _shrink(connection, before)
    concerned = {key for subject, key in (*touched, *shrunk) if subject is Subject.TOKEN}
    gone = await _forget_unlimited(connection, concerned)
    if not concerned:
        return [], []
    now = await _stand(connection, before)
    narrowed = [
        Narrowed(user=key, token=was, left=left, within=await _within(connection, key, standing))
        for key, standing in before.items()
        for id_, was in standing.tokens.items()
        if key in now and (id_ in gone or id_ in now[key].tokens)
        if (left := now[key].tokens[id_].spaces if id_ not in gone else frozenset()) < was.spaces
    ]
    return shrunk, narrowed


async def _within(connection: AsyncConnection, user_id: str, standing: Standing) -> tuple[str, ...]:
    """Owners of its spaces read of a service account; of a person's tokens they do not."""
    if not standing.service:
        return (user_id,)
    above = await _parents(connection)
    return tuple(dict.fromkeys((user_id, *(up for at in sorted(standing.spaces) for up in _lineage(above, at)))))


async def _shrink(connection: AsyncConnection, before: Mapping[str, Standing]) -> list[Touched]:
    """Take from tokens the spaces that their users have left since."""
    now = await _stand(connection, before)
    fallen = [key for key, was in before.items() if key in now and _has_less(was, now[key])]
    if not fallen:
        return []
    above = await _parents(connection)
    lost: list[dict[str, object]] = []
    limits = select(token.c.id, token.c.user, token.c.admin, token_space.c.space).join_from(token_space, token)
    for some in chunks(fallen):
        for row in await connection.execute(limits.where(token.c.user.in_(some))):
            is_, was = now[row.user], before[row.user]
            way = set(_lineage(above, row.space))
            gone = way & (was.spaces - is_.spaces) or (was.admin and not is_.admin)
            if gone and not way & is_.spaces and not (row.admin and is_.admin):
                lost.append({"of": row.id, "where": row.space})
    entry = (token_space.c.token == bindparam("of")) & (token_space.c.space == bindparam("where"))
    await many(connection, delete(token_space).where(entry), lost)
    return [(Subject.TOKEN, str(each["of"])) for each in lost]


def _has_less(was: Standing, is_: Standing) -> bool:
    return bool(was.spaces - is_.spaces) or (was.admin and not is_.admin)


async def _parents(connection: AsyncConnection) -> dict[str, str | None]:
    return {row.id: row.parent for row in await connection.execute(select(space.c.id, space.c.parent))}


def _lineage(above: Mapping[str, str | None], at: str | None) -> Iterator[str]:
    while at is not None:
        yield at
        at = above.get(at)


async def _forget_unlimited(connection: AsyncConnection, tokens: Collection[str]) -> frozenset[str]:
    """Remove those of these tokens that are limited to spaces of which none is left; return their ids."""
    left = exists().where(token_space.c.token == token.c.id)
    empty = select(token.c.id).where(token.c.limited, ~left)
    gone = await gather(connection, empty, token.c.id, tokens)
    await delete_by(connection, token.c.id, gone)
    return frozenset(gone)
