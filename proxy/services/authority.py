"""What every change through the API begins and ends with: finding the place, asking for permission, telling of it."""

from collections.abc import Collection, Mapping

from proxy.access.decide import Place, decide
from proxy.access.visible import actions
from proxy.model.access import Decision, Permission, Write
from proxy.model.audit import Event, Update
from proxy.model.directory import Space
from proxy.model.estate import Estate, Grant, Resource, ResourceKind
from proxy.model.identity import User
from proxy.services import audit
from proxy.services.problems import DeclaredInFile, Denied, NotThere
from proxy.services.writer import Moment, Occasion


def require(moment: Moment, permission: Permission, place: Place, *, write: Write | None = None) -> Decision:
    """The decision that allows it. Raises Denied, whose decision says whether that is a 403 or a 404."""
    decision = decide(moment.estate, moment.actor, permission, place, now=moment.now, write=write)
    if not decision.allowed:
        raise Denied(decision, permission, place)
    return decision


def offered(moment: Moment, place: Place, among: Collection[Permission] = tuple(Permission)) -> tuple[str, ...]:
    """Which of these permissions whoever acts has at a place: what an item carries as its actions."""
    found = actions(moment.estate, moment.actor, place, now=moment.now)
    return tuple(permission.value for permission in found if permission in among)


def space_at(estate: Estate, key: str) -> Space:
    """A space by its id or slug. Raises NotThere."""
    found = estate.spaces.get(key) or next((space for space in estate.spaces.values() if space.slug == key), None)
    if found is None:
        raise NotThere(key)
    return found


def resource_at(estate: Estate, key: str, kind: ResourceKind | None = None) -> Resource:
    """A resource by its id or its address, such as acme/plant/line-3. Raises NotThere, also for one of another kind."""
    found = estate.resources.get(key) or _at_address(estate, key)
    if found is None or (kind is not None and found.kind is not kind):
        raise NotThere(key)
    return found


def _at_address(estate: Estate, address: str) -> Resource | None:
    slug, *way = address.split("/")
    if not way:
        return None
    space = next((space for space in estate.spaces.values() if space.slug == slug), None)
    if space is None:
        return None
    tops = (each for each in estate.resources.values() if each.parent is None and each.owner == space.id)
    at = next((each for each in tops if each.slug == way[0]), None)
    for name in way[1:]:
        at = next((each for each in estate.children.get(at.id, ()) if each.slug == name), None) if at else None
    return at


def refuse_declared(thing: User | Space | Resource | Grant, what: str) -> None:
    """Raises DeclaredInFile for what an estate file keeps up; `what` is its name for people."""
    if thing.declared is not None:
        raise DeclaredInFile(what, thing.declared)


def refuse_stated(user: User, fact: str, what: str) -> None:
    """Raises DeclaredInFile for what the file that declares a user states of them, by its name in `User.stated`."""
    if user.declared is not None and fact in user.stated:
        raise DeclaredInFile(what, user.declared)


def told(
    moment: Occasion,
    event: str,
    on: Place | User = None,
    *,
    user: str | None = None,
    updates: tuple[Update, ...] = (),
    body: Mapping[str, object] = audit.NOTHING,
    error: str = "",
) -> Event:
    """The event of something done by who acts, at a place or to a user; `user` is whom it was done to."""
    return audit.happened(
        event,
        at=moment.now,
        by=moment.by,
        on=audit.on(moment.estate, on),
        user=on.id if isinstance(on, User) and user is None else user,
        error=error,
        updates=updates,
        body=body,
    )
