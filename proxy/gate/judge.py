"""Judging: from facts to a decision. A pure function; tables test it."""

from dataclasses import replace
from typing import Final

from proxy.access.decide import acting, decide, effective_role
from proxy.access.explain import Considered, Explanation, explain
from proxy.gate.principal import Kind
from proxy.model.access import Decision, Permission, Reason, Role
from proxy.model.estate import Estate, HttpAuth, InstanceSettings, Resource
from proxy.model.identity import Actor
from proxy.nodered.surfaces import RULES, Surface

ANYBODY: Final = frozenset({Surface.PUBLIC, Surface.PREFLIGHT, Surface.AUTH_LOGIN, Surface.AUTH_REVOKE})
"""Surfaces that the gateway answers itself, or that the operator opened."""


def judge(
    estate: Estate,
    kind: Kind,
    actor: Actor | None,
    resource: Resource,
    settings: InstanceSettings,
    surface: Surface,
    now: float,
) -> Decision:
    """Whether this kind of principal, acting for somebody or nobody, may address this surface of this instance.

    `settings` are the resource's own. `now` is seconds since the epoch.
    """
    if surface is Surface.AUTH:
        return _refused(Reason.NOT_FOUND, 404)
    passes = _without_role(kind, settings, surface)
    if actor is None:
        return Decision(allowed=True, reason=passes) if passes else _refused(Reason.LOGIN_REQUIRED, 401)
    if passes is not None:
        role = effective_role(estate, acting(actor.person, actor.token), resource)
        return Decision(allowed=True, reason=passes, role=role)
    return _by_role(estate, actor, resource, settings, surface, now)


def unproven(decision: Decision) -> Decision:
    """What becomes of a decision about somebody who must prove a second factor first: where anybody may go, they go as a
    stranger; what they may do once they have proved it has to wait.
    """
    if not decision.allowed:
        return decision
    if decision.reason is not Reason.ROLE:
        return replace(decision, role=Role.NONE)
    return _refused(Reason.SECOND_FACTOR_REQUIRED, 401)


def explain_judgement(
    estate: Estate,
    kind: Kind,
    actor: Actor,
    resource: Resource,
    settings: InstanceSettings,
    surface: Surface,
    now: float,
) -> Explanation:
    """What `judge` says of somebody, and why."""
    decision = judge(estate, kind, actor, resource, settings, surface, now)
    rule, passes = RULES[surface], _without_role(kind, settings, surface)
    if surface is Surface.AUTH or passes is not None:
        words = f"{surface.label} is open to anybody" if passes else f"{surface.label} is never passed on"
        row = Considered(rule="surface", words=words, applies=True, refuses=None if passes else decision.reason)
        return Explanation(decision=decision, considered=(row,))
    found = explain(estate, actor, rule.permission, resource, now=now, write=rule.write)
    least = least_role(surface, settings)
    low = found.decision.role < least
    words = f"{surface.label} takes {rule.permission}, and {least.label}"
    row = Considered(rule="surface", words=words, applies=low, refuses=_too_low(surface) if low else None)
    return Explanation(decision=decision, considered=(*found.considered, row))


def least_role(surface: Surface, settings: InstanceSettings) -> Role:
    """The role that a surface of an instance takes, beyond its permission."""
    shown = surface is Surface.CONTEXT and settings.viewer_reads_context
    return Role.VIEWER if shown else RULES[surface].least


def _without_role(kind: Kind, settings: InstanceSettings, surface: Surface) -> Reason | None:
    """Why somebody without a role passes; the short-cuts of http_auth reach dashboards and endpoints and nothing else."""
    if surface in ANYBODY:
        return Reason.PREFLIGHT if surface is Surface.PREFLIGHT else Reason.PUBLIC_PATH
    if RULES[surface].permission is not Permission.HTTP:
        return None
    if settings.http_auth is HttpAuth.NONE:
        return Reason.OPEN_INSTANCE
    return Reason.INSTANCE_PASSWORD if kind is Kind.INSTANCE_PASSWORD else None


def _by_role(
    estate: Estate, actor: Actor, resource: Resource, settings: InstanceSettings, surface: Surface, now: float
) -> Decision:
    rule = RULES[surface]
    decision = decide(estate, actor, rule.permission, resource, now=now, write=rule.write)
    low = decision.allowed and decision.role < least_role(surface, settings)
    if low or decision.reason is Reason.ROLE_TOO_LOW:
        return replace(decision, allowed=False, reason=_too_low(surface), status=403)
    return decision


def _too_low(surface: Surface) -> Reason:
    return Reason.UNLISTED_ENDPOINT if surface is Surface.UNLISTED else Reason.ROLE_TOO_LOW


def _refused(reason: Reason, status: int) -> Decision:
    return Decision(allowed=False, reason=reason, status=status)
