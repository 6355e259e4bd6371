"""Lists, counts, search and pickers, spec 3.6: what is visible is what is allowed, and nothing else is counted."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from proxy.access.catalogue import CATALOGUE
from proxy.access.decide import Sight, decide
from proxy.access.visible import actions, position, visible, visible_spaces
from proxy.model.access import Permission
from proxy.model.estate import Estate, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Actor
from tests.proxy.access.estates import (
    ACTORS,
    DASHBOARD,
    MEMBER,
    NONE,
    NOW,
    OWNER,
    RESOURCES,
    VIEWER,
    by_token,
    estate,
    estates,
    in_session,
    person,
    resource,
    share,
    token,
)

P = Permission
OURS = tuple(at for at in RESOURCES if at.id not in {"common", "canned"})
"""Without what belongs to everyone."""


def seen(actor: Actor, permission: Permission = P.INSTANCE_LIST, world: Estate | None = None) -> list[str]:
    found = visible(world or estate(resources=OURS), actor, ResourceKind.INSTANCE, permission, now=NOW)
    return [each.id for each in found]


@given(estates(), ACTORS, st.sampled_from(ResourceKind), st.sampled_from(Permission))
def test_r04_what_is_visible_is_what_is_allowed(
    world: Estate, actor: Actor, kind: ResourceKind, permission: Permission
) -> None:
    """A permission that asks for a fresh proof is listed for a session as if it had just been given."""
    fresh = replace(actor, session=replace(actor.session, proved=NOW)) if actor.session else actor
    listed = list(visible(world, actor, kind, permission, now=NOW))
    allowed = [at for at in world.by_kind[kind] if decide(world, fresh, permission, at, now=NOW).allowed]
    assert listed == allowed


@given(estates(), ACTORS, st.permutations(RESOURCES), st.lists(st.sampled_from(Permission), min_size=2, max_size=6))
def test_what_is_remembered_from_place_to_place_is_what_would_be_decided_there(
    world: Estate, actor: Actor, order: list[Resource], permissions: list[Permission]
) -> None:
    fresh = replace(actor, session=replace(actor.session, proved=NOW)) if actor.session else actor
    sight = Sight(world, actor, now=NOW)
    places = [*(world.resources[at.id] for at in order), *world.spaces.values(), None]
    for permission in permissions:
        for place in places:
            alone = decide(world, fresh, permission, place, now=NOW).allowed
            assert sight.entitled(permission, place) is alone, (permission, place)


@given(estates(), ACTORS, st.sampled_from([P.SPACE_READ, P.SPACE_EDIT, P.SPACE_MEMBERS_ROLE]))
def test_spaces_that_are_visible_are_those_that_are_allowed(
    world: Estate, actor: Actor, permission: Permission
) -> None:
    fresh = replace(actor, session=replace(actor.session, proved=NOW)) if actor.session else actor
    listed = visible_spaces(world, actor, permission, now=NOW)
    off = world.everyone if world.settings.disable_all_users else frozenset[str]()
    places = [at for at in world.spaces.values() if at.id not in off]
    allowed = [at for at in places if decide(world, fresh, permission, at, now=NOW).allowed]
    assert listed == sorted(allowed, key=position)


@given(estates(), ACTORS, st.sampled_from([*RESOURCES, *estate().spaces.values(), None]))
def test_the_actions_at_a_place_are_the_permissions_there(world: Estate, actor: Actor, at: object) -> None:
    place = None if at is None else world.resources[at.id] if isinstance(at, Resource) else world.spaces[at.id]  # type: ignore[attr-defined]
    fresh = replace(actor, session=replace(actor.session, proved=NOW)) if actor.session else actor
    found = actions(world, actor, place, now=NOW)
    asked = [
        each
        for each in sorted(Permission)
        if (place.kind in CATALOGUE[each].kinds if place else not CATALOGUE[each].kinds)
    ]
    assert found == [each for each in asked if decide(world, fresh, each, place, now=NOW).allowed]


def test_p09_r11_only_what_one_instance_says_is_visible() -> None:
    who = person({"acme": MEMBER}, {"acme": {"plant": NONE, "line": MEMBER}})
    assert seen(in_session(who)) == ["line"]
    assert seen(in_session(person({"acme": VIEWER}, {"acme": {"oven": OWNER}})), P.INSTANCE_EDIT) == ["oven"]


def test_r03_r10_who_has_dashboards_alone_sees_no_instances_but_dashboards() -> None:
    who = in_session(person({"acme": DASHBOARD}, {"acme": {"oven": NONE}}))
    assert seen(who) == []
    assert seen(who, P.DASHBOARD_LIST) == ["line", "press"]


def test_r14_r30_an_application_one_is_shut_out_of_is_in_no_list() -> None:
    world = estate(resources=OURS)
    for roles in ({"plant": NONE}, {"plant": NONE, "line": NONE}):
        who = in_session(person({"acme": MEMBER}, {"acme": roles}))
        for kind in ResourceKind:
            listed = [permission for permission, rule in CATALOGUE.items() if kind in rule.kinds]
            for permission in listed:
                found = {each.id for each in visible(world, who, kind, permission, now=NOW)}
                assert found <= {"shelf", "board"}


def test_r09_r22_applications_to_create_in_are_those_one_owns() -> None:
    world = estate(resources=[*RESOURCES, resource("yard", ResourceKind.APPLICATION, owner="acme")])
    who = in_session(person({"acme": VIEWER}, {"acme": {"yard": OWNER}}))
    found = visible(world, who, ResourceKind.APPLICATION, P.INSTANCE_CREATE, now=NOW)
    assert [each.id for each in found] == ["yard"]


def test_t05_c04_others_content_is_visible_only_where_it_is_shared() -> None:
    world = estate([share("office", "other", VIEWER)], resources=OURS)
    assert seen(in_session(person({"other": OWNER})), world=world) == ["office"]
    assert seen(in_session(person({"crew": OWNER})), world=world) == []


def test_t09_what_was_shared_with_everyone_vanishes_while_everyone_is_off() -> None:
    off = estate([share("line", "everyone", VIEWER)], settings=PlatformSettings(disable_all_users=True))
    assert seen(in_session(person({"other": OWNER})), P.DASHBOARD_LIST, off) == []
    on = replace(off, settings=PlatformSettings())
    assert seen(in_session(person({"other": OWNER})), P.DASHBOARD_LIST, on) == ["canned", "line"]


def test_h09_a_token_for_some_spaces_lists_nothing_else() -> None:
    actor = by_token(person({"acme": OWNER, "other": OWNER}), token(spaces=frozenset({"customer"})))
    assert seen(actor) == ["deep", "office"]
    assert [each.id for each in visible_spaces(estate(), actor, now=NOW)] == ["customer", "sub"]


def test_h10_a_token_has_no_action_that_takes_a_person() -> None:
    world = estate()
    session = set(actions(world, in_session(person({"acme": OWNER}), 5000.0), world.resources["line"], now=NOW))
    machine = set(actions(world, by_token(person({"acme": OWNER})), world.resources["line"], now=NOW))
    assert session - machine == {
        P.APPLICATION_ACCESS_CONTROL, P.INSTANCE_SECURITY, P.INSTANCE_TOKENS, P.INSTANCE_UPSTREAM,
    }  # fmt: skip


def test_l01_to_change_flows_is_no_action_of_a_protected_instance() -> None:
    world = estate()
    owner = in_session(person({"acme": OWNER}))
    assert P.FLOWS_EDIT not in actions(world, owner, world.resources["press"], now=NOW)
    assert P.FLOWS_EDIT in actions(world, owner, world.resources["line"], now=NOW)
