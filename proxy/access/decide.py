"""The permission algorithm: which role a person has on a resource. Pure, and the only place where roles are computed."""

from collections.abc import Iterator

from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Grant, Resource, ResourceKind
from proxy.model.identity import Person, UserState


def effective_role(estate: Estate, person: Person, resource: Resource) -> Role:
    """Inactive, admin, nearest override, then the best of own space, owner of a space above, and shares."""
    if person.user.state is not UserState.ACTIVE:
        return Role.NONE
    if person.user.admin:
        return Role.ADMIN
    owner = estate.owner(resource)
    lineage = tuple(estate.lineage(owner)) if owner else ()
    override = _nearest_override(estate, person, resource, frozenset(space.id for space in lineage))
    if override is not None:
        return override
    direct = role_in(estate, person, owner) if owner else Role.NONE
    above = max((role_in(estate, person, space) for space in lineage[1:]), default=Role.NONE)
    inherited = Role.OWNER if above >= Role.OWNER else Role.NONE
    return max(direct, inherited, _shared(estate, person, resource))


def role_in(estate: Estate, person: Person, space: Space) -> Role:
    """The role a person holds as a member of a space; in `everyone` all are members without a row."""
    if space.kind is SpaceKind.EVERYONE:
        return _role_in_everyone(estate, person)
    if not all(at.active for at in estate.lineage(space)):
        return Role.NONE
    membership = person.memberships.get(space.id)
    return membership.role if membership else Role.NONE


def covers(estate: Estate, grant: Grant, resource: Resource) -> bool:
    """Whether a share reaches a resource: its target and what lies below it, but never a separately owned child."""
    target = estate.resources.get(grant.target)
    if target is None:
        return False
    way = {at.id for at in estate.path(resource)}
    if target.kind is ResourceKind.FOLDER:
        hit = any(folder.id in way or folder.members & way for folder in _folders_below(estate, target))
    else:
        hit = target.id in way
    return hit and estate.owner(resource) == estate.owner(target)


def _role_in_everyone(estate: Estate, person: Person) -> Role:
    if estate.settings.disable_all_users:
        return Role.NONE
    if estate.settings.tenant_mode:  # canned content is read-only
        return Role.DASHBOARD
    roles = (
        membership.role
        for membership in person.memberships.values()
        if (space := estate.spaces.get(membership.space)) and all(at.active for at in estate.lineage(space))
    )
    return max(Role.DASHBOARD, min(Role.MEMBER, max(roles, default=Role.NONE)))


def _nearest_override(estate: Estate, person: Person, resource: Resource, lineage: frozenset[str]) -> Role | None:
    """An explicit word about this person beats everything below it: it may raise, lower or be NONE."""
    heard = [membership for membership in person.memberships.values() if membership.overrides]
    if not heard:
        return None
    for at in estate.path(resource):
        roles = [
            m.overrides[at.id]
            for m in heard
            if at.id in m.overrides and m.space in lineage and _active(estate, m.space)
        ]
        if roles:
            return max(roles)
    return None


def _active(estate: Estate, space_id: str) -> bool:
    space = estate.spaces.get(space_id)
    return space is not None and all(at.active for at in estate.lineage(space))


def _shared(estate: Estate, person: Person, resource: Resource) -> Role:
    best = Role.NONE
    for grant in estate.grants:
        space = estate.spaces.get(grant.space)
        if space is None:
            continue
        role = min(grant.role, role_in(estate, person, space))
        if role > best and covers(estate, grant, resource):
            best = role
    return best


def _folders_below(estate: Estate, folder: Resource) -> Iterator[Resource]:
    yield folder
    for resource in estate.resources.values():
        if (
            resource.kind is ResourceKind.FOLDER
            and any(at.id == folder.id for at in estate.path(resource))
            and resource is not folder
        ):
            yield resource
