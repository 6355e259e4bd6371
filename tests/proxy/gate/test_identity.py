"""What an instance is told about who is there."""

from dataclasses import replace

import pytest

from proxy.gate.identity import bearer, claims, lines, sso_groups
from proxy.gate.principal import Kind, Principal, nobody
from proxy.gate.world import Station, World, world_of
from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.identity import Membership, Person, Session, User
from tests.proxy.gate.house import GROUND, LINE_3, House, instance

SESSION = Session(
    id="handle",
    user_id="u1",
    provider="local",
    amr=("pwd", "otp"),
    created=0.0,
    seen=0.0,
    expires=900.7,
    idle=60.0,
    groups=("staff", "Köche"),
)


def made(**settings: object) -> tuple[World, Station]:
    world = House().world([instance("line-3", LINE_3, **settings)])
    return world, world.stations["r-line-3"]


def member(*spaces: str) -> Person:
    return Person(
        user=User(id="u1", username="ada", email="ada@acme.example", image="https://x/i.png", tags={"shift": "night"}),
        memberships={at: Membership(space=at, role=Role.MEMBER) for at in spaces},
    )


def test_the_claims_are_those_of_the_specification() -> None:
    world, station = made()
    who = bearer(world.estate, member("s-acme", "s-crew"), station, Role.MEMBER, "203.0.113.7")
    principal = Principal(Kind.SESSION, "handle", session=SESSION, expires=9.0, idle=9.0, seen=0.0)
    told = claims(who, principal, station, Role.MEMBER, editor=False, issuer="https://gate.example", now=100.9)
    assert told == {
        "iss": "https://gate.example",
        "aud": "r-line-3",
        "sub": "u1",
        "username": "ada",
        "email": "ada@acme.example",
        "name": "ada",
        "image": "https://x/i.png",
        "role": "member",
        "tenant": "acme",
        "groups": ["crew"],
        "tags": {"shift": ["night"]},
        "sso_groups": ["staff", "Köche"],
        "ip": "203.0.113.7",
        "amr": ["pwd", "otp"],
        "provider": "local",
        "session": "handle",
        "session_exp": 901,
        "use": "http",
        "iat": 100,
        "exp": 160,
    }


def test_of_a_providers_many_groups_as_many_are_told_as_fit_into_a_header() -> None:
    many = tuple(f"group-{number:03}" for number in range(1000))
    session = replace(SESSION, groups=many)
    told = sso_groups(Principal(Kind.SESSION, "handle", session=session, expires=9.0, idle=9.0, seen=0.0))
    assert told == many[: len(told)]
    assert 4000 < sum(len(group) + 3 for group in told) <= 4096
    assert sso_groups(nobody()) == ()


@pytest.mark.parametrize(
    ("settings", "role", "permissions"),
    [
        ({}, Role.VIEWER, ["read"]),
        ({}, Role.MEMBER, ["*"]),
        ({"protected": True}, Role.OWNER, ["read", "settings.write"]),
        ({"min_edit_role": Role.OWNER}, Role.OWNER, ["*"]),
    ],
)
def test_an_editors_assertion_carries_permissions_already_lowered(
    settings: dict[str, object], role: Role, permissions: list[str]
) -> None:
    world, station = made(**settings)
    who = bearer(world.estate, member("s-acme"), station, role, "")
    told = claims(who, nobody(), station, role, editor=True, issuer="i", now=1.0)
    assert (told["use"], told["permissions"]) == ("editor", permissions)
    assert (told["session"], told["session_exp"], told["amr"]) == ("", 61, [])


@pytest.mark.parametrize("held", [True, False])
def test_d_11_nodered_is_told_whether_messages_for_one_are_kept_from_all_others(held: bool) -> None:
    world, station = made(enforce_client_constraint=held)
    who = bearer(world.estate, member("s-acme"), station, Role.MEMBER, "")
    for editor in (True, False):
        told = claims(who, nobody(), station, Role.MEMBER, editor=editor, issuer="i", now=1.0)
        assert ("constrain" in told) is (held and not editor)


