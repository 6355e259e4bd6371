"""Judging: from facts to a decision. A pure function; tables test it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from proxy.access.decide import acting, decide, effective_role
from proxy.access.explain import Considered, Explanation, explain
from proxy.access.pages import Pages, PageView, page_view
from proxy.gate.parts import Part, shows, takes
from proxy.gate.principal import Kind
from proxy.model.access import Decision, Permission, Reason, Role
from proxy.model.estate import Estate, HttpAuth, InstanceSettings, Resource
from proxy.model.identity import Actor
from proxy.nodered.surfaces import RULES, Surface

ANYBODY: Final = frozenset({Surface.PUBLIC, Surface.PREFLIGHT, Surface.AUTH_LOGIN, Surface.AUTH_REVOKE})
"""Surfaces that the gateway answers itself, or that the operator opened."""
PAGED: Final = frozenset({Surface.ENDPOINT, Surface.DASHBOARD, Surface.SETUP, Surface.SOCKET})
"""Surfaces that may be shared page by page."""
_NO_ROLE: Final = frozenset({Reason.LOGIN_REQUIRED, Reason.NO_ACCESS, Reason.NOT_FOUND, Reason.ROLE_TOO_LOW})
"""Why somebody may not enter an instance that a page of it lets them into."""
HIDDEN: Final = Decision(allowed=False, reason=Reason.NOT_FOUND, status=404)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageDecision(Decision):
    """A decision to let somebody into an instance that is shared page by page."""

    view: PageView
    """What they may see of it."""
    beyond: Decision = HIDDEN
    """What is answered to requests for the rest."""


def view_of(decision: Decision) -> PageView | None:
    """What a decision lets somebody see of an instance; None where it is not shared page by page."""
    return decision.view if isinstance(decision, PageDecision) else None


def judge(
    estate: Estate,
    kind: Kind,
    actor: Actor | None,
    resource: Resource,
    settings: InstanceSettings,
    surface: Surface,
    now: float,
    pages: Pages | None = None,
) -> Decision:
    """Whether this kind of principal, acting for somebody or nobody, may address this surface of this instance.

    `settings` and `pages` are the resource's own. `now` is seconds since the epoch.
    """
    decision = _judged(estate, kind, actor, resource, settings, surface, now)
    if pages is None or surface not in PAGED:
        return decision
    anybody = _without_role(kind, settings, surface) is not None
    view = page_view(estate, actor, resource, now=now, pages=pages, anybody=anybody)
    return _by_pages(decision, view, surface, stranger=kind is Kind.NOBODY) if view is not None else decision


def _judged(
    estate: Estate,
    kind: Kind,
    actor: Actor | None,
    resource: Resource,
    settings: InstanceSettings,
    surface: Surface,
    now: float,
) -> Decision:
    """The same of an instance that is shared as a whole."""
    if surface is Surface.AUTH:
        return _refused(Reason.NOT_FOUND, 404)
    passes = _without_role(kind, settings, surface)
    if actor is None:
        return Decision(allowed=True, reason=passes) if passes else _refused(Reason.LOGIN_REQUIRED, 401)
    if passes is not None:
        role = effective_role(estate, acting(actor.person, actor.token), resource)
        return Decision(allowed=True, reason=passes, role=role)
    return _by_role(estate, actor, resource, settings, surface, now)


def unproven(decision: Decision, stranger: Decision | None = None) -> Decision:
    """What becomes of a decision about somebody who must prove a second factor first: where anybody may go, they go as a
    stranger; what they may do once they have proved it has to wait. `stranger`: what is decided about nobody, where that
    is more than yes or no.
    """
    if not decision.allowed:
        return decision
    if isinstance(stranger, PageDecision):
        return replace(stranger, beyond=_refused(Reason.SECOND_FACTOR_REQUIRED, 401))
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
    pages: Pages | None = None,
) -> Explanation:
    """What `judge` says of somebody, and why."""
    whole = _explained(estate, kind, actor, resource, settings, surface, now)
    decision = judge(estate, kind, actor, resource, settings, surface, now, pages)
    if not isinstance(decision, PageDecision):
        return whole
    entered = decision.allowed and not whole.decision.allowed
    rows = (replace(row, applies=False, refuses=None) if entered and row.refuses else row for row in whole.considered)
    return Explanation(decision=decision, considered=(*rows, *_about_pages(decision.view, entered=entered)))


def _about_pages(view: PageView, *, entered: bool) -> Iterator[Considered]:
    for page in view.pages.resources:
        seen = page.id in view.shown
        words = f"the page {page.slug} is {'' if seen else 'not '}theirs to see"
        yield Considered(rule="page", words=words, applies=entered and seen)


def _explained(
    estate: Estate,
    kind: Kind,
    actor: Actor,
    resource: Resource,
    settings: InstanceSettings,
    surface: Surface,
    now: float,
) -> Explanation:
    """The same of an instance that is shared as a whole."""
    decision = _judged(estate, kind, actor, resource, settings, surface, now)
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


def explain_part(found: Explanation, parts: tuple[Part, ...], *, writes: bool = False) -> Explanation:
    """The same of a request for one part of the instance."""
    decision = found.decision
    if not isinstance(decision, PageDecision):
        return found
    if not shows(decision.view, parts, writes=writes):
        refused, words = decision.beyond, "what this address shows is not theirs to see"
    elif writes and not takes(decision.view, parts):
        refused, words = _refused(Reason.ROLE_TOO_LOW, 403), "what this address belongs to is there to be looked at"
    else:
        return found
    row = Considered(rule="page", words=words, applies=True, refuses=refused.reason)
    return Explanation(decision=refused, considered=(*found.considered, row))


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


def _by_pages(whole: Decision, view: PageView, surface: Surface, *, stranger: bool) -> Decision:
    """Whoever may see a part of an instance enters it: its dashboard by a page there, its endpoints by a page of such,
    which may lie below the dashboard.
    """
    beyond = _refused(Reason.LOGIN_REQUIRED, 401) if stranger else HIDDEN
    if whole.allowed:
        return PageDecision(allowed=True, reason=whole.reason, role=whole.role, view=view, beyond=beyond)
    enters = view.enters and surface is not Surface.ENDPOINT
    reaches = view.reaches and surface in (Surface.ENDPOINT, Surface.DASHBOARD)
    if not (enters or reaches) or whole.reason not in _NO_ROLE:
        return whole
    # On the instance itself they have no role: to its flows they are somebody who may look at dashboards.
    reason, role = (Reason.ROLE, Role.DASHBOARD) if view.known else (Reason.PUBLIC_PATH, Role.NONE)
    return PageDecision(allowed=True, reason=reason, role=role, view=view, beyond=beyond)


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
