"""Which values say that a row is somebody's, spec 6.4."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.access.decide import acting, effective_role, in_scope
from proxy.access.tags import TENANT, THINGS, Tags, Values
from proxy.access.tags import tag_values as values_on
from proxy.model.directory import SpaceKind
from proxy.model.estate import Estate, Grant, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Person, Token, UserState
from tests.proxy.access.estates import (
    DASHBOARD,
    MEMBER,
    NONE,
    OWNER,
    RESOURCE_IDS,
    SPACES,
    TOKENS,
    estate,
    estates,
    people,
    person,
    resource,
    share,
    space,
    token,
)

NOBODYS: frozenset[str] = frozenset()
LINE = resource("line-of-acme", owner="acme")


def tag_values(
    world: Estate, who: Person | None, tag: str, limited: Token | None = None, *, at: Resource = LINE
) -> Values:
    return values_on(world, who, tag, at, limited)


def tagged(tags: Mapping[str, Mapping[str, str]], default: str | None = None) -> Estate:
    """The small estate with a tag `tenantid` on some of its spaces."""
    spaces = [replace(space, tags=tags.get(space.id, {})) for space in SPACES]
    return estate(spaces=spaces, settings=PlatformSettings(tags={"tenantid": default}))


def thing(name: str, owner: str | None, parent: str | None = None, called: str | None = None) -> Resource:
    attributes = {"external_id": name if called is None else called}
    return Resource(id=name, kind=ResourceKind.THING, slug=name, owner=owner, parent=parent, attributes=attributes)


THINGS_THERE = (
    thing("pump", "acme"),
    thing("building", "acme"),
    thing("office-a", "customer", "building"),
    thing("office-b", "sub", "building"),
    thing("far", "other"),
    thing("nameless", "customer", called=""),
    Resource(id="shelf", kind=ResourceKind.FOLDER, slug="shelf", owner="acme", members=frozenset({"pump"})),
)


def _with_value(who: Person, value: str) -> Person:
    return replace(who, user=replace(who.user, tags={"tenantid": value}))


def things(who: Person | None, *grants: Grant, resources: tuple[Resource, ...] = THINGS_THERE) -> Values:
    return tag_values(estate(grants, resources=resources), who, THINGS)


@pytest.mark.parametrize(
    ("roles", "values"),
    [
        ({"customer": DASHBOARD}, {"c"}),
        ({"sub": DASHBOARD}, {"c"}),
        ({"customer": DASHBOARD, "crew": DASHBOARD}, {"c", "g"}),
        ({"acme": OWNER}, {"t"}),
        ({"acme": OWNER, "crew": DASHBOARD}, {"g"}),
        ({"other": OWNER}, {"fallback"}),
        ({"other": OWNER, "acme": DASHBOARD}, {"t"}),
        ({"customer": NONE}, {"fallback"}),
        ({}, {"fallback"}),
    ],
)
def test_t10_who_has_no_value_of_their_own_has_those_of_their_groups_and_customers(
    roles: Mapping[str, object], values: set[str]
) -> None:
    """T-10. The nearest space upwards speaks; a team only for who is in nothing below it."""
    tags = {
        "acme": {"tenantid": "t"},
        "customer": {"tenantid": "c"},
        "crew": {"tenantid": "g"},
        "everyone": {"tenantid": "e"},
    }
    assert tag_values(tagged(tags, "fallback"), person(roles), "tenantid") == values  # type: ignore[arg-type]


def test_t10_a_value_of_their_own_goes_before_all_others() -> None:
    """T-10."""
    who = person({"customer": DASHBOARD})
    own = _with_value(who, "mine")
    assert tag_values(tagged({"customer": {"tenantid": "c"}}, "fallback"), own, "tenantid") == {"mine"}


def test_t10_without_a_value_nothing_is_theirs() -> None:
    """T-10. Not even what says nothing."""
    who = person({"customer": DASHBOARD})
    empty = _with_value(who, "")
    for somebody in (who, None, empty):
        assert tag_values(tagged({}), somebody, "tenantid") == NOBODYS
    assert tag_values(tagged({"customer": {"tenantid": "c"}}, "fallback"), empty, "tenantid") == NOBODYS
    assert tag_values(tagged({}), who, "never-heard-of") == NOBODYS


@pytest.mark.parametrize(
    ("who", "tag", "why"),
    [
        (person(admin=True), "tenantid", "an admin sees every row"),
        (_with_value(person({"customer": DASHBOARD}), "mine"), "tenantid", "the user's own value"),
        (person({"customer": DASHBOARD, "crew": DASHBOARD}), "tenantid", "what crew, customer gives its people"),
        (person({"sub": DASHBOARD}), "tenantid", "what customer gives its people"),
        (person({"other": MEMBER}), "tenantid", "the tag's default"),
        (None, "tenantid", "the tag's default"),
        (person({"customer": DASHBOARD}), TENANT, "their customers, or else their teams"),
        (person({"acme": MEMBER}), THINGS, "the external ids of the things they may see"),
        (None, TENANT, "nobody has given them a value: no row is theirs"),
        (person({"customer": DASHBOARD}), "other", "nobody has given them a value: no row is theirs"),
        (person(state=UserState.SUSPENDED), "tenantid", "nobody has given them a value: no row is theirs"),
    ],
)
def test_t10_the_tester_says_where_values_come_from(who: Person | None, tag: str, why: str) -> None:
    """T-10."""
    tags = {"customer": {"tenantid": "c"}, "crew": {"tenantid": "g"}}
    spaces = [replace(space, tags=tags.get(space.id, {})) for space in SPACES]
    declared = PlatformSettings(tags={"tenantid": "fallback", "other": None})
    world = estate(spaces=spaces, settings=declared, resources=[LINE, *THINGS_THERE])
    tags_of = Tags(world, who, LINE)
    assert tags_of.values(tag) is tags_of.values(tag)
    assert tags_of.why(tag) == why


@pytest.mark.parametrize("kind", [SpaceKind.GROUP, SpaceKind.CUSTOMER])
def test_an_owner_of_another_team_gives_themselves_nobodys_rows_on_its_instances(kind: SpaceKind) -> None:
    """T-10. They make a space there, give it the value of somebody else's, and join it."""
    own = replace(space("own", kind, "other"), tags={"tenantid": "c"})
    spaces = [*SPACES, own]
    tagged_ = [replace(at, tags={"tenantid": "c"}) if at.id in {"customer", "other"} else at for at in spaces]
    world = estate(spaces=tagged_, settings=PlatformSettings(tags={"tenantid": "fallback"}))
    intruder = person({"other": OWNER, "own": DASHBOARD, "everyone": DASHBOARD})
    assert tag_values(world, intruder, "tenantid") == {"fallback"}
    assert tag_values(world, person({"own": DASHBOARD, "customer": DASHBOARD}), "tenantid") == {"c"}
    assert tag_values(world, intruder, "tenantid", at=resource("theirs", owner="other")) == {"c"}
    given_ = replace(intruder, user=replace(intruder.user, tags={"tenantid": "mine"}))
    assert tag_values(world, given_, "tenantid") == {"mine"}


