"""The permission algorithm, spec 3.1: precedence as a table, guarantees as properties over random estates."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.access.decide import effective_role, role_in
from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Grant, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Membership, Person, User, UserState

NONE, DASHBOARD, VIEWER, MEMBER, OWNER, ADMIN = Role
ROLES = st.sampled_from([NONE, DASHBOARD, VIEWER, MEMBER, OWNER])


def space(name: str, kind: SpaceKind, parent: str | None = None, *, active: bool = True) -> Space:
    return Space(id=name, kind=kind, slug=name, parent=parent, active=active)


SPACES = (
    space("everyone", SpaceKind.EVERYONE),
    space("acme", SpaceKind.TEAM),
    space("customer", SpaceKind.CUSTOMER, "acme"),
    space("sub", SpaceKind.CUSTOMER, "customer"),
    space("crew", SpaceKind.GROUP, "acme"),
    space("other", SpaceKind.TEAM),
)


def resource(
    name: str,
    kind: ResourceKind = ResourceKind.INSTANCE,
    parent: str | None = None,
    owner: str | None = None,
    members: Iterable[str] = (),
) -> Resource:
    return Resource(id=name, kind=kind, slug=name, parent=parent, owner=owner, members=frozenset(members))


RESOURCES = (
    resource("plant", ResourceKind.APPLICATION, owner="acme"),
    resource("line", parent="plant"),
    resource("device", ResourceKind.DEVICE, parent="line"),
    resource("office", parent="plant", owner="customer"),
    resource("deep", parent="plant", owner="sub"),
    resource("common", ResourceKind.APPLICATION, owner="everyone"),
    resource("canned", parent="common"),
    resource("shelf", ResourceKind.FOLDER, owner="acme"),
    resource("board", ResourceKind.FOLDER, parent="shelf", members=["line", "office"]),
    resource("loose"),
)


def estate(
    grants: Iterable[Grant] = (),
    *,
    settings: PlatformSettings | None = None,
    spaces: Iterable[Space] = SPACES,
    resources: Iterable[Resource] = RESOURCES,
) -> Estate:
    return Estate(
        spaces={at.id: at for at in spaces},
        resources={at.id: at for at in resources},
        grants=tuple(grants),
        settings=settings or PlatformSettings(),
    )


def person(
    roles: Mapping[str, Role] | None = None,
    overrides: Mapping[str, Mapping[str, Role]] | None = None,
    *,
    admin: bool = False,
    state: UserState = UserState.ACTIVE,
) -> Person:
    heard = overrides or {}
    held = {at: Membership(space=at, role=role, overrides=heard.get(at, {})) for at, role in (roles or {}).items()}
    return Person(user=User(id="ada", username="ada", admin=admin, state=state), memberships=held)


def role(who: Person, where: str, world: Estate | None = None) -> Role:
    world = world or estate()
    return effective_role(world, who, world.resources[where])


def share(target: str, with_: str, most: Role) -> Grant:
    return Grant(target=target, space=with_, role=most)


def suspended(*names: str) -> tuple[Space, ...]:
    return tuple(replace(at, active=at.id not in names) for at in SPACES)


@pytest.mark.parametrize("state", [UserState.PENDING, UserState.SUSPENDED])
def test_who_is_not_active_has_no_role_not_even_as_admin(state: UserState) -> None:
    assert role(person({"acme": OWNER}, {"acme": {"line": OWNER}}, admin=True, state=state), "line") is NONE


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
        ("plant", {"plant", "line", "device"}),
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


def test_a_share_with_everyone_reaches_everybody() -> None:
    world = estate([share("line", "everyone", DASHBOARD)])
    assert role(person(), "line", world) is DASHBOARD


def test_without_a_membership_there_is_no_role_in_a_space() -> None:
    world = estate()
    assert role_in(world, person(), world.spaces["acme"]) is NONE


SPACE_IDS = [at.id for at in SPACES if at.kind is not SpaceKind.EVERYONE]
RESOURCE_IDS = [at.id for at in RESOURCES]
GRANTS = st.lists(
    st.builds(share, st.sampled_from(RESOURCE_IDS), st.sampled_from([at.id for at in SPACES]), ROLES), max_size=5
)


@st.composite
def estates(draw: st.DrawFn) -> Estate:
    owners = st.none() | st.sampled_from([at.id for at in SPACES])
    resources = []
    for at in RESOURCES:
        owned = replace(at, owner=draw(owners))
        if at.kind is ResourceKind.FOLDER:
            owned = replace(owned, members=draw(st.frozensets(st.sampled_from(RESOURCE_IDS), max_size=3)))
        resources.append(owned)
    spaces = [replace(at, active=draw(st.booleans()) or draw(st.booleans())) for at in SPACES]
    return estate(draw(GRANTS), spaces=spaces, resources=resources)


@st.composite
def people(draw: st.DrawFn) -> Person:
    roles = draw(st.dictionaries(st.sampled_from(SPACE_IDS), ROLES, max_size=4))
    words = st.dictionaries(st.sampled_from(RESOURCE_IDS), ROLES, max_size=2)
    return person(roles, {at: draw(words) for at in roles}, state=draw(st.sampled_from(UserState)))


ANYWHERE = st.sampled_from(RESOURCE_IDS)


@given(estates(), people(), ANYWHERE, GRANTS)
def test_no_share_ever_lowers_a_role(world: Estate, who: Person, where: str, more: list[Grant]) -> None:
    """Invariant (i)."""
    shared = replace(world, grants=world.grants + tuple(more))
    assert role(who, where, shared) >= role(who, where, world)


@given(estates(), people(), ANYWHERE)
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
    on = replace(world, settings=replace(world.settings, tenant_mode=True))
    off = replace(on, settings=replace(on.settings, tenant_mode=False))
    assert role(who, where, on) <= role(who, where, world) == role(who, where, off)


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


@given(estates(), people(), ANYWHERE)
def test_nobody_but_an_admin_gets_more_than_the_best_word_about_them(world: Estate, who: Person, where: str) -> None:
    said = [DASHBOARD] + [role_ for held in who.memberships.values() for role_ in (held.role, *held.overrides.values())]
    assert role(who, where, world) <= max(said)
