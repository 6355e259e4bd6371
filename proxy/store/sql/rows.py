"""What the store keeps, as rows and back as values."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Row, select

from proxy.model.access import Role
from proxy.model.directory import Branding, Space, SpaceKind
from proxy.model.estate import (
    Grant,
    HttpAuth,
    InstanceSettings,
    Limit,
    PersonaCheck,
    PlatformSettings,
    Resource,
    ResourceKind,
    RowKind,
    RowMode,
    RowPolicy,
    Unmatched,
    UpstreamTls,
)
from proxy.model.identity import Membership, Person, Session, User, UserKind, UserState
from proxy.store import Account, PutPerson, tables

Values = dict[str, object]
"""A row to be written, by column."""

_TUPLES: Final = ("hosts", "public", "identity", "endpoints", "origins")
_LATER: Final = ("framed_by",)
"""The same, which what was kept before may not have."""
_LIMITS: Final = ("limit_per_address", "limit_per_principal")

PEOPLE: Final = (
    select(
        tables.user,
        tables.membership.c.space,
        tables.membership.c.role,
        tables.membership.c.source,
        tables.override.c.resource,
        tables.override.c.role.label("override"),
        tables.override.c.managed,
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
        kind=UserKind(row.kind),
        state=UserState(row.state),
        password_expired=row.password_expired,
        provider=row.provider,
        subject=row.subject,
        tags=row.tags,
        default_dashboard=row.default_dashboard,
        fullscreen=row.fullscreen,
        declared=row.declared,
        stated=frozenset(row.stated),
    )


def account(row: Row[Any]) -> Account:
    return Account(
        user=user(row),
        password_hash=row.password_hash,
        password_expired=row.password_expired,
        password_set=row.password_set,
    )


def _memberships(rows: list[Row[Any]]) -> dict[str, Membership]:
    found: dict[str, Membership] = {}
    in_spaces = (row for row in rows if row.space is not None)
    for space_id, grouped in groupby(sorted(in_spaces, key=lambda row: row.space), key=lambda row: row.space):
        here = list(grouped)
        found[space_id] = Membership(
            space=space_id,
            role=Role(here[0].role),
            source=here[0].source,
            overrides={row.resource: Role(row.override) for row in here if row.resource is not None},
            managed=frozenset(row.resource for row in here if row.managed),
        )
    return found


def space(row: Row[Any]) -> Space:
    return Space(
        id=row.id,
        kind=SpaceKind(row.kind),
        slug=row.slug,
        title=row.title,
        parent=row.parent,
        active=row.active,
        tags=row.tags,
        labels=frozenset(row.labels),
        details=row.details,
        home_dashboard=row.home_dashboard,
        branding=None if row.branding is None else _branding(row.branding),
        declared=row.declared,
    )


def _branding(kept: Mapping[str, Any]) -> Branding:
    return Branding(
        **{
            **kept,
            "hosts": tuple(kept["hosts"]),
            "ways_in": tuple(kept.get("ways_in", ())),
            "hidden": frozenset(kept["hidden"]),
        }
    )


def _of_branding(branding: Branding) -> Values:
    return {**asdict(branding), "hidden": sorted(branding.hidden)}


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
        attributes=row.attributes,
        declared=row.declared,
    )


def _instance(kept: Mapping[str, Any]) -> InstanceSettings:
    return InstanceSettings(
        **{
            **kept,
            **{name: tuple(kept[name]) for name in _TUPLES},
            **{name: tuple(kept.get(name, ())) for name in _LATER},
            "http_auth": HttpAuth(kept["http_auth"]),
            "min_edit_role": Role(kept["min_edit_role"]),
            "upstream_tls": UpstreamTls(**kept["upstream_tls"]),
            **{name: Limit(**kept[name]) for name in _LIMITS if kept.get(name)},
            "rows": tuple(map(_policy, kept.get("rows", ()))),
        }
    )


def _policy(kept: Mapping[str, Any]) -> RowPolicy:
    return RowPolicy(
        **{
            **kept,
            **{name: tuple(kept[name]) for name in ("paths", "methods", "widgets", "types", "pages")},
            "kind": RowKind(kept["kind"]),
            "mode": RowMode(kept["mode"]),
            "on_unmatched": Unmatched(kept["on_unmatched"]),
        }
    )


def settings(rows: Iterable[Row[Any]]) -> PlatformSettings:
    kept = {row.name: row.value for row in rows}
    if "switched_off" in kept:
        kept["switched_off"] = frozenset(kept["switched_off"])
    if "upstream_allow" in kept:
        kept["upstream_allow"] = tuple(kept["upstream_allow"])
    if "branding" in kept:
        kept["branding"] = _branding(kept["branding"])
    if "persona_checks" in kept:
        kept["persona_checks"] = tuple(PersonaCheck(**each) for each in kept["persona_checks"])
    return PlatformSettings(**kept)


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
        proved=row.proved,
        factor=row.factor,
        vouched=row.vouched,
        groups=tuple(row.groups),
        provider_session=row.provider_session,
        keep=row.keep,
        viewer=row.viewer,
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
        "kind": user.kind,
        "state": user.state,
        "password_expired": user.password_expired,
        "words": folded(f"{user.username}\n{user.name}\n{user.email}"),
        "provider": user.provider,
        "subject": user.subject,
        "password_hash": put.password_hash,
        "password_set": put.password_set,
        "tags": dict(user.tags),
        "default_dashboard": user.default_dashboard,
        "fullscreen": user.fullscreen,
        "declared": user.declared,
        "stated": sorted(user.stated),
    }


def of_memberships(person: Person) -> list[Values]:
    return [
        {"user": person.user.id, "space": each.space, "role": each.role, "source": each.source}
        for each in person.memberships.values()
    ]


def of_overrides(person: Person) -> list[Values]:
    return [
        {
            "user": person.user.id,
            "space": each.space,
            "resource": resource,
            "role": role,
            "managed": resource in each.managed,
        }
        for each in person.memberships.values()
        for resource, role in each.overrides.items()
    ]


def storable(text: str) -> str:
    """Without what no database can hold: the character nought, and halves of characters."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def folded(name: str) -> str:
    """How a user name or e-mail address compares: without case."""
    return storable(name.casefold())


def of_space(space: Space) -> Values:
    return {
        "id": space.id,
        "kind": space.kind,
        "slug": space.slug,
        "title": space.title,
        "parent": space.parent,
        "active": space.active,
        "tags": dict(space.tags),
        "labels": sorted(space.labels),
        "details": dict(space.details),
        "home_dashboard": space.home_dashboard,
        "branding": None if space.branding is None else _of_branding(space.branding),
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
        "attributes": dict(resource.attributes),
        "declared": resource.declared,
    }


def of_grant(grant: Grant) -> Values:
    return {"target": grant.target, "space": grant.space, "role": grant.role, "declared": grant.declared}


def of_settings(settings: PlatformSettings) -> list[Values]:
    kept = {
        **{each.name: getattr(settings, each.name) for each in fields(settings)},
        "switched_off": sorted(settings.switched_off),
        "tags": dict(settings.tags),
        "branding": _of_branding(settings.branding),
        "persona_checks": [asdict(each) for each in settings.persona_checks],
    }
    return [{"name": name, "value": value} for name, value in kept.items()]


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
        "proved": session.proved,
        "factor": session.factor,
        "vouched": session.vouched,
        "groups": session.groups,
        "provider_session": session.provider_session,
        "keep": session.keep,
        "viewer": session.viewer,
        "address": session.address,
        "agent": session.agent,
    }
