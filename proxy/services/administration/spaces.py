"""Teams, customers and groups: making, renaming, suspending and deleting them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from config.schema import Settings
from proxy.access.decide import Sight, acting, space_role
from proxy.access.directory import spaces_known
from proxy.model.access import Decision, Permission, Reason, Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Grant, Resource
from proxy.model.identity import Membership, User, UserKind
from proxy.services.administration.closing import Closing, closed, closing
from proxy.services.administration.references import space_named
from proxy.services.administration.slugs import bestowed, refuse_named
from proxy.services.audit import changes
from proxy.services.authority import refuse_declared, require, space_at, told
from proxy.services.problems import Denied, Exists, Invalid, NotPossible, Wrong
from proxy.services.token_changes import MOST_ACCOUNTS
from proxy.services.writer import Moment, Step
from proxy.store import Edit, PeopleQuery, PutPerson, Remove

CREATE: Final[Mapping[SpaceKind, Permission]] = MappingProxyType(
    {
        SpaceKind.TEAM: Permission.SPACE_CREATE,
        SpaceKind.CUSTOMER: Permission.CUSTOMER_CREATE,
        SpaceKind.GROUP: Permission.GROUP_MANAGE,
        SpaceKind.EVERYONE: Permission.PLATFORM_SETTINGS_EDIT,
    }
)
TOPS: Final = frozenset({SpaceKind.TEAM, SpaceKind.EVERYONE})
"""What lies below nothing."""
ABOVE: Final = frozenset({SpaceKind.TEAM, SpaceKind.CUSTOMER})
"""What customers and groups may lie below."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What stands in a space, and what would become of it."""

    spaces: Sequence[Space]
    resources: Sequence[Resource]
    accounts: Sequence[User]
    """Service accounts."""
    members: int
    """People who would be members no longer."""
    ended: Sequence[Grant]
    """Shares that would end."""
    closing: Closing | None = None
    """Of a customer, what would become of all that; anything else is deleted only when nothing stands in it."""

    @property
    def in_the_way(self) -> bool:
        """Whether something keeps it from being deleted."""
        kept = self.closing is None and (self.resources or self.accounts)
        return bool(self.spaces or kept)


async def create(
    moment: Moment,
    *,
    id_: str,
    kind: SpaceKind,
    slug: str,
    title: str = "",
    parent: str | None = None,
    details: Mapping[str, object] = MappingProxyType({}),
    labels: frozenset[str] = frozenset(),
) -> Step[Space]:
    """A new space; `parent` is the id or slug of the one above. Who makes a team becomes its owner.

    What is made below a customer by whoever does not own the team bears the customer's slug behind the one asked for.
    """
    above = _above(moment, kind, parent)
    if above is None:
        require(moment, CREATE[kind], None)
    made = Space(
        id=id_,
        kind=kind,
        slug=bestowed(moment, slug, above),
        title=title,
        parent=above.id if above else None,
        details=details,
        labels=labels,
    )
    _refuse_taken(moment, made)
    edits = [made, *(_founder(moment, made) if kind is SpaceKind.TEAM else ())]
    body = {"name": made.slug, "title": made.title, "kind": kind.value}
    return Step(result=made, edits=edits, events=[told(moment, f"{kind}.created", made, body=body)])


async def update(
    moment: Moment,
    settings: Settings,
    key: str,
    *,
    slug: str | None = None,
    title: str | None = None,
    active: bool | None = None,
    details: Mapping[str, object] | None = None,
    labels: frozenset[str] | None = None,
) -> Step[Space]:
    """Rename, suspend or let in again; None leaves as it is.

    Only who may still lift a suspension may make one: an owner of the space above, and of teams an admin. Another slug takes
    the same, and a fresh proof: what the configuration says of a space goes by it.
    """
    space = space_at(moment.estate, key)
    require(moment, Permission.CUSTOMER_EDIT if space.kind is SpaceKind.CUSTOMER else Permission.SPACE_EDIT, space)
    _require_group(moment, space)
    _refuse_everyone(space)
    after = replace(
        space,
        slug=_slug_after(moment, space, slug),
        title=space.title if title is None else title,
        active=space.active if active is None else active,
        details=space.details if details is None else details,
        labels=space.labels if labels is None else labels,
    )
    if after == space:
        return Step(result=space)
    refuse_declared(space, f"The {space.kind} {space.slug}")
    if after.active is not space.active:
        _require_above(moment, space, Permission.SPACE_EDIT)
    if after.slug != space.slug:
        require(moment, Permission.SPACE_SLUG, space)
        _require_above(moment, space, Permission.SPACE_SLUG)
        refuse_named(settings, space.slug)
    _refuse_taken(moment, after)
    verb = "suspended" if space.active and not after.active else "updated"
    event = told(moment, f"{space.kind}.{verb}", space, updates=changes(space, after))
    return Step(result=after, edits=[after], events=[event])


async def contents(moment: Moment, key: str) -> Contents:
    """What deleting a space would meet."""
    return await _contents(moment, _deletable(moment, key))


async def delete(moment: Moment, key: str) -> Step[None]:
    """Delete a space in which nothing stands any more; its members are members no longer.

    A customer is closed: what it owns goes back to the space above, its own people are deleted.
    """
    space = _deletable(moment, key)
    refuse_declared(space, f"The {space.kind} {space.slug}")
    inside = await _contents(moment, space)
    if inside.in_the_way:
        raise _not_empty(space, inside)
    if inside.closing is not None:
        return closed(moment, space, inside.closing)
    body = {"name": space.slug, "title": space.title, "members": inside.members}
    event = told(moment, f"{space.kind}.deleted", space, body=body)
    return Step(result=None, edits=[Remove(kind=Space, id=space.id)], events=[event])


