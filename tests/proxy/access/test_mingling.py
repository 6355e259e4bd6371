"""People of several customers in one group."""

import pytest

from proxy.access.mingling import concerned, mingled, mingles
from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate
from proxy.model.identity import Membership, Person, User


def space(name: str, kind: SpaceKind, parent: str | None = None) -> Space:
    return Space(id=name, kind=kind, slug=name, parent=parent)


SPACES = [
    space("acme", SpaceKind.TEAM),
    space("a", SpaceKind.CUSTOMER, "acme"),
    space("a-north", SpaceKind.CUSTOMER, "a"),
    space("a-night", SpaceKind.GROUP, "a-north"),
    space("b", SpaceKind.CUSTOMER, "acme"),
    space("night", SpaceKind.GROUP, "acme"),
]

WORLD = Estate(spaces={each.id: each for each in SPACES})


@pytest.mark.parametrize(
    ("spaces", "mixed"),
    [
        (["night"], False),
        (["night", "a"], False),
        (["a", "a-north", "a-night"], False),
        (["night", "a", "b"], True),
        (["a-night", "b"], True),
        (["a", "gone"], False),
    ],
)
def test_customers_of_one_house_are_not_mingled_but_of_two_are(spaces: list[str], mixed: bool) -> None:
    assert mingles(WORLD, spaces) is mixed


def test_t_12_groups_are_listed_that_mingle_customers() -> None:
    met = {"night": {"night", "a", "b"}, "a-night": {"a-night", "a-north"}, "gone": {"a", "b"}}
    assert [each.id for each in mingled(WORLD, met)] == ["night"]


@pytest.mark.parametrize(
    ("held", "joined", "groups"),
    [
        ({"night"}, {"night"}, ["night"]),
        ({"night", "a"}, {"a"}, ["night"]),
        ({"night", "a"}, {"night", "a"}, ["night"]),
        ({"night", "a-night"}, {"a-night"}, ["a-night", "night"]),
        ({"night", "acme"}, {"night"}, []),
        ({"a"}, {"a"}, []),
        ({"night", "gone"}, {"gone"}, []),
    ],
)
def test_t_12_who_joins_a_customer_or_a_group_may_mingle_the_groups_they_are_in_but_staff_never_does(
    held: set[str], joined: set[str], groups: list[str]
) -> None:
    memberships = {at: Membership(space=at, role=Role.VIEWER) for at in sorted(held)}
    who = Person(user=User(id="ada", username="ada"), memberships=memberships)
    assert [each.id for each in concerned(WORLD, who, joined)] == groups