@pytest.mark.parametrize("owner", [None, "gone"])
def test_where_no_team_owns_an_instance_no_space_gives_values(owner: str | None) -> None:
    world = tagged({"customer": {"tenantid": "c"}, "everyone": {"tenantid": "e"}}, "fallback")
    who = person({"customer": DASHBOARD, "everyone": DASHBOARD})
    assert tag_values(world, who, "tenantid", at=resource("loose", owner=owner)) == {"fallback"}


def test_t10_what_is_everyones_is_read_by_the_values_of_every_space() -> None:
    """T-10, T-11: one dashboard for all, which admins keep."""
    world = tagged({"customer": {"tenantid": "c"}, "everyone": {"tenantid": "e"}}, "fallback")
    who = person({"customer": DASHBOARD, "everyone": DASHBOARD})
    assert tag_values(world, who, "tenantid", at=resource("loose", owner="everyone")) == {"c"}


def test_an_instance_below_another_is_its_owners() -> None:
    world = tagged({"customer": {"tenantid": "c"}})
    assert tag_values(world, person({"customer": DASHBOARD}), "tenantid", at=world.resources["line"]) == {"c"}
    assert tag_values(world, person({"customer": DASHBOARD}), "tenantid", at=world.resources["deep"]) == {"c"}


def test_nobody_in_particular_has_the_default() -> None:
    assert tag_values(tagged({}, "shown-to-all"), None, "tenantid") == {"shown-to-all"}
    assert tag_values(tagged({}, "shown-to-all"), None, THINGS) == NOBODYS


