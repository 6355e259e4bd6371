"""Whose looks a page has: T-13's order, and what is taken from where."""

import pytest

from proxy.access.branding import Part, acquainted, at_home_there, at_host, composed, of_person
from proxy.model.access import Role
from proxy.model.directory import Branding, Space, SpaceKind
from proxy.model.estate import Estate, InstanceSettings, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Membership, Person, User

DEFAULT = Branding(product="Plant Portal", accent="#112233", hidden=frozenset({Part.EDITOR}))
ACME = Space(
    id="acme", kind=SpaceKind.TEAM, slug="acme", branding=Branding(product="Acme", logo="acme-logo", accent="#aa0000")
)
CUSTOMER = Space(
    id="north",
    kind=SpaceKind.CUSTOMER,
    slug="north",
    parent="acme",
    branding=Branding(product="North", hosts=("login.north.example",)),
)
BELOW = Space(id="below", kind=SpaceKind.CUSTOMER, slug="below", parent="north")
SOUTH = Space(id="south", kind=SpaceKind.CUSTOMER, slug="south", parent="acme")
CLUB = Space(id="club", kind=SpaceKind.GROUP, slug="club", parent="acme", branding=Branding(product="Club"))
PLAIN = Space(id="plain", kind=SpaceKind.GROUP, slug="a-plain", parent="acme")
OTHER = Space(id="other", kind=SpaceKind.TEAM, slug="other")


def instance(name: str, owner: Space) -> Resource:
    settings = InstanceSettings(upstream="http://127.0.0.1:1", hosts=(f"{name}.example",))
    return Resource(id=name, kind=ResourceKind.INSTANCE, slug=name, owner=owner.id, instance=settings)


LINE, FOREIGN, DEEP = instance("line", ACME), instance("foreign", OTHER), instance("deep", BELOW)


def estate(*spaces: Space, default: Branding = DEFAULT) -> Estate:
    known = {each.id: each for each in (ACME, CUSTOMER, BELOW, SOUTH, CLUB, PLAIN, OTHER)} | {
        each.id: each for each in spaces
    }
    resources = {each.id: each for each in (LINE, FOREIGN, DEEP)}
    return Estate(spaces=known, resources=resources, settings=PlatformSettings(branding=default))


def member(*spaces: Space, admin: bool = False) -> Person:
    held = {space.id: Membership(space=space.id, role=Role.VIEWER) for space in spaces}
    return Person(user=User(id="u", username="u", admin=admin), memberships=held)


@pytest.mark.parametrize(
    ("host", "instances", "product"),
    [
        ("login.north.example", (), "North"),
        ("LOGIN.north.example", (), "Plant Portal"),
        ("unknown.example", (), "Plant Portal"),
        ("line.example", (LINE,), "Acme"),
        ("deep.example", (DEEP,), "North"),
        ("foreign.example", (FOREIGN,), "Plant Portal"),
        ("shared.example", (LINE, FOREIGN), "Plant Portal"),
    ],
)
def test_t_13_the_exact_host_first_then_the_owner_of_what_is_there_then_the_platform(
    host: str, instances: tuple[Resource, ...], product: str
) -> None:
    assert at_host(estate(), host, instances).product == product


def test_t_13_without_any_choice_it_is_as_it_comes() -> None:
    assert at_host(estate(default=Branding()), "unknown.example") == Branding()


def test_t_13_nobody_puts_their_name_on_the_host_of_another_organisations_instance() -> None:
    thief = Space(
        id="thief", kind=SpaceKind.TEAM, slug="a", branding=Branding(product="Thief", hosts=("line.example",))
    )
    found = estate(thief)
    assert at_host(found, "line.example", (LINE,)).product == "Acme"
    assert not at_home_there(found, thief, [ACME])
    assert at_home_there(found, ACME, [BELOW])


def test_of_several_spaces_that_name_a_host_the_lowest_goes_first() -> None:
    above = Space(id="acme", kind=SpaceKind.TEAM, slug="acme", branding=Branding(product="A", hosts=("deep.example",)))
    below = Space(
        id="north",
        kind=SpaceKind.CUSTOMER,
        slug="north",
        parent="acme",
        branding=Branding(product="N", hosts=("deep.example",)),
    )
    assert at_host(estate(above, below), "deep.example", (DEEP,)).product == "N"


def test_each_part_comes_from_the_nearest_space_that_has_one() -> None:
    """Field by field up the lineage, then the platform's."""
    found = composed(estate(), BELOW)
    assert (found.product, found.logo, found.accent) == ("North", "acme-logo", "#aa0000")
    assert found.hidden == {Part.EDITOR}
    assert found.hosts == (), "whose hosts they are is nobody else's"


@pytest.mark.parametrize(
    ("spaces", "product"),
    [
        ((ACME, CUSTOMER), "North"),
        ((ACME, SOUTH), "Acme"),
        ((ACME, CLUB), "Club"),
        ((ACME, PLAIN), "Acme"),
        ((PLAIN,), "Plant Portal"),
        ((CLUB, CUSTOMER), "North"),
        ((OTHER, ACME), "Acme"),
        ((), "Plant Portal"),
    ],
)
def test_t_13_after_the_login_it_is_the_customers_then_a_groups_then_the_teams(
    spaces: tuple[Space, ...], product: str
) -> None:
    assert of_person(estate(), member(*spaces)).product == product


@pytest.mark.parametrize(
    ("person", "owner", "known"),
    [
        (member(ACME), ACME, True),
        (member(ACME), BELOW, True),
        (member(BELOW), ACME, True),
        (member(SOUTH), CUSTOMER, False),
        (member(OTHER), ACME, False),
        (member(), ACME, False),
        (member(admin=True), ACME, True),
        (member(), None, True),
    ],
)
def test_t_14_who_has_to_do_with_an_organisation(person: Person, owner: Space | None, known: bool) -> None:
    assert acquainted(estate(), person, owner) is known