def _not_empty(space: Space, inside: Contents) -> NotPossible:
    names = [each.slug for each in inside.spaces]
    if inside.closing is None:
        names += [each.slug for each in inside.resources]
        names += [f"the service account {each.username}" for each in inside.accounts]
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return NotPossible("not_empty", f"{space.slug} still holds {shown}. Move or delete that first.")


def _deletable(moment: Moment, key: str) -> Space:
    """A space that whoever acts may delete. What a customer has goes back above, so it takes an owner there."""
    space = space_at(moment.estate, key)
    require(moment, Permission.CUSTOMER_DELETE if space.kind is SpaceKind.CUSTOMER else Permission.SPACE_DELETE, space)
    if space.kind is SpaceKind.CUSTOMER:
        _require_above(moment, space, Permission.CUSTOMER_DELETE)
    _require_group(moment, space)
    _refuse_everyone(space)
    return space


def _require_group(moment: Moment, space: Space) -> None:
    """A group is managed from the space above it."""
    if space.kind is SpaceKind.GROUP:
        require(moment, Permission.GROUP_MANAGE, moment.estate.spaces.get(space.parent or ""))


def _above(moment: Moment, kind: SpaceKind, parent: str | None) -> Space | None:
    """The space that a new one lies below; whoever acts may make one there."""
    if kind in TOPS:
        if parent is not None:
            called = "a team" if kind is SpaceKind.TEAM else "the space of everyone"
            raise Invalid(Wrong(field="parent", message=f"must be absent: {called} lies below no other space"))
        return None
    if parent is None:
        remedy = "Name the team or customer it belongs to."
        raise Invalid(
            Wrong(field="parent", message=f"is missing: a {kind} lies below a team or customer", remedy=remedy)
        )
    above = space_named(moment, "parent", parent, CREATE[kind])
    if above.kind not in ABOVE:
        message = f"must be a team or customer, but {above.slug} is a {above.kind}"
        raise Invalid(Wrong(field="parent", message=message, remedy="Name the space above that."))
    return above


def _slug_after(moment: Moment, space: Space, slug: str | None) -> str:
    return (
        space.slug
        if slug in {None, space.slug}
        else bestowed(moment, slug, moment.estate.spaces.get(space.parent or ""))
    )


def _refuse_taken(moment: Moment, space: Space) -> None:
    """Slugs are unique everywhere; what customers and groups are called, in the space above, as far as whoever acts knows
    of those beside: nobody is told what others are called. Of everyone there is one.
    """
    estate = moment.estate
    if space.kind is SpaceKind.EVERYONE and not estate.everyone <= {space.id}:
        raise Exists("kind", space.kind)
    if any(each.slug == space.slug and each.id != space.id for each in estate.spaces.values()):
        raise Exists("slug", space.slug)
    beside = estate.spaces_below.get(space.parent, ()) if space.parent else ()
    called = _called(space)
    alike = (each for each in beside if _called(each) == called and each.id != space.id)
    if any(_known(moment, each) for each in alike):
        raise Exists("title", space.title or space.slug)


def _known(moment: Moment, space: Space) -> bool:
    known = spaces_known(moment.estate, moment.actor)
    sight = Sight(moment.estate, moment.actor, now=moment.now)
    return known is None or space.id in known or sight.entitled(Permission.SPACE_READ, space)


def _called(space: Space) -> str:
    return (space.title or space.slug).strip().casefold()


def _founder(moment: Moment, team: Space) -> Sequence[Edit]:
    """Whoever makes a team owns it; a person whom a file declares cannot be made a member here, and an admin need not."""
    person = moment.actor.person
    if person.user.declared is not None and person.user.admin:
        return ()
    refuse_declared(person.user, f"The user {person.user.username}")
    held = {**person.memberships, team.id: Membership(space=team.id, role=Role.OWNER)}
    return (PutPerson(person=replace(person, memberships=held)),)


def _require_above(moment: Moment, space: Space, permission: Permission) -> None:
    """Raises Denied for whoever would shut themselves out."""
    person = acting(moment.actor.person, moment.actor.token)
    above = moment.estate.spaces.get(space.parent or "")
    role = space_role(moment.estate, person, above) if above else Role.NONE
    if not person.user.admin and role < Role.OWNER:
        refused = Decision(allowed=False, reason=Reason.ROLE_TOO_LOW, role=role, status=403)
        raise Denied(refused, permission, space)


def _refuse_everyone(space: Space) -> None:
    if space.kind is SpaceKind.EVERYONE:
        detail = "The space of everyone is part of the gateway. Switch it off by the setting disable_all_users."
        raise NotPossible("built_in", detail)


async def _contents(moment: Moment, space: Space) -> Contents:
    estate = moment.estate
    query = PeopleQuery(spaces=frozenset({space.id}), kind=UserKind.SERVICE, limit=MOST_ACCOUNTS)
    accounts = await moment.database.search(query)
    closing_ = await closing(moment, space) if space.kind is SpaceKind.CUSTOMER else None
    return Contents(
        spaces=estate.spaces_below.get(space.id, ()),
        resources=[each for each in estate.resources.values() if each.owner == space.id],
        accounts=[account.user for account in accounts.items],
        members=await moment.database.count_members(space.id),
        ended=closing_.ended if closing_ else [grant for grant in estate.grants if grant.space == space.id],
        closing=closing_,
    )
