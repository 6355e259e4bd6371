"""Shares: members of another space reach a resource with at most a role."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from proxy.access.decide import acting, effective_role
from proxy.access.directory import spaces_known
from proxy.access.mingling import mingles
from proxy.model.access import Permission, Role
from proxy.model.audit import Update
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Grant, Resource
from proxy.model.identity import User, UserState
from proxy.services.administration.kinds import KINDS
from proxy.services.administration.references import switched_off
from proxy.services.authority import refuse_declared, require, resource_at, space_at, told
from proxy.services.checks_estate import shows_all_rows
from proxy.services.problems import Invalid, NotThere, Wrong
from proxy.services.writer import Moment, Step
from proxy.store import PeopleQuery, RemoveGrant

SHOWN: Final = 200
"""People named in a preview at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What a share would change for one person."""

    user: User
    before: Role
    after: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a share would change."""

    gains: Sequence[Gain]
    more: bool
    """Whether there are further people in that space who were not looked at."""
    mingled: bool
    """Whether the space is a group of people of several customers, who would then see what is each other's."""
    all_rows: bool
    """Whether it is shared in tenant mode without a row policy, so that all of them see all rows."""


async def grants(moment: Moment, key: str) -> Sequence[tuple[Grant, Space]]:
    """The shares of a resource with spaces of which whoever acts may know."""
    estate = moment.estate
    resource = _shared(moment, key, None)
    ends = ((grant, estate.spaces[grant.space]) for grant in estate.shares.get(resource.id, ()))
    return sorted(((grant, space) for grant, space in ends if _known(moment, space)), key=lambda end: end[1].slug)


async def grant(moment: Moment, key: str, space: str) -> tuple[Grant, Space]:
    """One of them. Raises NotThere."""
    found = (end for end in await grants(moment, key) if space in (end[1].id, end[1].slug))
    if (end := next(found, None)) is None:
        raise NotThere(space)
    return end


def before(moment: Moment, grant: Grant) -> Grant | None:
    """The share of the same with the same space that there is."""
    return _between(moment.estate, moment.estate.resources[grant.target], grant.space)


async def share(moment: Moment, key: str, *, space: str, role: Role) -> Step[Grant]:
    """Share a resource with a space, or change the role of the share."""
    resource, grant = _drawn(moment, key, space, role)
    before = _between(moment.estate, resource, grant.space)
    if before is not None and before.role is role:
        return Step(result=before)
    if before is not None:
        refuse_declared(before, f"The share of {resource.slug}")
    slug = moment.estate.spaces[grant.space].slug
    updates = (Update(key=f"shares.{slug}", old=before.role.label if before else None, new=role.label),)
    event = told(moment, "share.updated" if before else "share.created", resource, updates=updates)
    return Step(result=grant, edits=[grant], events=[event])


async def preview(moment: Moment, key: str, *, space: str, role: Role) -> Preview:
    """Who would reach what is shared further than now, as far as whoever acts may know of them."""
    resource, grant = _drawn(moment, key, space, role)
    estate = moment.estate
    rest = tuple(each for each in estate.grants if (each.target, each.space) != (grant.target, grant.space))
    shared = replace(estate, grants=(*rest, grant))
    known = spaces_known(estate, moment.actor)
    wanted = None if _everybody(estate, grant) else frozenset({grant.space})
    if known is not None:
        wanted = known if wanted is None else wanted & known
    query = PeopleQuery(spaces=wanted, states=frozenset({UserState.ACTIVE}), limit=SHOWN)
    found = await moment.database.search(query)
    roles = (
        (person.user, effective_role(estate, person, resource), effective_role(shared, person, resource))
        for person in found.items
    )
    gains = [Gain(user=user, before=before, after=after) for user, before, after in roles if after > before]
    mingled, all_rows = await _mingled(moment, grant), shows_all_rows(shared, resource)
    return Preview(gains=gains, more=found.more, mingled=mingled, all_rows=all_rows)


async def unshare(moment: Moment, key: str, space: str) -> Step[None]:
    """Take a share back."""
    resource = _shared(moment, key, Permission.SHARE_DELETE)
    with_ = space_at(moment.estate, space)
    before = _between(moment.estate, resource, with_.id)
    if before is None or not _known(moment, with_):
        raise NotThere(space)
    refuse_declared(before, f"The share of {resource.slug}")
    updates = (Update(key=f"shares.{with_.slug}", old=before.role.label),)
    event = told(moment, "share.deleted", resource, updates=updates)
    return Step(result=None, edits=[RemoveGrant(target=resource.id, space=with_.id)], events=[event])


def _shared(moment: Moment, key: str, permission: Permission | None) -> Resource:
    resource = resource_at(moment.estate, key)
    require(moment, permission or KINDS[resource.kind].read, resource)
    return resource


def _drawn(moment: Moment, key: str, space: str, role: Role) -> tuple[Resource, Grant]:
    """The share that is asked for, once it is allowed."""
    resource = _shared(moment, key, Permission.SHARE_CREATE)
    with_ = _receiver(moment, resource, space)
    person = acting(moment.actor.person, moment.actor.token)
    own = effective_role(moment.estate, person, resource)
    if role > own:
        message = f"must be at most your own role, {own.label}, but it is {role.label}"
        raise Invalid(Wrong(field="role", message=message, remedy="Choose a lower one."))
    return resource, Grant(target=resource.id, space=with_.id, role=role)


def _receiver(moment: Moment, resource: Resource, key: str) -> Space:
    """The space to share with: the owner, one above or below it, or for admins everyone."""
    estate, owner = moment.estate, moment.estate.owner(resource)
    try:
        space = space_at(estate, key)
    except NotThere:
        raise _unfit() from None
    if space.kind is SpaceKind.EVERYONE:
        _refuse_everyone(moment)
        return space
    related = owner is not None and (owner in estate.lineage(space) or space in estate.lineage(owner))
    if not related or not _known(moment, space):
        raise _unfit()
    return space


def _unfit() -> Invalid:
    """The same for spaces that are not there and for those of others."""
    remedy = "Share with the space that owns it, one above it, or one below it."
    return Invalid(Wrong(field="space", message="names no space that this may be shared with", remedy=remedy))


def _refuse_everyone(moment: Moment) -> None:
    """Everyone is in no tenant's tree: admins alone reach beyond it."""
    if not acting(moment.actor.person, moment.actor.token).user.admin:
        raise _unfit()
    if moment.estate.settings.disable_all_users:
        raise switched_off("space")


def _between(estate: Estate, resource: Resource, space: str) -> Grant | None:
    return next((grant for grant in estate.shares.get(resource.id, ()) if grant.space == space), None)


def _everybody(estate: Estate, grant: Grant) -> bool:
    return estate.spaces[grant.space].kind is SpaceKind.EVERYONE


async def _mingled(moment: Moment, grant: Grant) -> bool:
    if moment.estate.spaces[grant.space].kind is not SpaceKind.GROUP:
        return False
    met, known = await moment.database.spaces_of_members(grant.space), spaces_known(moment.estate, moment.actor)
    return mingles(moment.estate, met if known is None else known.intersection(met))


def _known(moment: Moment, space: Space) -> bool:
    known = spaces_known(moment.estate, moment.actor)
    return known is None or space.id in known or space.kind is SpaceKind.EVERYONE
