"""What a body names: found and allowed, or told as a fault of the member that names it.

What does not exist and what whoever acts may not know of read the same; what they know of but may not use is refused.
"""

from proxy.model.access import Permission
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Resource, ResourceKind
from proxy.services.authority import require, resource_at, space_at
from proxy.services.problems import Denied, Invalid, NotThere, Unfit, Wrong
from proxy.services.writer import Moment


def space_named(moment: Moment, field: str, key: str, permission: Permission) -> Space:
    """The space a member of the body names. Raises Invalid, or Denied where the role is too low."""
    try:
        space = space_at(moment.estate, key)
        require(moment, permission, space)
    except (NotThere, Denied) as error:
        raise _told(error, field, "space") from None
    if space.kind is SpaceKind.EVERYONE and moment.estate.settings.disable_all_users:
        raise switched_off(field)
    return space


def resource_named(
    moment: Moment, field: str, key: str, permission: Permission, kind: ResourceKind | None = None
) -> Resource:
    """The resource a member of the body names. Raises Invalid, or Denied where the role is too low."""
    try:
        resource = resource_at(moment.estate, key, kind)
        require(moment, permission, resource)
    except (NotThere, Denied) as error:
        raise _told(error, field, kind or "resource") from None
    return resource


def unknown(field: str, what: str) -> Invalid:
    """The fault of a member that names nothing."""
    return Invalid(
        Wrong(field=field, message=f"names no {what} that is there", remedy="Take an id or address from the lists.")
    )


def switched_off(field: str) -> Unfit:
    """The fault of a member that names everyone while that space is switched off."""
    message = "is the space of everyone, which the setting disable_all_users switches off"
    return Unfit(
        Wrong(field=field, message=message, remedy="Name a team, customer or group.", code="all_users_disabled")
    )


def _told(error: NotThere | Denied, field: str, what: str) -> Invalid | Denied:
    if isinstance(error, Denied) and error.decision.status != 404:
        return error
    return unknown(field, what)
