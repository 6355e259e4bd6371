"""The permission algorithm: which role a person has, and whether who acts may do something. Pure.

The only place where roles are computed: inactive, then admin, then the nearest override, then the best of the own space, the
owner of a space above, and shares.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from proxy.access.catalogue import CATALOGUE, On, Rule
from proxy.model.access import Decision, Permission, Reason, Role, Write
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Grant, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Actor, Person, Token, UserState

PROOF_LASTS: Final = 600.0
"""Seconds for which a proof of who one is opens what asks for one."""
PROTECTED: Final = frozenset({Write.DEPLOY, Write.TRIGGER, Write.OTHER})
"""The writes that nobody makes to a protected instance."""

Place = Resource | Space | None
"""What a permission is asked about: a resource, a space, or the platform and oneself."""


def effective_role(estate: Estate, person: Person, resource: Resource, *, overrides: bool = True) -> Role:
    """How far this person may go on this resource; without `overrides` as their spaces and shares alone say."""
    if person.user.state is not UserState.ACTIVE:
        return Role.NONE
    if person.user.admin:
        return Role.ADMIN
    way = tuple(estate.path(resource))
    owner = estate.owner(resource)
    lineage = tuple(estate.lineage(owner)) if owner else ()
    override = _nearest_override(estate, person, way, lineage) if overrides else None
    if override is not None:
        return override
    direct = role_in(estate, person, owner) if owner else Role.NONE
    return max(direct, _above(estate, person, lineage), _shared(estate, person, way, owner))


def role_in(estate: Estate, person: Person, space: Space) -> Role:
    """The role a person holds as a member of a space; in `everyone` all are members without a row."""
    if space.kind is SpaceKind.EVERYONE:
        return _role_in_everyone(estate, person)
    if not is_active(estate, space):
        return Role.NONE
    membership = person.memberships.get(space.id)
    return membership.role if membership else Role.NONE


def space_role(estate: Estate, person: Person, space: Space) -> Role:
    """How far a person may go in a space itself: as its member, or as an owner of a space above."""
    if person.user.state is not UserState.ACTIVE:
        return Role.NONE
    if person.user.admin:
        return Role.ADMIN
    return max(role_in(estate, person, space), _above(estate, person, tuple(estate.lineage(space))))


def covers(estate: Estate, grant: Grant, resource: Resource) -> bool:
    """Whether a share reaches a resource: its target and what lies below it, but never a separately owned child."""
    way = tuple(estate.path(resource))
    return any(each is grant for each in _reaching(estate, way, estate.owner(resource)))


def decide(
    estate: Estate, actor: Actor, permission: Permission, place: Place, *, now: float, write: Write | None = None
) -> Decision:
    """Whether who acts may do this here. `now` is seconds since the epoch; `write` the class of a write to an instance.

    Whoever must not even know of the place is refused with 404, anybody else with 403.
    """
    rule = CATALOGUE[permission]
    role = _role(estate, actor, rule, place)
    stopped = _token_limits(estate, actor.token, permission, rule, place, role, now)
    if stopped is not None:
        return stopped
    reason = _lacking(estate.settings, permission, rule, place, role, write)
    if reason is None:
        reason = _proof_missing(actor, rule, now)
        return _refused(reason, 403, role) if reason else Decision(allowed=True, reason=Reason.ROLE, role=role)
    if reason in {Reason.NO_ACCESS, Reason.ROLE_TOO_LOW} and is_hidden(estate, actor.person, place):
        return _refused(Reason.NOT_FOUND, 404, role)
    return _refused(reason, 403, role)


def acting(person: Person, token: Token | None) -> Person:
    """The person as far as a token speaks for them: without being an admin, unless it says so."""
    if token is None or token.admin or not person.user.admin:
        return person
    return replace(person, user=replace(person.user, admin=False))


def is_hidden(estate: Estate, person: Person, place: Place) -> bool:
    """Whether a refusal must not say that the place exists."""
    if place is None:
        return False
    if person.user.state is not UserState.ACTIVE:
        return True
    if isinstance(place, Space):
        return space_role(estate, person, place) is Role.NONE and place.id not in person.memberships
    if effective_role(estate, person, place) is not Role.NONE:
        return False
    way = [at.id for at in estate.path(place)]
    named = any(at in membership.overrides for membership in person.memberships.values() for at in way)
    owner = estate.owner(place)
    belongs = owner is not None and owner.id in person.memberships
    if estate.settings.tenant_mode and owner is not None and not belongs:
        return True
    return not named and not belongs


def in_scope(estate: Estate, token: Token | None, place: Place) -> bool:
    """Whether a token that is limited to some spaces reaches a place."""
    if token is None or token.spaces is None or place is None:
        return True
    space = place if isinstance(place, Space) else estate.owner(place)
    return space is not None and any(at.id in token.spaces for at in estate.lineage(space))


def is_active(estate: Estate, space: Space) -> bool:
    """Whether neither the space nor one above it is suspended."""
    return all(at.active for at in estate.lineage(space))


def _role(estate: Estate, actor: Actor, rule: Rule, place: Place) -> Role:
    person = acting(actor.person, actor.token)
    match place:
        case Resource():
            return effective_role(estate, person, place, overrides=rule.overrides)
        case Space():
            return space_role(estate, person, place)
        case None:
            if person.user.state is not UserState.ACTIVE:
                return Role.NONE
            return Role.ADMIN if person.user.admin else Role.NONE


def _token_limits(
    estate: Estate, token: Token | None, permission: Permission, rule: Rule, place: Place, role: Role, now: float
) -> Decision | None:
    """What a token may not, whatever its user may."""
    if token is None:
        return None
    if not token.alive(now):
        return _refused(Reason.CREDENTIALS_WRONG, 401)
    if not in_scope(estate, token, place):
        return _refused(Reason.NOT_FOUND, 404)
    reason: Reason | None = None
    if rule.session_only:
        own = permission is Permission.SELF_TOKENS
        reason = Reason.PAT_CANNOT_CREATE_PAT if own else Reason.INTERACTIVE_SESSION_REQUIRED
    elif token.read_only and rule.write:
        reason = Reason.TOKEN_READ_ONLY
    elif token.spaces is not None and rule.on is On.PLATFORM:
        reason = Reason.TOKEN_SCOPE
    return _refused(reason, 403, role) if reason else None


def _lacking(
    settings: PlatformSettings, permission: Permission, rule: Rule, place: Place, role: Role, write: Write | None
) -> Reason | None:
    """Why the role is not enough; None when it is."""
    least = rule.least
    instance = place.instance if isinstance(place, Resource) else None
    if write is Write.DEPLOY and instance is not None:
        least = max(least, instance.min_edit_role)
    if role < least:
        return Reason.NO_ACCESS if role is Role.NONE else Reason.ROLE_TOO_LOW
    if permission in settings.switched_off and role < Role.ADMIN:
        return Reason.SWITCHED_OFF
    if role is Role.ADMIN and rule.data_plane and not _admin_may(settings.admin_data_access, rule):
        return Reason.ADMIN_DATA_ACCESS
    if instance is not None and instance.protected and write in PROTECTED:
        return Reason.PROTECTED_INSTANCE
    return None


def _proof_missing(actor: Actor, rule: Rule, now: float) -> Reason | None:
    if not rule.session_only:
        return None
    if actor.session is None:
        return Reason.INTERACTIVE_SESSION_REQUIRED
    return Reason.REAUTHENTICATION_REQUIRED if now - actor.session.proved > PROOF_LASTS else None


def _admin_may(access: str, rule: Rule) -> bool:
    return access == "full" or (access == "read" and not rule.write)


def _refused(reason: Reason, status: int, role: Role = Role.NONE) -> Decision:
    return Decision(allowed=False, reason=reason, role=role, status=status)


def _role_in_everyone(estate: Estate, person: Person) -> Role:
    if estate.settings.disable_all_users:
        return Role.NONE
    if estate.settings.tenant_mode:  # canned content is read-only
        return Role.DASHBOARD
    roles = (
        membership.role
        for membership in person.memberships.values()
        if (space := estate.spaces.get(membership.space)) and is_active(estate, space)
    )
    return max(Role.DASHBOARD, min(Role.MEMBER, max(roles, default=Role.NONE)))


def _above(estate: Estate, person: Person, lineage: tuple[Space, ...]) -> Role:
    """Ownership flows down the tree through owners alone."""
    owned = any(role_in(estate, person, space) >= Role.OWNER for space in lineage[1:])
    return Role.OWNER if owned else Role.NONE


def _nearest_override(
    estate: Estate, person: Person, way: Iterable[Resource], lineage: tuple[Space, ...]
) -> Role | None:
    """An explicit word about this person beats everything below it: it may raise, lower or be NONE."""
    above = {space.id for space in lineage}
    heard = [
        membership.overrides
        for membership in person.memberships.values()
        if membership.overrides and membership.space in above and is_active(estate, estate.spaces[membership.space])
    ]
    for at in way:
        roles = [overrides[at.id] for overrides in heard if at.id in overrides]
        if roles:
            return max(roles)
    return None


def _shared(estate: Estate, person: Person, way: tuple[Resource, ...], owner: Space | None) -> Role:
    best = Role.NONE
    for grant in _reaching(estate, way, owner):
        space = estate.spaces.get(grant.space)
        if space is not None and grant.role > best:
            best = max(best, min(grant.role, role_in(estate, person, space)))
    return best


def _reaching(estate: Estate, way: tuple[Resource, ...], owner: Space | None) -> Iterator[Grant]:
    """The grants on a resource, on what it lies in, and on the folders that hold any of these, of the same owner."""
    if not estate.shares:
        return
    targets = {at.id: at for at in way}
    for at in way:
        for folder in estate.folders_of.get(at.id, ()):
            targets |= {above.id: above for above in estate.path(folder) if above.kind is ResourceKind.FOLDER}
    for key, target in targets.items():
        found = estate.shares.get(key, ())
        if found and estate.owner(target) == owner:
            yield from found