def test_who_is_suspended_has_nothing() -> None:
    assert tag_values(tagged({}, "fallback"), person(state=UserState.SUSPENDED), "tenantid") == NOBODYS
    assert tag_values(tagged({}), person(admin=True, state=UserState.SUSPENDED), "tenantid") == NOBODYS


def test_t10_a_suspended_customer_gives_nothing() -> None:
    world = tagged({"customer": {"tenantid": "c"}})
    spaces = {id_: replace(space, active=id_ != "customer") for id_, space in world.spaces.items()}
    assert tag_values(replace(world, spaces=spaces), person({"customer": DASHBOARD}), "tenantid") == NOBODYS


@pytest.mark.parametrize(
    ("roles", "slugs"),
    [
        ({"customer": DASHBOARD, "acme": MEMBER}, {"customer"}),
        ({"customer": DASHBOARD, "sub": DASHBOARD}, {"customer", "sub"}),
        ({"acme": MEMBER, "other": MEMBER}, {"acme", "other"}),
        ({"crew": MEMBER}, set[str]()),
    ],
)
def test_the_tenant_is_ones_customer_or_else_ones_team(roles: Mapping[str, object], slugs: set[str]) -> None:
    assert tag_values(estate(), person(roles), TENANT) == slugs  # type: ignore[arg-type]


def test_t10_an_admin_has_every_value() -> None:
    """T-10."""
    for tag in ("tenantid", THINGS, TENANT, "never-heard-of"):
        assert tag_values(tagged({}), person(admin=True), tag) is None


def test_a_token_is_an_admins_eye_only_if_it_says_so() -> None:
    root = person(admin=True)
    assert tag_values(tagged({}), root, "tenantid", token()) == NOBODYS
    assert tag_values(tagged({}), root, "tenantid", token(admin=True)) is None
    assert tag_values(tagged({}), root, "tenantid", token(admin=True, spaces=frozenset({"acme"}))) == NOBODYS


def test_a_token_has_only_the_values_of_the_spaces_it_is_limited_to() -> None:
    who = person({"customer": DASHBOARD, "crew": DASHBOARD})
    world = tagged({"customer": {"tenantid": "c"}, "crew": {"tenantid": "g"}})
    assert tag_values(world, who, "tenantid", token(spaces=frozenset({"crew"}))) == {"g"}


def test_c07_things_are_ones_own_by_ownership_and_by_shares() -> None:
    """C-07, C-06: a share of the building does not show the offices that others own in it."""
    customer, sub, crew = person({"customer": DASHBOARD}), person({"sub": DASHBOARD}), person({"crew": DASHBOARD})
    assert things(customer) == {"office-a"}
    assert things(person({"customer": OWNER})) == {"office-a", "office-b"}
    assert things(person({"customer": OWNER, "sub": DASHBOARD})) == {"office-a", "office-b"}
    assert things(sub) == {"office-b"}
    assert things(person({"acme": DASHBOARD})) == {"pump", "building"}
    assert things(crew) == NOBODYS
    assert things(crew, share("building", "crew", DASHBOARD)) == {"building"}
    assert things(crew, share("shelf", "crew", DASHBOARD)) == {"pump"}
    assert things(crew, share("pump", "everyone", DASHBOARD)) == {"pump"}
    assert things(crew, share("shelf", "crew", DASHBOARD), share("pump", "everyone", DASHBOARD)) == {"pump"}
    assert things(person({"customer": DASHBOARD}, {"customer": {"office-a": NONE}})) == NOBODYS
    assert things(None) == NOBODYS


def test_who_calls_a_thing_as_somebody_elses_is_called_gains_nothing() -> None:
    """An external id counts for who may see every thing of the instance's team that bears it."""
    both = (thing("theirs", "acme", called="pump-7"), thing("mine", "customer", called="pump-7"))
    assert things(person({"customer": OWNER}), resources=both) == NOBODYS
    assert things(person({"customer": OWNER, "acme": DASHBOARD}), resources=both) == {"pump-7"}


