"""What tokens that are limited to spaces lose when their users leave these, or when the spaces go.

A token keeps a space for as long as its user is a member there or above; an admin's token, if it acts as one, keeps all.
One that has none left goes: it must never come to reach everything.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.store import Subject
from proxy.store.sql.bulk import chunks, delete_by, gather, many
from proxy.store.sql.changes import Touched
from proxy.store.tables import membership, space, token, token_space, user


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the tokens of one user hang on."""

    admin: bool
    spaces: frozenset[str]
    """Ids of those the user is a member of."""


async def standings(
    connection: AsyncConnection, users: Collection[str], spaces: Collection[str]
) -> dict[str, Standing]:
    """By user id: of those of `users`, and of the members of `spaces`, who have a token that is limited to spaces."""
    limited = select(token.c.user).where(token.c.limited)
    members = limited.join(membership, membership.c.user == token.c.user)
    concerned: set[str] = set()
    for some in chunks(list(users)):
        concerned |= {row.user for row in await connection.execute(limited.where(token.c.user.in_(some)))}
    for some in chunks(list(spaces)):
        concerned |= {row.user for row in await connection.execute(members.where(membership.c.space.in_(some)))}
    return await _stand(connection, concerned)


async def _stand(connection: AsyncConnection, users: Collection[str]) -> dict[str, Standing]:
    admins: dict[str, bool] = {}
    spaces: dict[str, set[str]] = {}
    wanted = select(user.c.id, user.c.admin, membership.c.space).select_from(user.outerjoin(membership))
    for some in chunks(list(users)):
        for row in await connection.execute(wanted.where(user.c.id.in_(some))):
            admins[row.id] = row.admin
            spaces.setdefault(row.id, set()).update({row.space} - {None})
    return {key: Standing(admin=admins[key], spaces=frozenset(spaces[key])) for key in admins}


async def shrink(connection: AsyncConnection, before: Mapping[str, Standing]) -> list[Touched]:
    """Take from tokens the spaces that their users have left since."""
    now = await _stand(connection, before)
    fallen = [key for key, was in before.items() if key in now and _has_less(was, now[key])]
    if not fallen:
        return []
    above = {row.id: row.parent for row in await connection.execute(select(space.c.id, space.c.parent))}
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


def _lineage(above: Mapping[str, str | None], at: str | None) -> Iterator[str]:
    while at is not None:
        yield at
        at = above.get(at)


async def forget_unlimited(connection: AsyncConnection, tokens: Collection[str]) -> None:
    """Remove those of these tokens that are limited to spaces of which none is left."""
    left = exists().where(token_space.c.token == token.c.id)
    empty = select(token.c.id).where(token.c.limited, ~left)
    await delete_by(connection, token.c.id, await gather(connection, empty, token.c.id, tokens))
