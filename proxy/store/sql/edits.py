"""The steps of an edit: each says what it touched."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final, TypeVar

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.model.directory import Space
from proxy.model.estate import Grant, PlatformSettings, Resource
from proxy.model.identity import Factor, Token, User
from proxy.store import Edit, Image, Invitation, PutFactor, PutPerson, PutToken, Remove, RemoveGrant, Subject
from proxy.store.sql import images, rows
from proxy.store.sql.bulk import delete_by, gather, many, put
from proxy.store.sql.changes import Touched
from proxy.store.sql.factors import put_factors, remove_factors
from proxy.store.sql.scopes import Narrowed, settle, standings
from proxy.store.sql.tokens import put_invitations, put_tokens
from proxy.store.tables import (
    folder_entry,
    invitation,
    membership,
    override,
    resource,
    session,
    setting,
    share,
    space,
    token,
    token_space,
    user,
)

_T = TypeVar("_T")
_Removed = type[User | Space | Resource | Token | Invitation | Factor]


async def perform(connection: AsyncConnection, edits: Sequence[Edit]) -> tuple[list[Touched], list[Narrowed]]:
    """Do the steps in their order, those of one kind that follow each other together.

    Returns what was touched, and which tokens lost spaces by it.
    """
    put_users = {edit.person.user.id for edit in edits if isinstance(edit, PutPerson)}
    removed_spaces = {edit.id for edit in edits if isinstance(edit, Remove) and edit.kind is Space}
    before = await standings(connection, put_users, removed_spaces)
    touched: list[Touched] = []
    for _, alike in groupby(edits, key=_kind):
        touched += await _perform(connection, list(alike))
    if any(isinstance(edit, Space | PlatformSettings | Image) for edit in edits) or removed_spaces:
        await images.forget_unused(connection)
    shrunk, narrowed = await settle(connection, before, touched)
    return [*touched, *shrunk], narrowed


def _kind(edit: Edit) -> tuple[type, type | None]:
    return type(edit), edit.kind if isinstance(edit, Remove) else None


async def _perform(connection: AsyncConnection, batch: list[Edit]) -> list[Touched]:
    match batch[0]:
        case PutPerson():
            return await _put_people(connection, _only(PutPerson, batch))
        case PutToken():
            return await put_tokens(connection, _only(PutToken, batch))
        case PutFactor():
            return await put_factors(connection, _only(PutFactor, batch))
        case Invitation():
            return await put_invitations(connection, _only(Invitation, batch))
        case Remove(kind=kind):
            return await _remove(connection, kind, [each.id for each in _only(Remove, batch)])
        case _:
            return await _perform_on_estate(connection, batch)


async def _perform_on_estate(connection: AsyncConnection, batch: list[Edit]) -> list[Touched]:
    if spaces := _only(Space, batch):
        return await _put_spaces(connection, spaces)
    if resources := _only(Resource, batch):
        return await _put_resources(connection, resources)
    if grants := _only(Grant, batch):
        return await _put_grants(connection, grants)
    if pictures := _only(Image, batch):
        return await images.put_images(connection, pictures)
    if settings := _only(PlatformSettings, batch):
        await put(connection, setting, rows.of_settings(settings[-1]))
        return [(Subject.SETTINGS, "")]
    return await _remove_grants(connection, _only(RemoveGrant, batch))


def _only(kind: type[_T], batch: list[Edit]) -> list[_T]:
    return [each for each in batch if isinstance(each, kind)]


async def _put_people(connection: AsyncConnection, puts: list[PutPerson]) -> list[Touched]:
    latest: dict[str, PutPerson] = {}
    for each in puts:
        earlier = latest.get(each.person.user.id, each)
        latest[each.person.user.id] = replace(
            each,
            password_hash=each.password_hash or earlier.password_hash,
            password_set=each.password_set or earlier.password_set,
        )
    await put(connection, user, [rows.of_person(each) for each in latest.values()])
    await many(
        connection, delete(membership).where(membership.c.user == bindparam("of")), [{"of": key} for key in latest]
    )
    people = [each.person for each in latest.values()]
    await many(connection, insert(membership), [row for person in people for row in rows.of_memberships(person)])
    await many(connection, insert(override), [row for person in people for row in rows.of_overrides(person)])
    return [(Subject.USER, key) for key in latest]


async def _put_spaces(connection: AsyncConnection, puts: list[Space]) -> list[Touched]:
    await put(connection, space, [rows.of_space(each) for each in puts])
    return [(Subject.SPACE, each.id) for each in puts]


async def _put_resources(connection: AsyncConnection, puts: list[Resource]) -> list[Touched]:
    latest = {each.id: each for each in puts}
    await put(connection, resource, [rows.of_resource(each) for each in latest.values()])
    entries = delete(folder_entry).where(folder_entry.c.folder == bindparam("of"))
    await many(connection, entries, [{"of": key} for key in latest])
    members = [{"folder": each.id, "member": member} for each in latest.values() for member in each.members]
    await many(connection, insert(folder_entry), members)
    return [(Subject.RESOURCE, key) for key in latest]


async def _put_grants(connection: AsyncConnection, puts: list[Grant]) -> list[Touched]:
    await put(connection, share, [rows.of_grant(each) for each in puts])
    return [grant_touched(each.target, each.space) for each in puts]


async def _remove_grants(connection: AsyncConnection, removed: list[RemoveGrant]) -> list[Touched]:
    here = (share.c.target == bindparam("of_target")) & (share.c.space == bindparam("with_space"))
    pairs = [{"of_target": each.target, "with_space": each.space} for each in removed]
    await many(connection, delete(share).where(here), pairs)
    return [grant_touched(each.target, each.space) for each in removed]


def grant_touched(target: str, with_space: str) -> Touched:
    return Subject.GRANT, f"{target} {with_space}"


async def _remove(connection: AsyncConnection, kind: _Removed, ids: list[str]) -> list[Touched]:
    if kind is User:
        return await _remove_users(connection, ids)
    if kind is Space:
        return await _remove_spaces(connection, ids)
    if kind is Resource:
        return await _remove_resources(connection, ids)
    if kind is Factor:
        return await remove_factors(connection, ids)
    if kind is Invitation:
        spaces = await gather(connection, select(invitation.c.space), invitation.c.id, ids)
        await delete_by(connection, invitation.c.id, ids)
        return [(Subject.SPACE, key) for key in spaces]
    await delete_by(connection, token.c.id, ids)
    return [(Subject.TOKEN, key) for key in ids]


async def _remove_users(connection: AsyncConnection, ids: list[str]) -> list[Touched]:
    ended = await gather(connection, select(session.c.id), session.c.user, ids)
    tokens = await gather(connection, select(token.c.id), token.c.user, ids)
    await delete_by(connection, session.c.user, ids)
    await delete_by(connection, user.c.id, ids)
    return [*_all(Subject.USER, ids), *_all(Subject.SESSION, ended), *_all(Subject.TOKEN, tokens)]


async def _remove_spaces(connection: AsyncConnection, ids: list[str]) -> list[Touched]:
    members = await gather(connection, select(membership.c.user), membership.c.space, ids)
    tokens = await gather(connection, select(token_space.c.token), token_space.c.space, ids)
    grants = await gather(connection, _GRANTS, share.c.space, ids)
    await delete_by(connection, space.c.id, ids)
    return [
        *_all(Subject.SPACE, ids),
        *_all(Subject.USER, members),
        *_all(Subject.TOKEN, tokens),
        *_all(Subject.GRANT, grants),
    ]


async def _remove_resources(connection: AsyncConnection, ids: list[str]) -> list[Touched]:
    people = await gather(connection, select(override.c.user), override.c.resource, ids)
    tokens = await gather(connection, select(token.c.id), token.c.instance, ids)
    folders = await gather(connection, select(folder_entry.c.folder), folder_entry.c.member, ids)
    grants = await gather(connection, _GRANTS, share.c.target, ids)
    await delete_by(connection, resource.c.id, ids)
    return [
        *_all(Subject.RESOURCE, [*ids, *folders]),
        *_all(Subject.USER, people),
        *_all(Subject.TOKEN, tokens),
        *_all(Subject.GRANT, grants),
    ]


_GRANTS: Final = select(share.c.target + " " + share.c.space)


def _all(subject: Subject, ids: Sequence[str]) -> list[Touched]:
    return [(subject, key) for key in ids]