@pytest.mark.parametrize("at", [LINE, resource("line-of-sub", owner="sub")], ids=["the team's", "a customer's"])
def test_c07_another_teams_things_say_nothing_on_an_instance(at: Resource) -> None:
    """C-07: a thing there, called as a row is here, neither shows the row to its owner nor hides it from whose it is."""
    both = (thing("EM-002", "sub"), thing("again", "other", called="EM-002"), thing("undeclared", "other"))
    world = estate([share("again", "sub", DASHBOARD)], resources=both)
    assert tag_values(world, person({"other": OWNER}), THINGS, at=at) == NOBODYS
    assert tag_values(world, person({"customer": OWNER}), THINGS, at=at) == {"EM-002"}
    assert tag_values(world, person({"sub": DASHBOARD}), THINGS, at=at) == {"EM-002"}
    theirs = resource("line-of-other", owner="other")
    assert tag_values(world, person({"other": OWNER}), THINGS, at=theirs) == {"EM-002", "undeclared"}
    assert tag_values(world, person({"sub": DASHBOARD}), THINGS, at=theirs) == {"EM-002"}, "shared with them"


def test_c07_who_comes_from_another_team_has_the_things_that_are_shared_with_them() -> None:
    """C-07."""
    assert things(person({"other": OWNER}), share("pump", "other", DASHBOARD)) == {"pump"}


def test_what_is_everyones_is_read_by_all_things_and_what_is_nobodys_by_none() -> None:
    world = estate(resources=(thing("mine", "customer"), thing("far", "other"), thing("loose", None)))
    who = person({"customer": OWNER, "other": DASHBOARD})
    assert tag_values(world, who, THINGS, at=resource("canned-one", owner="everyone")) == {"mine", "far"}
    for owner in (None, "gone"):
        assert tag_values(world, who, THINGS, at=resource("loose-one", owner=owner)) == NOBODYS


@st.composite
def furnished(draw: st.DrawFn) -> Estate:
    """A random estate with things all over it, some of them called alike."""
    world = draw(estates())
    owners = st.none() | st.sampled_from([space.id for space in SPACES])
    places = st.none() | st.sampled_from([*RESOURCE_IDS, *(f"thing-{number}" for number in range(3))])
    made = [
        thing(f"thing-{number}", draw(owners), draw(places) if number else None, f"ext-{draw(st.integers(0, 4))}")
        for number in range(6)
    ]
    fitting = [replace(one, parent=one.parent if one.parent != one.id else None) for one in made]
    known = {one.id: replace(one, parent=None if _circles(one, fitting) else one.parent) for one in fitting}
    members = draw(st.frozensets(st.sampled_from(list(known)), max_size=3))
    board = replace(world.resources["board"], members=world.resources["board"].members | members)
    grants = draw(
        st.lists(
            st.builds(
                share,
                st.sampled_from(list(known)),
                st.sampled_from([s.id for s in SPACES]),
                st.sampled_from([NONE, DASHBOARD, MEMBER]),
            ),
            max_size=3,
        )
    )
    return replace(world, resources={**world.resources, **known, "board": board}, grants=(*world.grants, *grants))


def _circles(one: Resource, all_: list[Resource]) -> bool:
    """Things lie only in things before them."""
    order = [each.id for each in all_]
    return one.parent in order and order.index(one.parent) >= order.index(one.id)


def _is_acmes(world: Estate, one: Resource) -> bool:
    owner = world.owner(one)
    return owner is not None and [*world.lineage(owner)][-1].id == "acme"


@given(furnished(), people(), st.none() | TOKENS)
def test_c07_the_things_are_those_that_the_role_says(world: Estate, who: Person, limited: Token | None) -> None:
    """C-07. What is looked up is what asking for every single thing comes to."""
    values = tag_values(world, who, THINGS, limited)
    if values is None:
        assert who.user.admin
        return
    there = [one for one in world.by_kind[ResourceKind.THING] if _is_acmes(world, one)]
    person_ = acting(who, limited)
    mine = {
        one.id for one in there if effective_role(world, person_, one) >= DASHBOARD and in_scope(world, limited, one)
    }
    if person_.user.admin and person_.user.state is UserState.ACTIVE:
        assert values <= {one.external_id for one in there if one.id in mine}  # limited to spaces
        return
    names = {one.external_id for one in there if one.id in mine}
    foreign = {one.external_id for one in there if one.id not in mine}
    assert values == names - foreign


@given(estates(), people(admins=False), st.text(min_size=1, max_size=3))
def test_t10_without_any_tag_nobody_but_an_admin_has_a_value(world: Estate, who: Person, tag: str) -> None:
    """T-10."""
    assert tag_values(world, who, tag) == NOBODYS
    assert SpaceKind.EVERYONE in {space.kind for space in world.spaces.values()}