@pytest.mark.parametrize(
    ("spaces", "tenant"),
    [
        ((), ""),
        (("s-crew",), ""),
        (("s-acme",), "acme"),
        (("s-acme", "s-customer"), "customer-a"),
        (("s-gone", "s-acme"), "acme"),
        (("s-acme", "s-zeta"), "acme"),
        (("s-zeta", "s-beta"), "beta"),
    ],
)
def test_the_tenant_is_the_customer_else_the_team_nearest_to_the_instance(spaces: tuple[str, ...], tenant: str) -> None:
    world, station = made()
    more = [Space(id=f"s-{name}", kind=SpaceKind.TEAM, slug=name) for name in ("beta", "zeta")]
    estate = replace(world.estate, spaces={**world.estate.spaces, **{at.id: at for at in more}})
    assert bearer(estate, member(*spaces), station, Role.VIEWER, "").tenant == tenant


ABROAD = (
    Space(id="s-zeta", kind=SpaceKind.TEAM, slug="zeta"),
    Space(id="s-abroad", kind=SpaceKind.CUSTOMER, slug="abroad", parent="s-zeta"),
)


@pytest.mark.parametrize(
    ("spaces", "tenant"),
    [
        (("s-abroad", "s-customer"), "customer-a"),
        (("s-abroad", "s-acme"), "acme"),
        (("s-abroad", "s-crew"), "abroad"),
        (("s-abroad", "s-zeta"), "abroad"),
    ],
)
def test_d_05_the_tenant_is_one_of_the_instances_own_team_where_there_is_one(
    spaces: tuple[str, ...], tenant: str
) -> None:
    """D-05: what a flow means for a tenant is for those whom its team calls so."""
    world, station = made()
    estate = replace(world.estate, spaces={**world.estate.spaces, **{at.id: at for at in ABROAD}})
    assert bearer(estate, member(*spaces), station, Role.VIEWER, "").tenant == tenant


@pytest.mark.parametrize(
    ("suspended", "tenant", "groups"),
    [
        ("s-customer", "acme", ("crew",)),
        ("s-acme", "abroad", ()),
        ("s-crew", "customer-a", ()),
        ("s-zeta", "customer-a", ("crew",)),
    ],
)
def test_d_05_flows_hear_of_no_space_that_is_suspended(suspended: str, tenant: str, groups: tuple[str, ...]) -> None:
    """D-05. Nor of one below it."""
    world, station = made()
    spaces = {**world.estate.spaces, **{at.id: at for at in ABROAD}}
    estate = replace(world.estate, spaces={**spaces, suspended: replace(spaces[suspended], active=False)})
    who = bearer(estate, member("s-acme", "s-customer", "s-crew", "s-abroad"), station, Role.VIEWER, "")
    assert (who.tenant, who.groups) == (tenant, groups)


def test_of_what_is_everyones_no_team_is_nearer_than_another() -> None:
    world, station = made()
    everyone = Space(id="s-everyone", kind=SpaceKind.EVERYONE, slug="everyone")
    spaces = {**world.estate.spaces, **{at.id: at for at in (*ABROAD, everyone)}}
    canned = replace(station.resource, owner="s-everyone")
    estate = replace(world.estate, spaces=spaces, resources={**world.estate.resources, canned.id: canned})
    shown = world_of(estate, GROUND).stations[canned.id]
    assert bearer(estate, member("s-acme", "s-abroad"), shown, Role.VIEWER, "").tenant == "abroad"


def test_an_instance_that_nobody_owns_has_no_tenant_nearer_than_another() -> None:
    world, station = made()
    estate = replace(world.estate, resources={"r-line-3": replace(station.resource, parent=None)})
    assert bearer(estate, member("s-acme"), station, Role.VIEWER, "").tenant == "acme"


def test_the_assertion_goes_first_and_only_where_it_is_asked_for() -> None:
    world, station = made(identity=("remote", "assertion"))
    who = bearer(world.estate, member("s-acme"), station, Role.VIEWER, "")
    assert lines(who, station, lambda: b"signed").startswith(b"\r\nX-Flowward-Assertion: signed\r\nRemote-User: ada")
    _, plain = made(identity=())
    assert lines(who, plain, lambda: b"signed") == b""
