"""Tokens and invitations in SQL."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.model.access import Role
from proxy.model.identity import Token, TokenKind
from proxy.store import Invitation, PutToken, Subject
from proxy.store.sql.bulk import many, put
from proxy.store.sql.changes import Touched
from proxy.store.sql.rows import Values, storable
from proxy.store.tables import invitation, token, token_space

_NAMES: Final = ("paths", "methods", "networks")
_TOUCH: Final = (
    update(token)
    .where(token.c.id == bindparam("of"), or_(token.c.last_used.is_(None), token.c.last_used < bindparam("at")))
    .values(last_used=bindparam("at"))
)


async def put_tokens(connection: AsyncConnection, puts: Iterable[PutToken]) -> list[Touched]:
    latest: dict[str, PutToken] = {}
    for each in puts:
        earlier = latest.get(each.token.id, each)
        latest[each.token.id] = PutToken(token=each.token, hash=each.hash or earlier.hash)
    await put(connection, token, [_of_token(each) for each in latest.values()])
    await many(
        connection, delete(token_space).where(token_space.c.token == bindparam("of")), [{"of": key} for key in latest]
    )
    spaces = [{"token": key, "space": each} for key, value in latest.items() for each in value.token.spaces or ()]
    await many(connection, insert(token_space), spaces)
    return [(Subject.TOKEN, key) for key in latest]


def _of_token(put: PutToken) -> Values:
    of = put.token
    return {
        "id": of.id,
        "kind": of.kind,
        "name": of.name,
        "hash": put.hash,
        "created": of.created,
        "created_by": of.created_by,
        "expires": of.expires,
        "last_used": of.last_used,
        "user": of.user,
        "read_only": of.read_only,
        "limited": of.spaces is not None,
        "admin": of.admin,
        "instance": of.instance,
        "paths": of.paths,
        "methods": of.methods,
        "networks": of.networks,
    }


async def by_hash(connection: AsyncConnection, hash_: bytes) -> Token | None:
    found = (await connection.execute(_BY_HASH, {"hash": hash_})).all()
    return next(iter(_tokens(found)), None)


async def listed(
    connection: AsyncConnection,
    *,
    of_user: str | None,
    instance: str | None,
    kind: TokenKind | None,
    expired: float | None,
) -> list[Token]:
    wanted = _TOKENS.order_by(token.c.created.desc(), token.c.id)
    if of_user is not None:
        wanted = wanted.where(token.c.user == of_user)
    if instance is not None:
        wanted = wanted.where(token.c.instance == instance)
    if kind is not None:
        wanted = wanted.where(token.c.kind == kind)
    if expired is not None:
        wanted = wanted.where(token.c.expires <= expired)
    return _tokens((await connection.execute(wanted)).all())


async def touch(connection: AsyncConnection, used: Sequence[tuple[str, float]]) -> None:
    await connection.execute(_TOUCH, [{"of": key, "at": at} for key, at in used])


_TOKENS: Final = select(token, token_space.c.space).select_from(token.outerjoin(token_space))
"""Tokens with the spaces they are limited to, one row for each of these."""
_BY_HASH: Final = _TOKENS.where(token.c.hash == bindparam("hash"))


def _tokens(rows: Iterable[Row[Any]]) -> list[Token]:
    spaces: defaultdict[str, set[str]] = defaultdict(set)
    found: dict[str, Row[Any]] = {}
    for row in rows:
        found[row.id] = row
        spaces[row.id] |= {row.space} - {None}
    return [_token(row, spaces[row.id]) for row in found.values()]


def _token(row: Row[Any], spaces: Collection[str]) -> Token:
    return Token(
        id=row.id,
        kind=TokenKind(row.kind),
        name=row.name,
        created=row.created,
        created_by=row.created_by,
        expires=row.expires,
        last_used=row.last_used,
        user=row.user,
        read_only=row.read_only,
        spaces=frozenset(spaces) if row.limited else None,
        admin=row.admin,
        instance=row.instance,
        **{name: tuple(getattr(row, name)) for name in _NAMES},
    )


async def put_invitations(connection: AsyncConnection, puts: Sequence[Invitation]) -> list[Touched]:
    await put(connection, invitation, [_of_invitation(each) for each in puts])
    # Whether an offer still stands is decided on: who accepts must notice that it was taken back.
    return [(Subject.SPACE, each.space) for each in puts]


def _of_invitation(of: Invitation) -> Values:
    return {
        "id": of.id,
        "space": of.space,
        "role": of.role,
        "created": of.created,
        "expires": of.expires,
        "created_by": of.created_by,
        "user": of.user,
        "email": of.email,
    }


async def invitations(
    connection: AsyncConnection, *, space: str | None, of_user: str | None, email: str | None
) -> list[Invitation]:
    """Oldest first."""
    wanted = select(invitation).order_by(invitation.c.created, invitation.c.id)
    if space is not None:
        wanted = wanted.where(invitation.c.space == space)
    if of_user is not None:
        wanted = wanted.where(invitation.c.user == of_user)
    if email is not None:
        # Databases fold ASCII alone, which is what addresses are made of that mail is sent to.
        wanted = wanted.where(invitation.c.user.is_(None), func.lower(invitation.c.email) == email.lower())
    return [_invitation(row) for row in await connection.execute(wanted)]


async def invitation_by(connection: AsyncConnection, id_: str) -> Invitation | None:
    row = (await connection.execute(select(invitation).where(invitation.c.id == storable(id_)))).one_or_none()
    return None if row is None else _invitation(row)


def _invitation(row: Row[Any]) -> Invitation:
    return Invitation(
        id=row.id,
        space=row.space,
        role=Role(row.role),
        created=row.created,
        expires=row.expires,
        created_by=row.created_by,
        user=row.user,
        email=row.email,
    )
