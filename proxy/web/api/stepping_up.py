"""What a session changes or makes about instances that ask for a second factor: nothing, before it has proved one.

Else whoever has a session, and no more, would switch that off, or make a token, which is never asked.
"""

from typing import Final

from proxy.access.visible import visible
from proxy.model.access import Permission, Reason
from proxy.model.estate import Resource, ResourceKind
from proxy.web.api.callers import SAFE
from proxy.web.api.operation import Call, Operation
from proxy.web.api.refusing import Stop

_MAKES_TOKENS: Final = frozenset({Permission.SELF_TOKENS, Permission.SPACE_TOKENS})


def refuse_short_of_it(operation: Operation, call: Call) -> None:
    """Raises Stop."""
    session = call.moment.actor.session
    if session is None or session.factor > 0 or operation.method in SAFE:
        return
    if _asks(call.place) or (operation.permission in _MAKES_TOKENS and _reaches_one(call)):
        detail = "Prove a second factor first, as an instance asks for it: POST /-/api/v1/me/mfa/prove."
        raise Stop(401, Reason.SECOND_FACTOR_REQUIRED, detail)


def _asks(place: object) -> bool:
    return isinstance(place, Resource) and place.instance is not None and place.instance.second_factor


def _reaches_one(call: Call) -> bool:
    """Whether there is such an instance among those that a token of theirs would open."""
    estate, actor = call.moment.estate, call.moment.actor
    if not any(_asks(each) for each in estate.by_kind[ResourceKind.INSTANCE]):
        return False
    found = visible(estate, actor, ResourceKind.INSTANCE, Permission.DASHBOARD_LIST, now=call.moment.now)
    return any(_asks(each) for each in found)
