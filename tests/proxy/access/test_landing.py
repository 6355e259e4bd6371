"""Which dashboard somebody sees first (C-12)."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from proxy.access.landing import landing
from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, InstanceSettings, Resource, ResourceKind
from proxy.model.identity import Membership, Person, User

SETTINGS = InstanceSettings(upstream="http://127.0.0.1:1", hosts=("line.localhost",))


def _space(id_: str, kind: SpaceKind, parent: str | None = None, home: str | None = None, **more: object) -> Space:
    made = Space(id=id_, kind=kind, slug=id_, parent=parent, home_dashboard=home)
    return replace(made, **more)  # type: ignore[arg-type]


def _estate(**homes: str) -> Estate:
    """A team with a customer, one below that, and a group; an instance each space may open."""
    spaces = [
        _space("acme", SpaceKind.TEAM, home=homes.get("acme")),
        _space("customer", SpaceKind.CUSTOMER, "acme", homes.get("customer")),
        _space("sub", SpaceKind.CUSTOMER, "customer", homes.get("sub")),
        _space("crew", SpaceKind.GROUP, "acme", homes.get("crew")),
    ]
    owners = {"of-acme": "acme", "of-customer": "customer", "of-sub": "sub", "of-crew": "crew"}
    resources = [
        Resource(id=id_, kind=ResourceKind.INSTANCE, slug=id_, owner=owner, instance=SETTINGS)
        for id_, owner in owners.items()
    ]
    page = Resource(id="page", kind=ResourceKind.PAGE, slug="page", parent="of-sub", attributes={"match": "/overview"})
    data = Resource(
        id="data", kind=ResourceKind.PAGE, slug="data", parent="of-sub", attributes={"endpoints": ["/api/*"]}
    )
    thing = Resource(id="thing", kind=ResourceKind.THING, slug="thing", owner="sub")
    return Estate(
        spaces={each.id: each for each in spaces}, resources={each.id: each for each in (*resources, page, data, thing)}
    )


def _person(own: str | None = None, **roles: Role) -> Person:
    held = {space: Membership(space=space, role=role) for space, role in roles.items()}
    return Person(user=User(id="u", username="u", default_dashboard=own), memberships=held)


@pytest.mark.parametrize(
    ("own", "roles", "homes", "seen"),
    [
        (None, {"sub": Role.DASHBOARD}, {}, None),
        (None, {"sub": Role.DASHBOARD}, {"sub": "of-sub"}, "of-sub"),
        ("page", {"sub": Role.DASHBOARD}, {"sub": "of-sub"}, "page"),
        ("thing", {"sub": Role.DASHBOARD}, {"sub": "of-sub"}, "of-sub"),
        ("data", {"sub": Role.DASHBOARD}, {"sub": "of-sub"}, "of-sub"),
        ("of-acme", {"sub": Role.DASHBOARD}, {"sub": "of-sub"}, "of-sub"),
        ("gone", {"sub": Role.DASHBOARD}, {}, None),
        (None, {"sub": Role.DASHBOARD}, {"customer": "of-sub", "acme": "page"}, "of-sub"),
        (None, {"sub": Role.DASHBOARD}, {"acme": "page"}, "page"),
        (None, {"sub": Role.DASHBOARD}, {"sub": "of-acme", "customer": "of-customer", "acme": "page"}, "page"),
        (None, {"acme": Role.OWNER, "sub": Role.DASHBOARD}, {"acme": "of-acme", "sub": "of-sub"}, "of-sub"),
        (None, {"acme": Role.VIEWER, "crew": Role.DASHBOARD}, {"acme": "of-acme", "crew": "of-crew"}, "of-crew"),
        (None, {"acme": Role.VIEWER}, {"customer": "of-acme"}, None),
    ],
)
def test_c_12_user_before_customer_before_team_and_nothing_that_is_not_theirs(
    own: str | None, roles: Mapping[str, Role], homes: Mapping[str, str], seen: str | None
) -> None:
    found = landing(_estate(**homes), _person(own, **roles))
    assert (found.id if found else None) == seen


def test_c_12_a_suspended_customer_says_nothing() -> None:
    estate = _estate(sub="of-sub", acme="of-acme")
    spaces = {**estate.spaces, "customer": replace(estate.spaces["customer"], active=False)}
    assert (
        landing(replace(estate, spaces=spaces), _person(sub=Role.DASHBOARD, acme=Role.VIEWER))
        == (estate.resources["of-acme"])
    )
