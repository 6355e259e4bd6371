"""Of whom a person may know: what every list, picker and name of users and spaces goes through. Pure."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final

from proxy.access.decide import Sight, acting, in_scope
from proxy.access.standing import Standing, is_active
from proxy.model.access import Permission, Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Resource
from proxy.model.identity import Actor, Person

FOREIGN: Final = "another organisation"
"""How somebody or something is called of whom one may not know."""

_SHARED: frozenset[SpaceKind] = frozenset({SpaceKind.CUSTOMER, SpaceKind.GROUP})
"""The kinds of space whose people know each other in tenant mode."""


def spaces_known(estate: Estate, actor: Actor) -> frozenset[str] | None:
    """Ids of the spaces whose members who acts may know of; None for everybody. Everyone knows of themselves besides.

    Usually the whole tree of one's teams. In tenant mode the customers and groups one is in, and for owners their space
    and all below it. A token that is limited to spaces knows of their people alone.
    """
    standing = Standing(estate, acting(actor.person, actor.token))
    limited = actor.token is not None and actor.token.spaces is not None
    if standing.everywhere is Role.ADMIN and not limited:
        return None
    found = _known(standing)
    return frozenset(space.id for space in found if in_scope(estate, actor.token, space))


def knows(estate: Estate, actor: Actor, other: Person) -> bool:
    """Whether who acts may know of a person; if not, that person is as unknown as one who never was."""
    spaces = spaces_known(estate, actor)
    return spaces is None or other.user.id == actor.user_id or not spaces.isdisjoint(other.memberships)


class Names:
    """What places are called before one person: where tenants may not know of each other, only what is theirs to know."""

    def __init__(self, sight: Sight, *, all_: bool = False) -> None:
        """`all_`: before whoever runs the gateway, every name is told."""
        self.sight = sight
        tenants = sight.estate.settings.tenant_mode and sight.standing.everywhere is not Role.ADMIN
        self.all_ = all_ or not tenants

    @cached_property
    def _known(self) -> frozenset[str] | None:
        return spaces_known(self.sight.estate, self.sight.actor)

    def knows(self, space: Space | None) -> bool:
        """Whether a space may be named."""
        if self.all_ or space is None:
            return self.all_
        known = self._known
        return known is None or space.id in known or self.sight.entitled(Permission.SPACE_READ, space)

    def reaches(self, resource: Resource | None) -> bool:
        """Whether a resource may be named."""
        return self.all_ or (resource is not None and self.sight.standing.role(resource) > Role.NONE)

    def space(self, space: Space) -> str:
        """Its slug, or FOREIGN."""
        return space.slug if self.knows(space) else FOREIGN

    def place(self, resource: Resource) -> str:
        """Its path, or FOREIGN."""
        return self.address(resource) or FOREIGN

    def address(self, resource: Resource) -> str | None:
        """The path of a resource; None where somebody else's name is in it."""
        estate = self.sight.estate
        way = list(estate.path(resource))
        if self.knows(estate.spaces.get(way[-1].owner or "")) and all(map(self.reaches, way)):
            return estate.address(resource)
        return None


def _known(standing: Standing) -> Iterable[Space]:
    estate = standing.estate
    if standing.everywhere is not None:
        return estate.spaces.values() if standing.everywhere is Role.ADMIN else ()
    mine = [space for id_ in standing.person.memberships if (space := estate.spaces.get(id_))]
    active = [space for space in mine if is_active(estate, space)]
    if not estate.settings.tenant_mode:
        return _with_all_below(estate, (top for space in active for *_, top in [estate.lineage(space)]))
    owned = (space for space in active if standing.role_in(space) >= Role.OWNER)
    return [*(space for space in active if space.kind in _SHARED), *_with_all_below(estate, owned)]


def _with_all_below(estate: Estate, spaces: Iterable[Space]) -> Iterator[Space]:
    """Spaces and all below them, each once."""
    waiting, seen = list(spaces), set[str]()
    while waiting:
        space = waiting.pop()
        if space.id not in seen:
            seen.add(space.id)
            waiting += estate.spaces_below.get(space.id, ())
            yield space
