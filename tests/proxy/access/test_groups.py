"""What groups mean: the grammar of their names, the table, and what is left alone."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from config.auth_schema import GroupMapping
from proxy.access.groups import Mapped, mapped
from proxy.model.access import Role
from proxy.model.directory import SpaceKind
from proxy.model.estate import ResourceKind
from proxy.model.identity import Membership, Person, User
from tests.proxy.access.estates import MEMBER, NONE, OWNER, RESOURCES, SPACES, VIEWER, estate, resource, space

PLACES = estate(
    spaces=(*SPACES, space("my-team", SpaceKind.TEAM), space("my-team-2", SpaceKind.TEAM)),
    resources=(
        *RESOURCES,
        replace(resource("app-7", ResourceKind.APPLICATION, owner="acme"), slug="north-1", name="North Plant"),
        replace(resource("app-8", ResourceKind.APPLICATION, owner="my-team"), slug="north-1", name="Hall"),
        replace(resource("app-9", ResourceKind.APPLICATION, owner="acme"), slug="hall-1", name="Hall"),
        replace(resource("app-10", ResourceKind.APPLICATION, owner="acme"), slug="hall-2", name="Hall"),
    ),
)
NAMES = GroupMapping()
GUID = "8a7f3c6e-0000-4000-8000-5c2b7b1f6a10"


def user(*memberships: Membership, admin: bool = False, declared: str | None = None) -> Person:
    row = User(id="u-ada", username="ada", provider="corp", subject="77", admin=admin, declared=declared)
    return Person(user=row, memberships={each.space: each for each in memberships})


def held(of: str, role: Role, source: str = "manual", managed: tuple[str, ...] = (), **overrides: Role) -> Membership:
    return Membership(space=of, role=role, source=source, overrides=overrides, managed=frozenset(managed))


def shown(found: Mapped) -> dict[str, str]:
    """`acme: owner`, and `acme[plant]: none` for overrides."""
    memberships = found.person.memberships
    roles = {at: each.role.label for at, each in memberships.items()}
    return roles | {
        f"{at}[{on}]": role.label for at, each in memberships.items() for on, role in each.overrides.items()
    }


SETS: Mapping[str, tuple[GroupMapping, tuple[str, ...], dict[str, str]]] = {
    "one team": (NAMES, ("ff-acme-owner",), {"acme": "owner"}),
    "dashes in the slug": (NAMES, ("ff-my-team-owner",), {"my-team": "owner"}),
    "dashes and a number": (
        NAMES,
        ("ff-my-team-2-viewer", "ff-my-team-member"),
        {"my-team-2": "viewer", "my-team": "member"},
    ),
    "the highest role": (NAMES, ("ff-acme-viewer", "ff-acme-owner", "ff-acme-member"), {"acme": "owner"}),
    "whatever the case": (NAMES, ("FF-Acme-Dashboard",), {"acme": "dashboard"}),
    "what is no role, team or form": (NAMES, ("ff-acme-admin", "ff-nope-owner", "ff-acme", "staff", "ff--owner"), {}),
    "not none for a team, nor everyone": (NAMES, ("ff-acme-none", "ff-everyone-owner"), {}),
    "an application by slug": (
        NAMES,
        ("ff-acme-viewer", "ff-acme[plant]-owner"),
        {"acme": "viewer", "acme[plant]": "owner"},
    ),
    "an application by name, slug with a dash, and id": (
        NAMES,
        (
            "ff-acme-viewer",
            "ff-acme[north plant]-owner",
            "ff-my-team-member",
            "ff-my-team[north-1]-none",
            "ff-acme[plant]-dashboard",
        ),
        {
            "acme": "viewer",
            "acme[app-7]": "owner",
            "my-team": "member",
            "my-team[app-8]": "none",
            "acme[plant]": "dashboard",
        },
    ),
    "none keeps out; the highest wins there too": (
        NAMES,
        ("ff-acme-member", "ff-acme[plant]-none", "ff-acme[app-7]-none", "ff-acme[app-7]-dashboard"),
        {"acme": "member", "acme[plant]": "none", "acme[app-7]": "dashboard"},
    ),
    "no application without the team": (NAMES, ("ff-acme[plant]-owner",), {}),
    "a name that two applications have": (NAMES, ("ff-acme-viewer", "ff-acme[Hall]-owner"), {"acme": "viewer"}),
    "another team's application": (NAMES, ("ff-other-viewer", "ff-other[plant]-owner"), {"other": "viewer"}),
    "a customer": (NAMES, ("ff-customer-dashboard",), {"customer": "dashboard"}),
    "another prefix": (GroupMapping(prefix="nr_"), ("nr_acme-member", "ff-other-member"), {"acme": "member"}),
    "what is cut off": (
        GroupMapping(strip_prefix=5, strip_suffix=4),
        ("corp/ff-acme-member.org", "ff-other-member"),
        {"acme": "member"},
    ),
    "ids by their names": (GroupMapping(names={GUID: "ff-acme-member"}), (GUID, "unknown"), {"acme": "member"}),
    "the table": (
        GroupMapping(
            prefix="", table={"Staff": {"acme": "viewer", "acme/plant": "member"}, "CN=x": {"acme/plant/line": "none"}}
        ),
        ("staff", "cn=x", "ff-other-owner"),
        {"acme": "viewer", "acme[plant]": "member", "acme[line]": "none"},
    ),
    "the table beside names": (
        GroupMapping(table={"ff-acme-viewer": {"other": "member"}}),
        ("ff-acme-viewer",),
        {"acme": "viewer", "other": "member"},
    ),
    "only the teams that they decide about": (
        GroupMapping(teams=("acme",), table={"staff": {"other": "owner"}}),
        ("ff-acme-member", "ff-other-owner", "staff"),
        {"acme": "member"},
    ),
    "no groups": (NAMES, (), {}),
}


@pytest.mark.parametrize(("mapping", "groups", "expected"), SETS.values(), ids=SETS)
def test_s_22_s_23_groups_give(mapping: GroupMapping, groups: tuple[str, ...], expected: dict[str, str]) -> None:
    found = mapped(mapping, groups, PLACES, user())
    assert shown(found) == expected
    assert all(
        each.source == "sso" and each.managed == each.overrides.keys() for each in found.person.memberships.values()
    )
    assert {each.group for each in found.readings} == set(groups), "each is answered for"


@pytest.mark.parametrize(
    ("group", "why"),
    [
        ("staff", "does not start with ff-"),
        ("ff-acme", "it is not ff-TEAM-ROLE"),
        ("ff-acme-boss", "boss is no role"),
        ("ff-nope-owner", "no team, customer or group has the slug nope"),
        ("ff-other-owner", "other is not among the teams"),
        ("ff-acme[plant]-owner", "it needs a membership in acme"),
        ("ff-acme[nope]-owner", "there is no such application"),
        ("ff-acme[hall]-owner", "more than one is called that"),
        ("ff-acme-none", "none keeps nobody out"),
    ],
)
def test_s_22_a_group_that_means_nothing_says_why(group: str, why: str) -> None:
    [told] = mapped(GroupMapping(teams=("acme",)), (group,), PLACES, user()).readings
    assert why in told.ignored


def test_s_22_a_group_that_another_outdoes_says_so() -> None:
    found = mapped(NAMES, ("ff-acme-viewer", "ff-acme-owner"), PLACES, user())
    assert [each.ignored for each in found.readings] == ["another group gives the higher role owner", ""]


AFTERWARDS = {
    # A mapping, what there was before, the groups, and what there is then.
    "what no group gives any more is gone": (NAMES, [held("acme", OWNER, "sso")], (), {}),
    "a role is lowered": (NAMES, [held("acme", OWNER, "sso")], ("ff-acme-viewer",), {"acme": "viewer"}),
    "one made by hand in a team they decide about": (
        NAMES,
        [held("acme", OWNER)],
        ("ff-other-viewer",),
        {"other": "viewer"},
    ),
    "one made by hand in a customer": (NAMES, [held("customer", OWNER)], (), {"customer": "owner"}),
    "another team, left alone": (
        GroupMapping(teams=("acme",)),
        [held("other", OWNER, "invite")],
        (),
        {"other": "owner"},
    ),
    "another team, not left alone": (GroupMapping(teams=("acme",), other_teams=False), [held("other", OWNER)], (), {}),
    "S-23: an override by hand": (
        NAMES,
        [held("acme", VIEWER, "sso", plant=MEMBER)],
        ("ff-acme-viewer",),
        {"acme": "viewer", "acme[plant]": "member"},
    ),
    "S-23: an override whose group is gone": (
        NAMES,
        [held("acme", VIEWER, "sso", ("plant",), plant=MEMBER, line=NONE)],
        ("ff-acme-viewer",),
        {"acme": "viewer", "acme[line]": "none"},
    ),
    "S-23: a group beats what was said by hand": (
        NAMES,
        [held("acme", VIEWER, "sso", plant=MEMBER)],
        ("ff-acme-viewer", "ff-acme[plant]-none"),
        {"acme": "viewer", "acme[plant]": "none"},
    ),
    "S-23: overrides in a team that is left alone": (
        GroupMapping(teams=("other",)),
        [held("acme", VIEWER, plant=MEMBER)],
        ("ff-acme[plant]-none", "ff-acme-owner"),
        {"acme": "viewer", "acme[plant]": "member"},
    ),
}


@pytest.mark.parametrize(("mapping", "before", "groups", "after"), AFTERWARDS.values(), ids=AFTERWARDS)
def test_s_23_what_was_there_before(
    mapping: GroupMapping, before: list[Membership], groups: tuple[str, ...], after: dict[str, str]
) -> None:
    assert shown(mapped(mapping, groups, PLACES, user(*before))) == after


def test_nothing_changes_where_nothing_has_changed() -> None:
    groups = ("ff-acme-viewer", "ff-acme[plant]-owner")
    once = mapped(NAMES, groups, PLACES, user()).person
    assert mapped(NAMES, groups, PLACES, once).person == once


def test_what_an_estate_file_declares_is_neither_changed_nor_taken() -> None:
    ada = user(held("acme", VIEWER, plant=MEMBER), declared="estate.yaml")
    groups = ("ff-acme-owner", "ff-acme[plant]-none", "ff-acme[app-7]-owner", "ff-other-member")
    found = mapped(GroupMapping(admin="boss"), (*groups, "boss"), PLACES, ada)
    assert shown(found) == {"acme": "viewer", "acme[plant]": "member", "acme[app-7]": "owner", "other": "member"}
    assert found.person.memberships["acme"].source == "manual"
    assert found.person.memberships["acme"].managed == {"app-7"}
    assert found.person.user.admin is False
    assert shown(mapped(NAMES, (), PLACES, found.person)) == {"acme": "viewer", "acme[plant]": "member"}


@pytest.mark.parametrize(
    ("admin", "groups", "last", "after", "kept"),
    [
        (False, ("Gateway Admins",), False, True, False),
        (True, (), False, False, False),
        (True, (), True, True, True),
        (True, ("gateway admins",), True, True, False),
        (False, (), False, False, False),
    ],
)
def test_s_24_admins_by_group_but_the_last_one_stays(
    admin: bool, groups: tuple[str, ...], last: bool, after: bool, kept: bool
) -> None:
    found = mapped(GroupMapping(admin="gateway admins"), groups, PLACES, user(admin=admin), last_admin=last)
    assert (found.person.user.admin, found.kept_admin) == (after, kept)


def test_s_24_without_a_group_of_admins_nobody_becomes_or_ceases_to_be_one() -> None:
    assert mapped(NAMES, (), PLACES, user(admin=True)).person.user.admin is True


@pytest.mark.parametrize(
    ("groups", "after", "kept", "ignored"),
    [
        ((), OWNER, True, []),
        (("ff-acme-viewer",), OWNER, True, ["they are the last active owner of acme, and stay it"]),
        (("ff-acme-owner",), OWNER, False, [""]),
    ],
)
def test_s_24_the_last_owner_of_a_team_stays_its_owner(
    groups: tuple[str, ...], after: Role, kept: bool, ignored: list[str]
) -> None:
    before = user(held("acme", OWNER), held("my-team", OWNER))
    found = mapped(NAMES, groups, PLACES, before, last_owner=("acme",))
    assert {at: each.role for at, each in found.person.memberships.items()} == {"acme": after}
    assert found.kept_owner == ({"acme"} if kept else frozenset())
    assert [each.ignored for each in found.readings] == ignored
