"""Tenant mode and the switched-off space of everyone, by the tables of spec 6.1: what both give, and that they leave no trace."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.access.decide import Sight, decide
from proxy.access.directory import FOREIGN, Names, spaces_known
from proxy.access.explain import explain
from proxy.access.visible import visible, visible_spaces
from proxy.model.access import Decision, Permission, Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Actor, Person
from tests.proxy.access.estates import (
    ACTORS,
    DASHBOARD,
    MEMBER,
    NONE,
    NOW,
    OWNER,
    RESOURCES,
    VIEWER,
    estate,
    estates,
    in_session,
    people,
    person,
    resource,
    role,
    share,
)

P = Permission
FOLDER = ResourceKind.FOLDER
GROUPS = (
    Space(id="everyone", kind=SpaceKind.EVERYONE, slug="everyone"),
    Space(id="team", kind=SpaceKind.TEAM, slug="team"),
    Space(id="acme", kind=SpaceKind.GROUP, slug="acme", parent="team"),
    Space(id="partner", kind=SpaceKind.GROUP, slug="partner", parent="team"),
)
"""Two tenants as groups of one team."""
SHELVES = (
    resource("library", FOLDER, owner="everyone"),
    resource("reports", FOLDER, parent="library"),
    resource("of-acme", FOLDER, owner="acme"),
    resource("of-partner", FOLDER, owner="partner"),
    resource("of-both", FOLDER, owner="team"),
    resource("inner", FOLDER, parent="of-both"),
)
BOTH = (share("of-both", "acme", MEMBER), share("of-both", "partner", VIEWER))
PERMISSIONS = (P.SPACE_READ, P.SPACE_MEMBERS_LIST, P.FOLDER_EDIT, P.HTTP, P.FLOWS_EDIT, P.DASHBOARD_LIST, P.SPACE_AUDIT)

Matrix = Sequence[tuple[object, ...]]


def switched(world: Estate, **settings: bool) -> Estate:
    return replace(world, settings=replace(world.settings, **settings))


def matrix(world: Estate, actor: Actor) -> Matrix:
    """All that is decided, listed and known: what one person has of one estate."""
    places = (*world.resources.values(), *world.spaces.values(), None)
    return [
        *((permission, place.id if place else "", _decided(world, actor, permission, place))
          for permission in PERMISSIONS for place in places),
        *((kind, [each.id for each in visible(world, actor, kind, P.DASHBOARD_LIST, now=NOW)]) for kind in ResourceKind),
        ("spaces", [each.id for each in visible_spaces(world, actor, now=NOW)]),
        ("known", spaces_known(world, actor)),
    ]  # fmt: skip


def _decided(world: Estate, actor: Actor, permission: Permission, place: Resource | Space | None) -> Decision:
    return decide(world, actor, permission, place, now=NOW)


@given(estates(), ACTORS, st.sampled_from(["tenant_mode", "disable_all_users"]))
def test_t_01_t_09_on_and_off_again_restores_exactly_what_everybody_had(
    world: Estate, actor: Actor, switch: str
) -> None:
    """6.1 row 9: a switch writes nothing but itself, and all that follows from it is worked out."""
    before = switched(world, **{switch: False})
    on = switched(before, **{switch: True})
    after = switched(on, **{switch: False})
    assert matrix(after, actor) == matrix(before, actor)
    assert switched(after, **{switch: True}) == on
    assert matrix(switched(after, **{switch: True}), actor) == matrix(on, actor)


@given(estates(), people())
def test_t_07_admins_have_and_know_the_same_in_tenant_mode(world: Estate, who: Person) -> None:
    """6.1 row 8."""
    admin = in_session(replace(who, user=replace(who.user, admin=True)))
    assert matrix(switched(world, tenant_mode=True), admin) == matrix(switched(world, tenant_mode=False), admin)


@given(estates(), ACTORS)
def test_t_06_in_tenant_mode_nobody_knows_of_more_people_or_sees_more(world: Estate, actor: Actor) -> None:
    off, on = switched(world, tenant_mode=False), switched(world, tenant_mode=True)
    known, knew = spaces_known(on, actor), spaces_known(off, actor)
    assert knew is None or (known is not None and known <= knew)
    for kind in ResourceKind:
        seen, saw = (visible(each, actor, kind, P.DASHBOARD_LIST, now=NOW) for each in (on, off))
        assert {each.id for each in seen} <= {each.id for each in saw}


def groups(*, tenant_mode: bool, disabled: bool = False) -> Estate:
    settings = PlatformSettings(tenant_mode=tenant_mode, disable_all_users=disabled)
    return estate(BOTH, spaces=GROUPS, resources=SHELVES, settings=settings)


def _may(world: Estate, roles: Mapping[str, Role], where: str) -> tuple[int, int]:
    """Statuses of seeing a folder and of changing it."""
    actor, folder = in_session(person(roles)), world.resources[where]
    found = (decide(world, actor, each, folder, now=NOW) for each in (P.DASHBOARD_LIST, P.FOLDER_EDIT))
    seen, changed = (each.status if not each.allowed else 200 for each in found)
    return seen, changed


COMPOSER, AGENT, BUILDER = {"acme": MEMBER}, {"acme": DASHBOARD}, {"acme": OWNER}


@pytest.mark.parametrize(
    ("roles", "where", "off", "on"),
    [
        (COMPOSER, "library", (200, 200), (200, 403)),  # T-02, T-03, row 1
        (BUILDER, "reports", (200, 200), (200, 403)),
        (AGENT, "library", (200, 403), (200, 403)),
        ({}, "reports", (200, 403), (200, 403)),
        (COMPOSER, "of-acme", (200, 200), (200, 200)),  # T-04, row 3
        (AGENT, "of-acme", (200, 403), (200, 403)),
        (COMPOSER, "of-partner", (404, 404), (404, 404)),  # T-05, row 4
        ({"acme": OWNER, "partner": DASHBOARD}, "of-partner", (200, 403), (200, 403)),
        (COMPOSER, "of-both", (200, 200), (200, 200)),  # T-17
        (COMPOSER, "inner", (200, 200), (200, 200)),
        ({"partner": OWNER}, "inner", (200, 403), (200, 403)),
        ({}, "inner", (404, 404), (404, 404)),
    ],
)
def test_t_02_t_03_t_04_t_05_t_17_folders_of_everyone_of_a_group_and_of_two(
    roles: dict[str, Role], where: str, off: tuple[int, int], on: tuple[int, int]
) -> None:
    assert _may(groups(tenant_mode=False), roles, where) == off
    assert _may(groups(tenant_mode=True), roles, where) == on


def test_t_09_everyone_is_no_place_to_choose_while_it_is_switched_off_not_even_for_admins() -> None:
    world = groups(tenant_mode=False, disabled=True)
    assert _may(world, COMPOSER, "library") == (404, 404)
    listed = visible_spaces(world, in_session(person(admin=True)), now=NOW)
    assert [each.id for each in listed] == ["acme", "partner", "team"]


def test_t_05_in_tenant_mode_whoever_is_of_a_tenant_never_hears_403_of_what_is_anothers() -> None:
    """Also where a role was once set on it, which outside of tenant mode tells that it is there."""
    who = in_session(person({"crew": VIEWER}, {"crew": {"office": NONE}}))
    statuses = [
        decide(estate(settings=PlatformSettings(tenant_mode=mode)), who, P.INSTANCE_READ, RESOURCES[5], now=NOW).status
        for mode in (False, True)
    ]
    assert (RESOURCES[5].id, statuses) == ("office", [403, 404])


def test_t_16_who_has_no_role_on_an_application_has_nothing_of_it() -> None:
    world = estate()
    who = in_session(person({"acme": MEMBER}, {"acme": {"plant": NONE}}))
    for kind in ResourceKind:
        for permission in (P.DASHBOARD_LIST, P.APPLICATION_LIST, P.INSTANCE_LIST, P.DEVICE_LIST):
            names = {each.id for each in visible(world, who, kind, permission, now=NOW)}
            assert not names & {"plant", "line", "press", "oven", "device"}


def test_t_18_one_person_is_composer_of_one_application_and_agent_of_another() -> None:
    apps = (
        resource("one", ResourceKind.APPLICATION, owner="acme"),
        resource("two", ResourceKind.APPLICATION, owner="acme"),
        resource("line-1", parent="one"),
        resource("line-2", parent="two"),
    )
    for mode in (False, True):
        world = estate(resources=apps, settings=PlatformSettings(tenant_mode=mode))
        who = person({"acme": VIEWER}, {"acme": {"one": MEMBER, "two": DASHBOARD}})
        deploys = [
            decide(world, in_session(who), P.FLOWS_EDIT, world.resources[line], now=NOW).allowed
            for line in ("line-1", "line-2")
        ]
        assert deploys == [True, False]
        assert role(who, "line-2", world) is DASHBOARD


def names_of(roles: Mapping[str, Role], world: Estate) -> Names:
    return Names(Sight(world, in_session(person(roles)), now=NOW))


def test_t_06_places_are_called_by_names_that_are_ones_own_to_know() -> None:
    """6.1 row 5."""
    on = estate(settings=PlatformSettings(tenant_mode=True))
    customer, staff = {"customer": OWNER}, {"acme": OWNER}
    assert names_of(customer, on).address(on.resources["office"]) is None, "it lies in what is the team's"
    assert names_of(staff, on).address(on.resources["office"]) == "acme/plant/office"
    assert names_of(customer, on).space(on.spaces["acme"]) == FOREIGN
    assert names_of(customer, on).space(on.spaces["sub"]) == "sub"
    assert names_of(customer, estate()).address(on.resources["office"]) == "acme/plant/office"
    assert names_of({}, on).knows(None) is False


def test_t_06_an_explanation_names_no_space_that_whoever_asks_may_not_know() -> None:
    grants = [share("office", "acme", VIEWER), share("office", "sub", VIEWER)]
    world = estate(grants, settings=PlatformSettings(tenant_mode=True))
    subject = in_session(person({"customer": VIEWER, "acme": OWNER, "sub": OWNER}, {"acme": {"plant": OWNER}}))
    asks = names_of({"customer": OWNER}, world)
    found = explain(world, subject, P.INSTANCE_UPSTREAM, world.resources["office"], now=NOW, names=asks)
    said = " ".join(each.words for each in found.considered)
    assert "acme" not in said
    assert "plant" not in said
    assert f"{FOREIGN}, which lies above customer" in said
    assert "sub" in said
    whole = explain(world, subject, P.INSTANCE_UPSTREAM, world.resources["office"], now=NOW)
    assert "acme/plant" in " ".join(each.words for each in whole.considered)
