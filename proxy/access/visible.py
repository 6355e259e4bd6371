"""What somebody may do something with: the only source of lists, counts, search and pickers. Pure.

What is not seen is left out before anything is counted or cut into pages, so a page is short only if it is the last.
"""

from collections.abc import Sequence
from typing import Final

from proxy.access.catalogue import CATALOGUE, On
from proxy.access.decide import Place, Sight
from proxy.model.access import Permission
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Resource, ResourceKind
from proxy.model.identity import Actor

Position = tuple[str, str]

_IN_ORDER: Final = sorted(CATALOGUE.items())
_ABOUT: Final = {
    kind: tuple(permission for permission, rule in _IN_ORDER if kind in rule.kinds)
    for kind in (*ResourceKind, *SpaceKind)
}
_ELSEWHERE: Final = tuple(permission for permission, rule in _IN_ORDER if rule.on in {On.PLATFORM, On.SELF})


def visible(
    estate: Estate, actor: Actor, kind: ResourceKind, permission: Permission, *, now: float
) -> Sequence[Resource]:
    """The resources of a kind on which who acts has a permission, in the order of their names.

    For a permission that asks for a fresh proof: where it would be given. `now` is seconds since the epoch.
    """
    return visible_in(Sight(estate, actor, now=now), kind, permission)


def visible_in(sight: Sight, kind: ResourceKind, permission: Permission) -> Sequence[Resource]:
    """The same, asked of several kinds one after the other."""
    return list(sight.among(permission, sight.estate.by_kind[kind]))


def visible_spaces(
    estate: Estate, actor: Actor, permission: Permission = Permission.SPACE_READ, *, now: float
) -> Sequence[Space]:
    """The spaces in which who acts has a permission, in the order of their titles.

    That of everyone is not among them while it is switched off: nothing can be put into it or shared with it.
    """
    off = estate.everyone if estate.settings.disable_all_users else frozenset[str]()
    places = (space for space in estate.spaces.values() if space.id not in off)
    return sorted(Sight(estate, actor, now=now).among(permission, places), key=position)


def actions(estate: Estate, actor: Actor, place: Place, *, now: float) -> Sequence[Permission]:
    """What who acts may do at a place, or without one on the platform and with themselves, in alphabetical order.

    A session has also what asks for a fresh proof of who one is; a token has none of that.
    """
    return actions_in(Sight(estate, actor, now=now), place)


def actions_in(sight: Sight, place: Place) -> Sequence[Permission]:
    """The same, asked of many places one after the other."""
    asked = _ELSEWHERE if place is None else _ABOUT[place.kind]
    return [permission for permission in asked if sight.entitled(permission, place)]


def position(listed: Resource | Space) -> Position:
    """Where something stands in lists: by its name, without case, and then by its id."""
    name = listed.name if isinstance(listed, Resource) else listed.title
    return (name or listed.slug).casefold(), listed.id
