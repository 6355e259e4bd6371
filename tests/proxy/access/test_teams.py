"""Which spaces count on an instance."""

from collections.abc import Set as AbstractSet

import pytest

from proxy.access.teams import Team
from tests.proxy.access.estates import SPACES, estate, resource

ACMES = {"acme", "customer", "sub", "crew"}
ALL = {at.id for at in SPACES}


@pytest.mark.parametrize(
    ("owner", "spaces"),
    [("acme", ACMES), ("sub", ACMES), ("other", {"other"}), ("everyone", ALL), (None, set()), ("gone", set())],
)
def test_those_of_the_team_that_owns_it_and_all_where_it_is_everyones(
    owner: str | None, spaces: AbstractSet[str]
) -> None:
    team = Team(estate(), resource("one", owner=owner))
    for _ in range(2):
        assert {at.id for at in SPACES if team.has(at)} == spaces
    assert team.has(None) is (owner == "everyone")
