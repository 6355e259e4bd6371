"""Whose looks a page has: before anybody has logged in those of the host, then those of the visitor's organisation."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final

from proxy.model.directory import Branding, Space, SpaceKind
from proxy.model.estate import Estate, Resource
from proxy.model.identity import Person


class Part(StrEnum):
    """What of the gateway's pages an organisation may hide from its people.

    It is out of sight, not out of reach: what somebody may do is decided by roles.
    """

    EDITOR = "editor"
    """The way to an instance's editor."""
    ADDRESSES = "addresses"
    """Where an instance stands, such as acme/plant/line-3."""
    ROLES = "roles"
    """One's own role on an instance."""
    SECURITY = "security"
    """The way to one's second factors, sessions and password."""
    SESSIONS = "sessions"
    """The way to one's sessions alone."""
    FORGOT = "forgot"
    """The way to a new password."""
    SIGN_UP = "sign_up"
    """The way to a new account."""
    ADMIN_LOGIN = "admin_login"
    """The way to the login for admins."""


_RANKS: Final = (SpaceKind.CUSTOMER, SpaceKind.GROUP, SpaceKind.TEAM)
"""Whose looks go first, for somebody who is a member of several spaces."""


def at_host(estate: Estate, host: str, instances: Sequence[Resource] = ()) -> Branding:
    """How pages look for whoever comes to a host; `instances` are those on it that they may be going to.

    The space that names the host as its own goes first, of several the lowest, then the owner of the instance, where all have the same one, then
    the platform.
    """
    owners = list({owner.id: owner for each in instances if (owner := estate.owner(each)) is not None}.values())
    named = [space for space in estate.branded_hosts.get(host, ()) if at_home_there(estate, space, owners)]
    if named:
        return composed(estate, max(named, key=lambda space: len(list(estate.lineage(space)))))
    return composed(estate, owners[0] if len(owners) == 1 else None)


def at_home_there(estate: Estate, space: Space, owners: Iterable[Space]) -> bool:
    """Whether a host whose instances have these owners can be the space's own: one of another space's never is."""
    return all(space in estate.lineage(owner) for owner in owners)


def of_person(estate: Estate, person: Person) -> Branding:
    """How pages look for somebody who is logged in: as for their customer, else a group that has looks of its own, else
    their team; of several of one kind, the first by name.
    """
    spaces = [space for key in person.memberships if (space := estate.spaces.get(key)) is not None]
    counted = [
        space
        for space in spaces
        if space.kind in _RANKS and (space.kind is not SpaceKind.GROUP or space.branding is not None)
    ]
    counted.sort(key=lambda space: (_RANKS.index(space.kind), space.slug))
    return composed(estate, counted[0] if counted else None)


def composed(estate: Estate, space: Space | None) -> Branding:
    """The looks of a space: each part its own or, where it has none, that of the nearest space above, then the platform's."""
    layers = list(_layers(estate, space))
    return Branding(
        product=_first(layer.product for layer in layers),
        logo=_first(layer.logo for layer in layers),
        favicon=_first(layer.favicon for layer in layers),
        accent=_first(layer.accent for layer in layers),
        background=_first(layer.background for layer in layers),
        ways_in=next((layer.ways_in for layer in layers if layer.ways_in), ()),
        hidden=next((layer.hidden for layer in layers if layer.hidden), frozenset()),
    )


def _first(said: Iterable[str]) -> str:
    return next(filter(None, said), "")


def _layers(estate: Estate, space: Space | None) -> Iterator[Branding]:
    for at in estate.lineage(space) if space else ():
        if at.branding is not None:
            yield at.branding
    yield estate.settings.branding


def acquainted(estate: Estate, person: Person, owner: Space | None) -> bool:
    """Whether somebody's organisation has to do with a space: theirs is that one, one above it or one below it.

    Others learn of the space's instances nothing but that they may not enter.
    """
    if person.user.admin or owner is None:
        return True
    own = [space for key in person.memberships if (space := estate.spaces.get(key)) is not None]
    above = {space.id for space in estate.lineage(owner)}
    return any(space.id in above or owner in estate.lineage(space) for space in own)
