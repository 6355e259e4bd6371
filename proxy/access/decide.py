"""The decision: whether who acts may do something somewhere, and if not, why. Pure.

One list of checks, in the order in which they are made. `decide` stops at the first that refuses, `visible` asks them of
many places, `explain` tells what every one of them said.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from proxy.access.catalogue import CATALOGUE, On, Rule
from proxy.access.standing import Listed, Standing
from proxy.model.access import Decision, Permission, Reason, Role, Write
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, InstanceSettings, Resource
from proxy.model.identity import Actor, Person, Token, UserState

PROOF_LASTS: Final = 600.0
"""Seconds for which a proof of who one is opens what asks for one."""
PROTECTED: Final = frozenset({Write.DEPLOY, Write.TRIGGER, Write.OTHER})
"""The writes that nobody makes to a protected instance."""
_CUSTOMERS: Final = frozenset({SpaceKind.CUSTOMER, SpaceKind.GROUP})
_NONE, _ADMIN, _DEPLOY, _ACTIVE = Role.NONE, Role.ADMIN, Write.DEPLOY, UserState.ACTIVE
"""Looking up members of enumerations would take half the time of a decision."""

Place = Resource | Space | None
"""What a permission is asked about: a resource, a space, or the platform and oneself."""


def decide(
    estate: Estate, actor: Actor, permission: Permission, place: Place, *, now: float, write: Write | None = None
) -> Decision:
    """Whether who acts may do this here. `now` is seconds since the epoch; `write` the class of a write to an instance,
    where the request says more than the permission does.

    Whoever must not even know of the place is refused with 404, anybody else with 403.
    """
    return Sight(estate, actor, now=now).decide(permission, place, write)


def effective_role(estate: Estate, person: Person, resource: Resource, *, overrides: bool = True) -> Role:
    """How far this person may go on this resource; without `overrides` as their spaces and shares alone say."""
    return Standing(estate, person, overrides=overrides).role(resource)


def space_role(estate: Estate, person: Person, space: Space) -> Role:
    """How far a person may go in a space itself: as its member, or as an owner of a space above."""
    return Standing(estate, person).role_over(space)


def acting(person: Person, token: Token | None) -> Person:
    """The person as far as a token speaks for them: without being an admin, unless it says so."""
    if token is None or token.admin or not person.user.admin:
        return person
    return replace(person, user=replace(person.user, admin=False))


def in_scope(estate: Estate, token: Token | None, place: Place) -> bool:
    """Whether a token that is limited to some spaces reaches a place."""
    if token is None or token.spaces is None or place is None:
        return True
    space = place if isinstance(place, Space) else estate.owner(place)
    return space is not None and any(at.id in token.spaces for at in estate.lineage(space))


class Sight:
    """Who acts, in one estate at one time. Questions asked of the same one share what was worked out."""

    __slots__ = ("_answered", "_bare", "actor", "estate", "now", "standing")

    def __init__(self, estate: Estate, actor: Actor, *, now: float) -> None:
        self.estate, self.actor, self.now = estate, actor, now
        self.standing = Standing(estate, acting(actor.person, actor.token))
        self._bare: Standing | None = None
        self._answered: dict[Permission, dict[Role, bool]] = {}

    def decide(self, permission: Permission, place: Place, write: Write | None = None) -> Decision:
        case = self.case(permission, place, write)
        for check in CHECKS.values():
            reason = check(case)
            if reason is not None:
                return _refusal(case, reason)
        return Decision(allowed=True, reason=Reason.ROLE, role=case.role)

    def entitled(self, permission: Permission, place: Place) -> bool:
        """Whether it may be done here once who acts has proved who they are, if it asks for that."""
        rule = CATALOGUE[permission]
        role, answers = self._role(rule, place), self._answers(permission, rule)
        may = answers.get(role) if answers is not None else None
        return self._asked(permission, place, answers) if may is None else may

    def among(self, permission: Permission, places: Iterable[Listed]) -> Iterator[Listed]:
        """Those places where it is so."""
        rule = CATALOGUE[permission]
        answers, standing = self._answers(permission, rule), self.standing if rule.overrides else self.bare
        for place, role in standing.roles(places):
            may = answers.get(role) if answers is not None else None
            if self._asked(permission, place, answers) if may is None else may:
                yield place

    def _answers(self, permission: Permission, rule: Rule) -> dict[Role, bool] | None:
        """What was answered by role; None where more than the role makes a difference between places."""
        token = self.actor.token
        if rule.team or rule.changes or (token is not None and token.spaces is not None):
            return None
        return self._answered.setdefault(permission, {})

    def _asked(self, permission: Permission, place: Place, answers: dict[Role, bool] | None) -> bool:
        case = self.case(permission, place)
        may = all(check(case) is None for check in _LASTING)
        if answers is not None:
            answers[case.role] = may
        return may

    def case(self, permission: Permission, place: Place, write: Write | None = None) -> "Case":
        rule = CATALOGUE[permission]
        return Case(self, permission, rule, place, rule.changes if write is None else write, self._role(rule, place))

    def _role(self, rule: Rule, place: Place) -> Role:
        if place is None:
            everywhere = self.standing.everywhere
            return _NONE if everywhere is None else everywhere
        if isinstance(place, Space):
            return self.standing.role_over(place)
        return (self.standing if rule.overrides else self.bare).role(place)

    @property
    def bare(self) -> Standing:
        """As if nobody had ever said anything about this person."""
        if self._bare is None:
            self._bare = Standing(self.estate, self.standing.person, overrides=False)
        return self._bare


@dataclass(slots=True)
class Case:
    """One question, with all that a check looks at."""

    sight: Sight
    permission: Permission
    rule: Rule
    place: Place
    write: Write
    role: Role

    @property
    def instance(self) -> InstanceSettings | None:
        return self.place.instance if isinstance(self.place, Resource) else None

    @property
    def team(self) -> Space | None:
        """The team above the place."""
        estate, place = self.sight.estate, self.place
        space = estate.owner(place) if isinstance(place, Resource) else place
        lineage = estate.lineage(space) if space else ()
        return next((at for at in lineage if at.kind is SpaceKind.TEAM), None)


class Check(StrEnum):
    """One thing that is looked at for a decision."""

    ACCOUNT = "account"
    TOKEN = "token"  # noqa: S105 - the name of a check
    VIEWING = "viewing_as"
    ROLE = "role"
    TEAM = "team"
    SWITCHED_OFF = "switched_off"
    ADMIN_DATA_ACCESS = "admin_data_access"
    MIN_EDIT_ROLE = "min_edit_role"
    PROTECTION = "protection"
    PROOF = "reauthentication"


def _account(case: Case) -> Reason | None:
    return None if case.sight.standing.person.user.state is _ACTIVE else Reason.NO_ACCESS


def _token(case: Case) -> Reason | None:
    """What a token may not, whatever its user may."""
    token = case.sight.actor.token
    if token is None:
        return None
    if not token.alive(case.sight.now):
        return Reason.CREDENTIALS_WRONG
    if not in_scope(case.sight.estate, token, case.place):
        return Reason.NOT_FOUND
    return _ceiling(case, token)


def _ceiling(case: Case, token: Token) -> Reason | None:
    if case.rule.session_only:
        own = case.permission is Permission.SELF_TOKENS
        return Reason.PAT_CANNOT_CREATE_PAT if own else Reason.INTERACTIVE_SESSION_REQUIRED
    if token.read_only and case.rule.write:
        return Reason.TOKEN_READ_ONLY
    return Reason.TOKEN_SCOPE if token.spaces is not None and case.rule.on is On.PLATFORM else None


def _viewing(case: Case) -> Reason | None:
    """Whoever looks on as somebody else changes nothing, and proves nothing in their name."""
    session = case.sight.actor.session
    if session is None or not session.viewer:
        return None
    return Reason.VIEWING_AS if case.rule.write or case.rule.session_only else None


def _least(case: Case) -> Reason | None:
    if case.role >= case.rule.least:
        return None
    return Reason.NO_ACCESS if case.role is _NONE else Reason.ROLE_TOO_LOW


def _team(case: Case) -> Reason | None:
    if not case.rule.team or case.role is _ADMIN:
        return None
    team, standing = case.team, case.sight.standing
    return None if team and standing.role_over(team) >= Role.OWNER else Reason.ROLE_TOO_LOW


def _switched_off(case: Case) -> Reason | None:
    off = case.permission in case.sight.estate.settings.switched_off and case.role is not _ADMIN
    return Reason.SWITCHED_OFF if off else None


def _admin_data_access(case: Case) -> Reason | None:
    if case.role is not _ADMIN or not case.rule.data_plane:
        return None
    access = case.sight.estate.settings.admin_data_access
    return None if access == "full" or (access == "read" and not case.rule.write) else Reason.ADMIN_DATA_ACCESS


def _min_edit_role(case: Case) -> Reason | None:
    instance = case.instance
    low = case.write is _DEPLOY and instance is not None and case.role < instance.min_edit_role
    return Reason.ROLE_TOO_LOW if low else None


def _protection(case: Case) -> Reason | None:
    instance = case.instance
    closed = case.write in PROTECTED and instance is not None and instance.protected
    return Reason.PROTECTED_INSTANCE if closed else None


def _proof(case: Case) -> Reason | None:
    if not case.rule.session_only:
        return None
    session = case.sight.actor.session
    if session is None:
        return Reason.INTERACTIVE_SESSION_REQUIRED
    return Reason.REAUTHENTICATION_REQUIRED if case.sight.now - session.proved > PROOF_LASTS else None


CHECKS: Final[Mapping[Check, Callable[[Case], Reason | None]]] = {
    Check.ACCOUNT: _account,
    Check.TOKEN: _token,
    Check.VIEWING: _viewing,
    Check.ROLE: _least,
    Check.TEAM: _team,
    Check.SWITCHED_OFF: _switched_off,
    Check.ADMIN_DATA_ACCESS: _admin_data_access,
    Check.MIN_EDIT_ROLE: _min_edit_role,
    Check.PROTECTION: _protection,
    Check.PROOF: _proof,
}
"""Why not, or None; whoever may not know of the place at all learns nothing of it, whatever the reason."""
_LASTING: Final = tuple(check for name, check in CHECKS.items() if name is not Check.PROOF)


def _refusal(case: Case, reason: Reason) -> Decision:
    if reason is Reason.CREDENTIALS_WRONG:
        return Decision(allowed=False, reason=reason, status=401)
    unseen = case.role is _NONE and _is_hidden(case.sight.standing, case.place)
    if unseen or reason is Reason.NOT_FOUND:
        return Decision(allowed=False, reason=Reason.NOT_FOUND, status=404)
    return Decision(allowed=False, reason=reason, role=case.role, status=403)


def _is_hidden(standing: Standing, place: Place) -> bool:
    """Whether a refusal must not say that the place exists."""
    if place is None:
        return False
    if standing.person.user.state is not _ACTIVE:
        return True
    if isinstance(place, Space):
        return standing.role_over(place) is _NONE and place.id not in standing.person.memberships
    return standing.role(place) is _NONE and not _is_concerned(standing, place)


def _is_concerned(standing: Standing, resource: Resource) -> bool:
    """Whether somebody without a role knows of a resource: as a member of its owner, or by an override.

    In tenant mode the people of customers and groups learn nothing of what others own.
    """
    estate, memberships = standing.estate, standing.person.memberships
    owner = estate.owner(resource)
    if owner is not None and owner.id in memberships:
        return True
    spaces = (estate.spaces.get(id_) for id_ in memberships)
    if estate.settings.tenant_mode and any(space is not None and space.kind in _CUSTOMERS for space in spaces):
        return False
    return any(at.id in held.overrides for at in estate.path(resource) for held in memberships.values())
