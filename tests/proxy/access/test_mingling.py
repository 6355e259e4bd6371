"""People of several customers in one group."""

import pytest

from proxy.access.mingling import mingles
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate


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


@pytest.mark.parametrize(
    ("spaces", "mingled"),
    [
        (["night"], False),
        (["night", "a"], False),
        (["a", "a-north", "a-night"], False),
        (["night", "a", "b"], True),
        (["a-night", "b"], True),
        (["a", "gone"], False),
    ],
)
def test_customers_of_one_house_are_not_mingled_but_of_two_are(spaces: list[str], mingled: bool) -> None:
    estate = Estate(version=1, spaces={each.id: each for each in SPACES}, resources={}, grants=())
    assert mingles(estate, spaces) is mingled
