"""How a role comes about, spec 3.1: precedence as a table, guarantees as properties over random estates."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.access.decide import effective_role, space_role
from proxy.access.standing import Standing
from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Grant, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Person, UserState
from tests.proxy.access.estates import (
    ADMIN,
    ANYWHERE,
    DASHBOARD,
    GRANTS,
    MEMBER,
    NONE,
    OWNER,
    RESOURCE_IDS,
    ROLES,
    SPACE_IDS,
    VIEWER,
    estate,
    estates,
    people,
    person,
    resource,
    role,
    share,
    suspended,
)


@pytest.mark.parametrize("state", [UserState.PENDING, UserState.SUSPENDED])
def test_who_is_not_active_has_no_role_not_even_as_admin(state: UserState) -> None:
    assert role(person({"acme": OWNER}, {"acme": {"line": OWNER}}, admin=True, state=state), "line") is NONE


def test_s_06_whoever_must_choose_a_new_password_has_no_role_until_then() -> None:
    for who in (person({"acme": OWNER}), person(admin=True)):
        expired = replace(who, user=replace(who.user, password_expired=True))
        assert role(who, "line") > NONE
        assert role(expired, "line") is NONE


@given(estates(), people(), st.permutations(RESOURCE_IDS))
def test_the_roles_on_many_places_are_those_on_each(world: Estate, who: Person, order: list[str]) -> None:
    """In whatever order, and whether or not something was asked before."""
    places = [world.resources[id_] for id_ in order]
    standing = Standing(world, who)
    for many in (places[:2], places, list(world.spaces.values())):
        alone = [space_role(world, who, at) if isinstance(at, Space) else effective_role(world, who, at) for at in many]
        assert [held for _, held in standing.roles(many)] == alone


def test_an_admin_is_admin_whatever_an_override_says() -> None:
    assert role(person({"acme": VIEWER}, {"acme": {"line": NONE}}, admin=True), "line") is ADMIN


@pytest.mark.parametrize("held", [NONE, DASHBOARD, VIEWER, MEMBER, OWNER])
def test_a_member_of_the_owning_space_has_its_role_on_all_it_owns(held: Role) -> None:
    who = person({"acme": held})
    assert {role(who, where) for where in ("plant", "line", "device")} == {held}


@pytest.mark.parametrize("held", [DASHBOARD, VIEWER, MEMBER])
def test_of_a_space_above_only_owners_reach_down(held: Role) -> None:
    assert role(person({"acme": held}), "office") is NONE
    assert role(person({"acme": OWNER}), "office") is OWNER
    assert role(person({"acme": OWNER}), "deep") is OWNER
    assert role(person({"customer": OWNER}), "deep") is OWNER


def test_nothing_flows_up_or_sideways() -> None:
    assert role(person({"sub": OWNER}), "office") is NONE
    assert role(person({"customer": OWNER, "crew": OWNER}), "line") is NONE
    assert role(person({"other": OWNER}), "line") is NONE


@pytest.mark.parametrize("word", [NONE, DASHBOARD, VIEWER, MEMBER, OWNER])
def test_an_override_beats_role_owner_above_and_share(word: Role) -> None:
    world = estate([share("line", "crew", OWNER)])
    assert role(person({"acme": OWNER, "crew": OWNER}, {"acme": {"line": word}}), "line", world) is word


def test_the_nearest_override_counts() -> None:
    who = person({"acme": VIEWER}, {"acme": {"plant": NONE, "line": MEMBER}})
    assert role(who, "plant") is NONE
    assert role(who, "line") is MEMBER
    assert role(who, "device") is MEMBER


def test_of_overrides_at_the_same_place_the_highest_counts() -> None:
    who = person({"acme": VIEWER, "customer": VIEWER}, {"acme": {"office": NONE}, "customer": {"office": MEMBER}})
    assert role(who, "office") is MEMBER


def test_an_override_counts_only_from_the_owners_lineage() -> None:
    assert role(person({"crew": VIEWER}, {"crew": {"line": OWNER}}), "line") is NONE
    assert role(person({"acme": VIEWER}, {"acme": {"office": MEMBER}}), "office") is MEMBER


def test_an_override_of_a_suspended_space_is_not_heard() -> None:
    world = estate(spaces=suspended("customer"))
    who = person({"customer": VIEWER}, {"customer": {"office": OWNER}})
    assert role(who, "office", world) is NONE


def test_an_override_on_a_membership_of_a_space_that_is_gone_is_not_heard() -> None:
    assert role(person({"gone": VIEWER}, {"gone": {"line": OWNER}}), "line") is NONE


@pytest.mark.parametrize("stopped", ["acme", "customer"])
def test_a_suspended_space_above_ends_all_below(stopped: str) -> None:
    world = estate([share("office", "sub", OWNER)], spaces=suspended(stopped))
    assert role(person({"customer": OWNER}), "office", world) is NONE
    assert role(person({"sub": OWNER}), "deep", world) is NONE
    assert role(person({"sub": OWNER}), "office", world) is NONE


def test_what_nobody_owns_is_nobodys() -> None:
    who = person({"acme": OWNER}, {"acme": {"loose": OWNER}})
    assert role(who, "loose") is NONE


@pytest.mark.parametrize(
    ("held", "on", "off"),
    [
        (None, DASHBOARD, DASHBOARD),
        (NONE, DASHBOARD, DASHBOARD),
        (VIEWER, DASHBOARD, VIEWER),
        (OWNER, DASHBOARD, MEMBER),
    ],
)
def test_everyone_is_a_member_of_everyone_but_never_an_owner(held: Role | None, on: Role, off: Role) -> None:
    who = person({"acme": held} if held is not None else {})
    assert role(who, "canned") is off
    assert role(who, "canned", estate(settings=PlatformSettings(tenant_mode=True))) is on
    assert role(who, "canned", estate(settings=PlatformSettings(disable_all_users=True))) is NONE


def test_in_everyone_only_memberships_of_active_spaces_count() -> None:
    assert role(person({"customer": OWNER, "gone": OWNER}), "canned", estate(spaces=suspended("acme"))) is DASHBOARD


@pytest.mark.parametrize(
    ("target", "reached"),
    [
        ("plant", {"plant", "line", "press", "oven", "device"}),
        ("line", {"line", "device"}),
        ("office", {"office"}),
        ("board", {"board", "line", "device"}),
        ("shelf", {"shelf", "board", "line", "device"}),
        ("gone", set()),
    ],
)
def test_a_share_reaches_what_lies_below_but_no_separately_owned_child(target: str, reached: set[str]) -> None:
    """A building shared is not the office in it, which a customer owns."""
    world = estate([share(target, "other", VIEWER)])
    who = person({"other": OWNER})
    assert {name for name in world.resources if role(who, name, world) is VIEWER} == reached


@pytest.mark.parametrize("held", [NONE, DASHBOARD, VIEWER, MEMBER, OWNER])
@pytest.mark.parametrize("most", [NONE, DASHBOARD, VIEWER, MEMBER, OWNER])
def test_a_share_gives_the_role_held_there_up_to_its_ceiling(held: Role, most: Role) -> None:
    world = estate([share("line", "other", most)])
    assert role(person({"other": held}), "line", world) is min(held, most)


def test_the_best_of_many_shares_counts_and_one_with_a_space_that_is_gone_does_not() -> None:
    world = estate([share("line", "gone", OWNER), share("line", "crew", VIEWER), share("plant", "other", MEMBER)])
    assert role(person({"crew": OWNER, "other": OWNER, "gone": OWNER}), "line", world) is MEMBER


def test_what_one_share_gives_is_the_same_on_all_that_lies_below_it() -> None:
    world = estate([share("plant", "crew", DASHBOARD)])
    standing = Standing(world, person({"crew": MEMBER}))
    assert [standing.role(world.resources[id_]) for id_ in ("line", "press", "plant")] == [DASHBOARD] * 3


def test_a_share_with_everyone_reaches_everybody() -> None:
    world = estate([share("line", "everyone", DASHBOARD)])
    assert role(person(), "line", world) is DASHBOARD


def test_without_a_membership_there_is_no_role_in_a_space() -> None:
    world = estate()
    assert Standing(world, person()).role_in(world.spaces["acme"]) is NONE


def by_the_letter(world: Estate, who: Person, where: Resource) -> Role:
    """Steps 1 to 7 of spec 3.1, one by one and with nothing remembered."""
    if who.user.state is not UserState.ACTIVE:
        return NONE
    if who.user.admin:
        return ADMIN
    path, owner = list(world.path(where)), world.owner(where)
    lineage = list(world.lineage(owner)) if owner else []

    def awake(space: Space) -> bool:
        return all(at.active for at in world.lineage(space))

    def held_in(space: Space) -> Role:
        if space.kind is SpaceKind.EVERYONE:
            if world.settings.disable_all_users:
                return NONE
            held = [
                who.memberships[at.id].role for at in world.spaces.values() if at.id in who.memberships and awake(at)
            ]
            return DASHBOARD if world.settings.tenant_mode else max(DASHBOARD, min(MEMBER, max(held, default=NONE)))
        return who.memberships[space.id].role if space.id in who.memberships and awake(space) else NONE

    def covers(grant: Grant) -> bool:
        target = world.resources[grant.target]
        hit = target in path
        if target.kind is ResourceKind.FOLDER:
            folders = [
                at for at in world.resources.values() if at.kind is ResourceKind.FOLDER and target in world.path(at)
            ]
            hit = any(at in path or any(x.id in at.members for x in path) for at in folders)
        return hit and owner == world.owner(target)

    for at in path:
        said = [
            who.memberships[space.id].overrides[at.id]
            for space in lineage
            if space.id in who.memberships and at.id in who.memberships[space.id].overrides and awake(space)
        ]
        if said:
            return max(said)
    direct = held_in(owner) if owner else NONE
    above = OWNER if any(held_in(space) >= OWNER for space in lineage[1:]) else NONE
    shared = [min(grant.role, held_in(world.spaces[grant.space])) for grant in world.grants if covers(grant)]
    return max([direct, above, *shared])


@given(estates(), people(), st.permutations(RESOURCE_IDS))
def test_roles_worked_out_together_are_those_of_the_specification(world: Estate, who: Person, order: list[str]) -> None:
    """Whatever is remembered, and in whatever order it was asked."""
    together = Standing(world, who)
    for name in order:
        assert together.role(world.resources[name]) is by_the_letter(world, who, world.resources[name])


@given(estates(), people(), st.sampled_from(RESOURCE_IDS))
def test_without_overrides_a_role_is_as_if_none_had_ever_been_said(world: Estate, who: Person, where: str) -> None:
    silent = {at: replace(held, overrides={}) for at, held in who.memberships.items()}
    bare = effective_role(world, who, world.resources[where], overrides=False)
    assert bare is role(Person(user=who.user, memberships=silent), where, world)


@given(estates(), people(), ANYWHERE, st.builds(share, ANYWHERE, st.sampled_from(SPACE_IDS), ROLES))
def test_one_more_share_gives_no_more_than_its_ceiling(world: Estate, who: Person, where: str, more: Grant) -> None:
    """Invariant (vi)."""
    shared = role(who, where, replace(world, grants=(*world.grants, more)))
    assert shared <= max(role(who, where, world), more.role)


def test_a_space_is_held_by_its_members_and_by_owners_above() -> None:
    world = estate()
    customer = world.spaces["customer"]
    for who, held in (
        (person({"customer": VIEWER}), VIEWER),
        (person({"acme": OWNER}), OWNER),
        (person({"acme": MEMBER}), NONE),
        (person({"sub": OWNER}), NONE),
        (person(admin=True), ADMIN),
        (person({"customer": OWNER}, state=UserState.SUSPENDED), NONE),
    ):
        assert space_role(world, who, customer) is held


def test_a_folder_a_thousand_deep_still_has_a_role() -> None:
    deep = [resource("f0", ResourceKind.FOLDER, owner="acme")]
    deep += [resource(f"f{number}", ResourceKind.FOLDER, parent=f"f{number - 1}") for number in range(1, 1500)]
    world = estate(resources=deep)
    assert role(person({"acme": MEMBER}), "f1499", world) is MEMBER


@given(estates(), people(), ANYWHERE, GRANTS)
def test_no_share_ever_lowers_a_role(world: Estate, who: Person, where: str, more: list[Grant]) -> None:
    """Invariant (i)."""
    shared = replace(world, grants=world.grants + tuple(more))
    assert role(who, where, shared) >= role(who, where, world)


@given(estates(), people(admins=False), ANYWHERE)
def test_without_a_membership_above_and_without_a_share_there_is_no_role(
    world: Estate, who: Person, where: str
) -> None:
    """Invariant (ii); in `everyone` all are members without a row."""
    world = replace(world, grants=())
    owner = world.owner(world.resources[where])
    above = {at.id for at in world.lineage(owner)} if owner else set()
    if "everyone" not in above and not above & who.memberships.keys():
        assert role(who, where, world) is NONE


@given(estates(), people(), ANYWHERE)
def test_tenant_mode_never_raises_a_role_and_leaves_no_trace(world: Estate, who: Person, where: str) -> None:
    """Invariants (iii) and (iv)."""
    before = replace(world, settings=replace(world.settings, tenant_mode=False))
    on = replace(before, settings=replace(before.settings, tenant_mode=True))
    after = replace(on, settings=replace(on.settings, tenant_mode=False))
    assert role(who, where, on) <= role(who, where, before) == role(who, where, after)


@given(estates(), people(), ANYWHERE, st.sampled_from(SPACE_IDS))
def test_who_leaves_a_space_loses_the_overrides_that_hung_on_it(
    world: Estate, who: Person, where: str, left: str
) -> None:
    """Invariant (v): as if the membership had never carried any."""
    rest = {at: held for at, held in who.memberships.items() if at != left}
    out = Person(user=who.user, memberships=rest)
    bare = {at: replace(held, overrides={}) for at, held in who.memberships.items()}
    if not any(held.overrides for held in rest.values()):
        assert role(out, where, world) <= role(Person(user=who.user, memberships=bare), where, world)


@given(estates(), people(admins=False), ANYWHERE)
def test_nobody_but_an_admin_gets_more_than_the_best_word_about_them(world: Estate, who: Person, where: str) -> None:
    said = [DASHBOARD] + [role_ for held in who.memberships.values() for role_ in (held.role, *held.overrides.values())]
    assert role(who, where, world) <= max(said)
