"""Roles: how far one person may go in every space and on every resource of one estate. Pure.

The only place where roles are computed: inactive, then admin, then the nearest override, then the best of the own space,
ownership of a space above, and shares. Ownership flows down the tree through owners alone, never up, never sideways.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, repeat
from typing import Final, TypeVar

from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Grant, Resource, ResourceKind
from proxy.model.identity import Membership, Person, UserState

_NONE: Final = Role.NONE
"""Looking up a member of an enumeration takes as long as the rest of a role that is already known."""


Listed = TypeVar("Listed", Resource, Space)


@dataclass(frozen=True, slots=True)
class Word:
    """An override: what a membership says about its holder at one resource."""

    at: Resource
    membership: Membership

    @property
    def role(self) -> Role:
        return self.membership.overrides[self.at.id]


class Standing:
    """One person in one estate. What was worked out is kept, so that thousands of roles cost little more than one."""

    __slots__ = ("_given", "_held", "_mine", "_named", "_over", "_reached", "_roles", "estate", "everywhere", "person")

    def __init__(self, estate: Estate, person: Person, *, overrides: bool = True) -> None:
        """Without `overrides`, as their spaces and shares alone say."""
        self.estate, self.person = estate, person
        self.everywhere = _everywhere(person)
        """The role of those for whom no place matters: admins, and who is not active."""
        self._named = (
            {at for held in person.memberships.values() for at in held.overrides} if overrides else frozenset()
        )
        self._reached = estate.reached
        self._mine = estate.everyone.union(person.memberships)
        self._held: dict[str, Role] = {}
        self._over: dict[str, Role] = {}
        self._given: dict[str, Role] = {}
        self._roles: dict[str, Role] = {}

    def role(self, resource: Resource) -> Role:
        """How far this person may go on a resource.

        What says nothing of its own, by owner, override, share or folder, is as what it lies in.
        """
        if self.everywhere is not None:
            return self.everywhere
        role = self._roles.get(resource.id)
        return self._found(resource) if role is None else role

    def roles(self, places: Iterable[Listed]) -> Iterator[tuple[Listed, Role]]:
        """The same of many places, spaces among them: where all is as in what lies above, nothing else is looked at."""
        if self.everywhere is not None:
            yield from zip(places, repeat(self.everywhere))
            return
        known, named, reached = self._roles, self._named, self._reached
        for place in places:
            if isinstance(place, Space):
                yield place, self.role_over(place)
                continue
            role = known.get(place.id)
            if role is None and place.owner is None and place.id not in named and place.id not in reached:
                role = known.get(place.parent or "")
            yield place, self._found(place) if role is None else role

    def role_over(self, space: Space) -> Role:
        """How far this person may go in a space: as its member, or as an owner of a space above."""
        if self.everywhere is not None:
            return self.everywhere
        role = self._over.get(space.id)
        if role is None:
            role = self._over[space.id] = max(self.role_in(space), self._from_above(space))
        return role

    def role_in(self, space: Space) -> Role:
        """The role held as a member of a space; in `everyone` all are members without a row."""
        role = self._held.get(space.id)
        if role is None:
            role = self._held[space.id] = self._as_member(space)
        return role

    def words(self, resource: Resource) -> Iterator[Word]:
        """The overrides that are heard at a resource, nearest first: those of the owner's lineage, none of it suspended."""
        if self._named.isdisjoint(at.id for at in self.estate.path(resource)):
            return
        owner = self.estate.owner(resource)
        lineage = self.estate.lineage(owner) if owner else ()
        heard = [
            held
            for space in lineage
            if (held := self.person.memberships.get(space.id)) and held.overrides and is_active(self.estate, space)
        ]
        for at in self.estate.path(resource):
            yield from (Word(at, held) for held in heard if at.id in held.overrides)

    def override(self, resource: Resource) -> Role | None:
        """The nearest explicit word about this person; it beats all else, and may raise, lower or be NONE."""
        for _, said in groupby(self.words(resource), key=lambda word: word.at.id):
            return max(word.role for word in said)
        return None

    def given(self, grant: Grant) -> Role:
        """What a share gives this person: the role held in the space it is shared with, up to its ceiling."""
        space = self.estate.spaces.get(grant.space)
        return min(grant.role, self.role_in(space)) if space else Role.NONE

    def _found(self, resource: Resource) -> Role:
        """The role of the nearest on the way up that says something of its own, or is known already."""
        at, role, passed = resource, None, [resource.id]
        while role is None and (above := self._above_if_alike(at)) is not None:
            at, role = above, self._roles.get(above.id)
            passed.append(at.id)
        if role is None:
            role = self._weighed(at)
        for id_ in passed:
            self._roles[id_] = role
        return role

    def _above_if_alike(self, resource: Resource) -> Resource | None:
        parent, id_ = resource.parent, resource.id
        if parent is None or resource.owner is not None or id_ in self._named or id_ in self._reached:
            return None
        return self.estate.resources.get(parent)

    def _weighed(self, resource: Resource) -> Role:
        if self._named and (override := self.override(resource)) is not None:
            return override
        owner = self.estate.owner(resource)
        over = self.role_over(owner) if owner else _NONE
        return max([over, *map(self._shared, targets(self.estate, resource))])

    def _shared(self, target: Resource) -> Role:
        """The best of the shares of one target."""
        best = self._given.get(target.id)
        if best is None:
            shared = self.estate.shares_by_space[target.id]
            near = (shared[space] for space in self._mine if space in shared)
            best = self._given[target.id] = max(map(self.given, near), default=_NONE)
        return best

    def _as_member(self, space: Space) -> Role:
        if space.kind is SpaceKind.EVERYONE:
            return self._as_anybody()
        held = self.person.memberships.get(space.id)
        return held.role if held and is_active(self.estate, space) else Role.NONE

    def _as_anybody(self) -> Role:
        settings, spaces = self.estate.settings, self.estate.spaces
        if settings.disable_all_users:
            return Role.NONE
        if settings.tenant_mode:  # canned content is read-only
            return Role.DASHBOARD
        real = (spaces[id_] for id_ in self.person.memberships if id_ in spaces and id_ not in self.estate.everyone)
        held = (self.role_in(space) for space in real)
        return max(Role.DASHBOARD, min(Role.MEMBER, max(held, default=Role.NONE)))

    def _from_above(self, space: Space) -> Role:
        _, *above = self.estate.lineage(space)
        return Role.OWNER if any(self.role_in(at) >= Role.OWNER for at in above) else Role.NONE


def is_active(estate: Estate, space: Space) -> bool:
    """Whether neither the space nor one above it is suspended."""
    return all(at.active for at in estate.lineage(space))


def targets(estate: Estate, resource: Resource) -> Sequence[Resource]:
    """What a share must be on to reach a resource: the resource, what it lies in, the folders that hold any of these.

    Only what has shares, and the same owner: a share of a building does not open the office that a customer owns in it.
    """
    shared = [at for at in around(estate, resource) if at.id in estate.shares]
    owner = estate.owner(resource) if shared else None
    return [at for at in shared if estate.owner(at) is owner]


def around(estate: Estate, resource: Resource) -> Iterable[Resource]:
    """A resource, what it lies in, and the folders that hold any of these."""
    found = {at.id: at for at in estate.path(resource)}
    if estate.folders_of:
        holding = [folder for id_ in found for folder in estate.folders_of.get(id_, ())]
        for folder in holding:
            found |= {at.id: at for at in estate.path(folder) if at.kind is ResourceKind.FOLDER}
    return found.values()


def _everywhere(person: Person) -> Role | None:
    if person.user.state is not UserState.ACTIVE or person.user.password_expired:
        return Role.NONE
    return Role.ADMIN if person.user.admin else None
