"""Any estate, any dashboard: what is delivered to somebody is what they may see, and nothing else."""

from dataclasses import dataclass, replace

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.access.decide import decide, effective_role
from proxy.access.pages import page_view
from proxy.model.access import Permission, Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Grant, PageSettings, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Actor, Membership, Person, User
from proxy.nodered.dashboard import Visitor, said, told
from proxy.nodered.dashboard_config import Outline
from tests.proxy.nodered.dashboards import BASE, LINE, config

SPACES = {
    "s-acme": Space(id="s-acme", kind=SpaceKind.TEAM, slug="acme"),
    "s-ann": Space(id="s-ann", kind=SpaceKind.CUSTOMER, slug="ann", parent="s-acme"),
    "s-sub": Space(id="s-sub", kind=SpaceKind.CUSTOMER, slug="sub", parent="s-ann"),
    "s-crew": Space(id="s-crew", kind=SpaceKind.GROUP, slug="crew", parent="s-acme"),
    "s-else": Space(id="s-else", kind=SpaceKind.TEAM, slug="else"),
    "s-all": Space(id="s-all", kind=SpaceKind.EVERYONE, slug="everyone"),
}
MEMBERS = [id_ for id_ in SPACES if id_ != "s-all"]
ROLES = [Role.NONE, Role.DASHBOARD, Role.VIEWER, Role.MEMBER, Role.OWNER]
PAGES = ["q0x", "q1x", "q2x", "q3x", "q4x"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    estate: Estate
    person: Person
    dashboard: dict[str, list[str]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A dashboard, page resources that name some of its pages by id or path, and shares of anything with anybody."""
    dashboard = {
        page: [f"w{page}{n}" for n in range(draw(st.integers(0, 2)))] for page in PAGES[: draw(st.integers(1, 5))]
    }
    resources = {LINE.id: replace(LINE, owner=draw(st.sampled_from(MEMBERS)))}
    for number in range(draw(st.integers(1, 4))):
        page = draw(st.sampled_from(PAGES))
        match = draw(st.sampled_from([f"page-{page}", f"/{page}", f"/{page.upper()}/"]))
        resources[f"r-{number}"] = Resource(
            id=f"r-{number}",
            kind=ResourceKind.PAGE,
            slug=f"page-{number}",
            parent=LINE.id,
            owner=draw(st.none() | st.sampled_from(MEMBERS)),
            attributes={"match": match, "readonly": draw(st.booleans())},
        )
    shared = st.tuples(st.sampled_from(list(resources)), st.sampled_from(list(SPACES)), st.sampled_from(ROLES[1:]))
    grants = tuple(
        Grant(target=target, space=space, role=role) for target, space, role in draw(st.lists(shared, max_size=5))
    )
    platform = PlatformSettings(tenant_mode=draw(st.booleans()), disable_all_users=draw(st.booleans()))
    overrides = st.dictionaries(st.sampled_from(list(resources)), st.sampled_from(ROLES), max_size=2)
    memberships = {
        space: Membership(space=space, role=draw(st.sampled_from(ROLES[1:])), overrides=draw(overrides))
        for space in draw(st.lists(st.sampled_from(MEMBERS), max_size=3, unique=True))
    }
    user = User(id="u-ann", username="ann", admin=draw(st.integers(0, 9)) == 0)
    return Case(
        estate=Estate(spaces=SPACES, resources=resources, grants=grants, settings=platform),
        person=Person(user=user, memberships=memberships),
        dashboard=dashboard,
    )


def allowed(case: Case, page: str) -> tuple[bool, bool]:
    """Whether somebody may see a page of the dashboard, and press there: asked of the decisions, resource by resource."""
    named = [
        each
        for each in case.estate.resources.values()
        if each.kind is ResourceKind.PAGE
        and PageSettings.of(each).match.lower().rstrip("/") in (f"page-{page}", f"/{page}")
    ]
    actor = Actor(person=case.person)
    theirs = [
        each
        for each in named or [case.estate.resources[LINE.id]]
        if decide(case.estate, actor, Permission.HTTP, each, now=0.0).allowed
    ]
    types = [
        each
        for each in theirs
        if not PageSettings.of(each).readonly or effective_role(case.estate, case.person, each) >= Role.MEMBER
    ]
    return bool(theirs), bool(types)


def judge(case: Case) -> None:
    instance = case.estate.resources[LINE.id]
    view = page_view(case.estate, Actor(person=case.person), instance, now=0.0)
    assert view is not None
    visitor, document = Visitor(view=view), config(case.dashboard)
    outline = Outline().with_config(BASE, document)
    delivered = told(outline, visitor, ["ui-config", BASE, document], socket="", binary=False).words
    assert delivered is not None
    written = orjson.dumps(delivered).decode()
    for page, widgets in case.dashboard.items():
        sees, types = allowed(case, page)
        assert (page in written) is sees
        for widget in widgets:
            event: list[object] = [f"msg-input:{widget}", {"payload": 1}]
            assert (told(outline, visitor, event, socket="", binary=False).words is not None) is sees
            assert (said(outline, visitor, ["widget-load", widget]) is not None) is sees
            assert (said(outline, visitor, ["widget-change", widget, 1]) is not None) is types


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_g_01_what_is_delivered_is_exactly_what_somebody_may_see(case: Case) -> None:
    """G-01, G-03."""
    judge(case)


@pytest.mark.soak
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_g_01_a_thousand_estates_deliver_exactly_what_somebody_may_see(case: Case) -> None:
    """G-01, G-03."""
    judge(case)
