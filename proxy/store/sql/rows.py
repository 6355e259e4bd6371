"""What the store keeps, as rows and back as values."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Row, select

from proxy.model.access import Role
from proxy.model.audit import Event
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Grant, HttpAuth, InstanceSettings, Resource, ResourceKind, UpstreamTls
from proxy.model.identity import Membership, Person, Session, User, UserState
from proxy.store import PutPerson, tables

Values = dict[str, object]
"""A row to be written, by column."""

_TUPLES: Final = ("hosts", "public", "identity", "endpoints", "origins")

PEOPLE: Final = (
    select(
        tables.user,
        tables.membership.c.space,
        tables.membership.c.role,
        tables.membership.c.source,
        tables.override.c.resource,
        tables.override.c.role.label("override"),
    )
    .select_from(tables.user.outerjoin(tables.membership).outerjoin(tables.override))
    .order_by(tables.user.c.id)
)
"""Users with their memberships and overrides, one row for each of the last: one statement, so of one moment."""


def people(rows: Iterable[Row[Any]]) -> Iterator[Person]:
    """The persons in rows of PEOPLE."""
    for _, of_user in groupby(rows, key=lambda row: row.id):
        mine = list(of_user)
        yield Person(user=user(mine[0]), memberships=_memberships(mine))


def user(row: Row[Any]) -> User:
    return User(
        id=row.id,
        username=row.username,
        email=row.email,
        name=row.name,
        image=row.image,
        admin=row.admin,
        state=UserState(row.state),
        provider=row.provider,
        tags=row.tags,
        declared=row.declared,
    )


def _memberships(rows: list[Row[Any]]) -> dict[str, Membership]:
    overrides: dict[str, dict[str, Role]] = {}
    for row in rows:
        if row.space is not None:
            here = overrides.setdefault(row.space, {})
            if row.resource is not None:
                here[row.resource] = Role(row.override)
    return {
        row.space: Membership(space=row.space, role=Role(row.role), source=row.source, overrides=overrides[row.space])
        for row in rows
        if row.space is not None
    }


def space(row: Row[Any]) -> Space:
    return Space(
        id=row.id,
        kind=SpaceKind(row.kind),
        slug=row.slug,
        title=row.title,
        parent=row.parent,
        active=row.active,
        tags=row.tags,
        declared=row.declared,
    )


def resource(row: Row[Any], members: frozenset[str]) -> Resource:
    return Resource(
        id=row.id,
        kind=ResourceKind(row.kind),
        slug=row.slug,
        name=row.name,
        parent=row.parent,
        owner=row.owner,
        instance=None if row.settings is None else _instance(row.settings),
        members=members,
        declared=row.declared,
    )


def _instance(kept: Mapping[str, Any]) -> InstanceSettings:
    return InstanceSettings(
        **{
            **kept,
            **{name: tuple(kept[name]) for name in _TUPLES},
            "http_auth": HttpAuth(kept["http_auth"]),
            "min_edit_role": Role(kept["min_edit_role"]),
            "upstream_tls": UpstreamTls(**kept["upstream_tls"]),
        }
    )


def grant(row: Row[Any]) -> Grant:
    return Grant(target=row.target, space=row.space, role=Role(row.role), declared=row.declared)


def session(row: Row[Any]) -> Session:
    return Session(
        id=row.id,
        user_id=row.user,
        provider=row.provider,
        amr=tuple(row.amr),
        created=row.created,
        seen=row.seen,
        expires=row.expires,
        idle=row.idle,
        address=row.address,
        agent=row.agent,
    )


def of_person(put: PutPerson) -> Values:
    user = put.person.user
    return {
        "id": user.id,
        "username": user.username,
        "username_key": folded(user.username),
        "email": user.email,
        "email_key": folded(user.email) or None,
        "name": user.name,
        "image": user.image,
        "admin": user.admin,
        "state": user.state,
        "provider": user.provider,
        "password_hash": put.password_hash,
        "tags": dict(user.tags),
        "declared": user.declared,
    }


def of_memberships(person: Person) -> list[Values]:
    return [
        {"user": person.user.id, "space": each.space, "role": each.role, "source": each.source}
        for each in person.memberships.values()
    ]


def of_overrides(person: Person) -> list[Values]:
    return [
        {"user": person.user.id, "space": each.space, "resource": resource, "role": role}
        for each in person.memberships.values()
        for resource, role in each.overrides.items()
    ]


def folded(name: str) -> str:
    """How a user name or e-mail address compares: without case."""
    return name.casefold()


def of_space(space: Space) -> Values:
    return {
        "id": space.id,
        "kind": space.kind,
        "slug": space.slug,
        "title": space.title,
        "parent": space.parent,
        "active": space.active,
        "tags": dict(space.tags),
        "declared": space.declared,
    }


def of_resource(resource: Resource) -> Values:
    return {
        "id": resource.id,
        "kind": resource.kind,
        "slug": resource.slug,
        "place": resource.parent or resource.owner or "",
        "name": resource.name,
        "parent": resource.parent,
        "owner": resource.owner,
        "settings": None if resource.instance is None else asdict(resource.instance),
        "declared": resource.declared,
    }


def of_grant(grant: Grant) -> Values:
    return {"target": grant.target, "space": grant.space, "role": grant.role, "declared": grant.declared}


def of_session(session: Session) -> Values:
    return {
        "id": session.id,
        "user": session.user_id,
        "provider": session.provider,
        "amr": session.amr,
        "created": session.created,
        "seen": session.seen,
        "expires": session.expires,
        "idle": session.idle,
        "address": session.address,
        "agent": session.agent,
    }


def of_event(event: Event) -> Values:
    return {
        "event": event.event,
        "at": event.at,
        "actor": event.actor,
        "actor_name": event.actor_name,
        "source": event.source,
        "address": event.address,
        "scope_kind": event.scope_kind,
        "scope_id": event.scope_id,
        "body": dict(event.body),
    }
