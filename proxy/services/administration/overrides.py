"""Roles of single members on single resources, which beat what their membership says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from proxy.model.access import Permission, Role
from proxy.model.audit import Update
from proxy.model.directory import Space
from proxy.model.estate import Estate, Resource, ResourceKind
from proxy.model.identity import Membership, Person
from proxy.services.administration.members import held_by, refuse_kept_by_file, with_membership
from proxy.services.authority import require, resource_at, space_at, told
from proxy.services.problems import Invalid, NotPossible, NotThere, Wrong
from proxy.services.writer import Moment, Step
from proxy.store import PutPerson

OVERRIDABLE: Final = frozenset({ResourceKind.APPLICATION, ResourceKind.INSTANCE, ResourceKind.DEVICE})


def overridable(estate: Estate, space: Space) -> Sequence[Resource]:
    """What a member of a space may have a role of their own on; nothing while it holds no application."""
    found = [each for kind in sorted(OVERRIDABLE) for each in estate.by_kind[kind] if _within(estate, each, space)]
    return found if any(each.kind is ResourceKind.APPLICATION for each in found) else ()


async def set_overrides(moment: Moment, key: str, user_id: str, roles: Mapping[str, Role]) -> Step[Person]:
    """Give a member exactly these roles, by id or address of the resource.

    Asked of the space, whatever overrides say of whoever acts: nobody locks themselves out.
    """
    estate, space = moment.estate, space_at(moment.estate, key)
    require(moment, Permission.SPACE_MEMBERS_ROLE, space)
    person = await held_by(moment, space, user_id)
    wanted = dict(_resolved(estate, space, roles))
    held = person.memberships[space.id]
    before = heard(estate, space, held)
    changed = sorted(at for at in wanted.keys() | before.keys() if wanted.get(at) is not before.get(at))
    if not changed:
        return Step(result=person)
    for at in changed:
        require(moment, Permission.APPLICATION_ACCESS_CONTROL, estate.resources[at])
    refuse_kept_by_file(person)
    _refuse_managed(estate, held, changed)
    after = with_membership(person, replace(held, overrides=wanted, managed=held.managed & wanted.keys()))
    updates = tuple(
        Update(key=estate.address(estate.resources[at]), old=_label(before.get(at)), new=_label(wanted.get(at)))
        for at in changed
    )
    event = told(moment, f"{space.kind}.user.permissions-changed", space, user=user_id, updates=updates)
    return Step(result=after, edits=[PutPerson(person=after)], events=[event])


def _refuse_managed(estate: Estate, held: Membership, changed: Sequence[str]) -> None:
    """Raises NotPossible for roles that a login provider keeps up; those made by hand beside them are the owners' own."""
    managed = [estate.address(estate.resources[at]) for at in changed if at in held.managed]
    if managed:
        detail = f"The login provider keeps up the role on {', '.join(managed)}. Send it as it is, and change it there."
        raise NotPossible("managed_by_sso", detail)


def heard(estate: Estate, space: Space, held: Membership) -> Mapping[str, Role]:
    """What a membership says of what still is the space's: what was handed to others is no longer its to speak of."""
    there = {at: estate.resources.get(at) for at in held.overrides}
    return {at: held.overrides[at] for at, each in there.items() if each is not None and _within(estate, each, space)}


def _resolved(estate: Estate, space: Space, roles: Mapping[str, Role]) -> Iterator[tuple[str, Role]]:
    """Ids and roles. Raises Invalid with every name that is no application, instance or device of this space."""
    wrong: list[Wrong] = []
    for name, role in roles.items():
        try:
            resource = resource_at(estate, name)
        except NotThere:
            resource = None
        if resource is not None and resource.kind in OVERRIDABLE and _within(estate, resource, space):
            yield resource.id, role
        else:
            message = f"is no application, instance or device of {space.slug}"
            remedy = "Take one of `overridable`; there is none while the space has no application."
            wrong.append(Wrong(field=f"overrides/{name.replace('/', '~1')}", message=message, remedy=remedy))
    if wrong:
        raise Invalid(*wrong)


def _within(estate: Estate, resource: Resource, space: Space) -> bool:
    owner = estate.owner(resource)
    return owner is not None and any(at.id == space.id for at in estate.lineage(owner))


def _label(role: Role | None) -> str | None:
    return None if role is None else role.label
