"""Judging: from facts to a decision. A pure function; tables test it."""

from typing import Final

from proxy.access.decide import effective_role
from proxy.gate.principal import Kind
from proxy.model.access import Decision, Permission, Reason, Role, Write
from proxy.model.estate import Estate, HttpAuth, InstanceSettings, Resource
from proxy.model.identity import Person, UserState
from proxy.nodered.surfaces import RULES, Rule, Surface

_ANYBODY: Final = frozenset({Surface.PUBLIC, Surface.PREFLIGHT, Surface.AUTH_LOGIN, Surface.AUTH_REVOKE})
"""Surfaces that the gateway answers itself, or that the operator opened."""
_PROTECTED: Final = frozenset({Write.DEPLOY, Write.TRIGGER, Write.OTHER})


def judge(
    estate: Estate, kind: Kind, person: Person | None, resource: Resource, settings: InstanceSettings, surface: Surface
) -> Decision:
    """Whether this kind of principal, being this person, may address this surface of this instance."""
    rule = RULES[surface]
    role = effective_role(estate, person, resource) if person else Role.NONE
    if surface is Surface.AUTH:
        return _refused(Reason.NOT_FOUND, 404, role)
    if surface in _ANYBODY:
        reason = Reason.PREFLIGHT if surface is Surface.PREFLIGHT else Reason.PUBLIC_PATH
        return Decision(allowed=True, reason=reason, role=role)
    opened = _without_user(kind, settings, rule)
    if opened is not None:
        return Decision(allowed=True, reason=opened, role=role)
    if person is None:
        return _refused(Reason.LOGIN_REQUIRED, 401)
    return _by_role(estate, person, resource, settings, surface, role)


def _without_user(kind: Kind, settings: InstanceSettings, rule: Rule) -> Reason | None:
    """The short-cuts of http_auth, which reach dashboards and endpoints and nothing else."""
    if rule.permission is not Permission.HTTP:
        return None
    if settings.http_auth is HttpAuth.NONE:
        return Reason.OPEN_INSTANCE
    return Reason.INSTANCE_PASSWORD if kind is Kind.INSTANCE_PASSWORD else None


def _by_role(
    estate: Estate, person: Person, resource: Resource, settings: InstanceSettings, surface: Surface, role: Role
) -> Decision:
    rule = RULES[surface]
    if role is Role.NONE:
        hidden = is_hidden(estate, person, resource)
        return _refused(Reason.NOT_FOUND, 404, role) if hidden else _refused(Reason.NO_ACCESS, 403, role)
    least = Role.VIEWER if surface is Surface.CONTEXT and settings.viewer_reads_context else rule.least
    if rule.write is Write.DEPLOY:
        least = max(least, settings.min_edit_role)
    if role < least:
        return _refused(Reason.UNLISTED_ENDPOINT if surface is Surface.UNLISTED else Reason.ROLE_TOO_LOW, 403, role)
    if role is Role.ADMIN and not _admin_may(estate.settings.admin_data_access, rule):
        return _refused(Reason.ADMIN_DATA_ACCESS, 403, role)
    if settings.protected and rule.write in _PROTECTED:
        return _refused(Reason.PROTECTED_INSTANCE, 403, role)
    return Decision(allowed=True, reason=Reason.ROLE, role=role)


def is_hidden(estate: Estate, person: Person, resource: Resource) -> bool:
    """Whether a refusal must not say that the resource exists: no membership in its owner and no override on its path."""
    if person.user.state is not UserState.ACTIVE:
        return True
    owner = estate.owner(resource)
    way = [at.id for at in estate.path(resource)]
    named = any(at in membership.overrides for membership in person.memberships.values() for at in way)
    return not named and (owner is None or owner.id not in person.memberships)


def _admin_may(access: str, rule: Rule) -> bool:
    return access == "full" or (access == "read" and rule.write is Write.NONE)


def _refused(reason: Reason, status: int, role: Role = Role.NONE) -> Decision:
    return Decision(allowed=False, reason=reason, role=role, status=status)
