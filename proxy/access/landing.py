"""Which dashboard somebody sees first: their own, else their customer's, else their team's. Pure."""

from collections.abc import Iterator
from typing import Final

from proxy.access.decide import Sight
from proxy.access.standing import is_active
from proxy.model.access import Permission
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, PageSettings, Resource, ResourceKind
from proxy.model.identity import Actor, Person

OPENED: Final = frozenset({ResourceKind.INSTANCE, ResourceKind.PAGE})
"""What a dashboard can be opened of."""


def landing(estate: Estate, person: Person) -> Resource | None:
    """The instance or page that somebody comes to first, which they may open; None where nothing is said, or none of it
    is theirs to open any more."""
    sight = Sight(estate, Actor(person=person), now=0.0)
    wanted = (found for id_ in _wanted(estate, person) if (found := estate.resources.get(id_)) is not None)
    return next((each for each in wanted if opens(sight, each)), None)


def opens(sight: Sight, resource: Resource) -> bool:
    """Whether somebody may open the dashboard of this."""
    shown = resource.kind is not ResourceKind.PAGE or bool(PageSettings.of(resource).match)  # not endpoints alone
    return resource.kind in OPENED and shown and sight.entitled(Permission.DASHBOARD_LIST, resource)


def _wanted(estate: Estate, person: Person) -> Iterator[str]:
    """Ids, in the order in which they count."""
    if person.user.default_dashboard is not None:
        yield person.user.default_dashboard
    for space in _spaces(estate, person):
        if space.home_dashboard is not None:
            yield space.home_dashboard


def _spaces(estate: Estate, person: Person) -> list[Space]:
    """The spaces somebody is in and those above, the lowest first, teams last."""
    mine = (estate.spaces[id_] for id_ in person.memberships if id_ in estate.spaces)
    depths = {
        at.id: (at, _depth(estate, at)) for each in mine if is_active(estate, each) for at in estate.lineage(each)
    }
    found = sorted(depths.values(), key=lambda each: (each[0].kind is SpaceKind.TEAM, -each[1], each[0].slug))
    return [space for space, _ in found]


def _depth(estate: Estate, space: Space) -> int:
    return sum(1 for _ in estate.lineage(space))
