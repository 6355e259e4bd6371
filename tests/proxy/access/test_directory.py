"""Of whom a person may know, spec 6.1, with tenant mode off and on."""

import pytest
from hypothesis import given

from proxy.access.directory import knows, spaces_known
from proxy.model.access import Role
from proxy.model.directory import SpaceKind
from proxy.model.estate import Estate, PlatformSettings
from proxy.model.identity import Actor, Person, User, UserState
from tests.proxy.access.estates import (
    ACTORS,
    MEMBER,
    NONE,
    OWNER,
    SPACES,
    VIEWER,
    by_token,
    estate,
    estates,
    in_session,
    people,
    person,
    space,
    suspended,
    token,
)

TENANTS = PlatformSettings(tenant_mode=True)
TREE = {"acme", "customer", "sub", "crew"}


@pytest.mark.parametrize(
    ("roles", "off", "on"),
    [
        ({}, set(), set()),
        ({"acme": VIEWER}, TREE, set()),
        ({"acme": NONE}, TREE, set()),
        ({"acme": OWNER}, TREE, TREE),
        ({"customer": MEMBER}, TREE, {"customer"}),
        ({"customer": OWNER}, TREE, {"customer", "sub"}),
        ({"customer": VIEWER, "crew": VIEWER}, TREE, {"customer", "crew"}),
        ({"sub": VIEWER}, TREE, {"sub"}),
        ({"sub": VIEWER, "other": MEMBER}, {*TREE, "other"}, {"sub"}),
        ({"gone": OWNER}, set(), set()),
    ],
)
def test_t06_whom_one_may_know_of(roles: dict[str, Role], off: set[str], on: set[str]) -> None:
    who = in_session(person(roles))
    assert spaces_known(estate(), who) == off
    assert spaces_known(estate(settings=TENANTS), who) == on


@pytest.mark.parametrize("settings", [PlatformSettings(), TENANTS])
def test_t07_an_admin_knows_of_everybody(settings: PlatformSettings) -> None:
    assert spaces_known(estate(settings=settings), in_session(person(admin=True))) is None
    assert spaces_known(estate(settings=settings), by_token(person(admin=True), token(admin=True))) is None


def test_an_admins_token_knows_no_more_than_it_speaks_for() -> None:
    assert spaces_known(estate(), by_token(person(admin=True))) == set()
    limited = token(admin=True, spaces=frozenset({"customer"}))
    assert spaces_known(estate(), by_token(person(admin=True), limited)) == {"customer", "sub"}
    narrow = by_token(person({"acme": OWNER, "other": OWNER}), token(spaces=frozenset({"other"})))
    assert spaces_known(estate(), narrow) == {"other"}


def test_who_is_suspended_or_in_suspended_spaces_knows_of_nobody() -> None:
    assert spaces_known(estate(), in_session(person({"acme": OWNER}, state=UserState.SUSPENDED))) == set()
    assert spaces_known(estate(spaces=suspended("acme")), in_session(person({"customer": OWNER}))) == set()


def test_in_everyone_nobody_is_met() -> None:
    spaces = [*SPACES, space("more", SpaceKind.EVERYONE)]
    world = estate(spaces=spaces, settings=TENANTS)
    assert spaces_known(world, in_session(person({"everyone": OWNER}))) == set()


def other(roles: dict[str, Role]) -> Person:
    return Person(user=User(id="bob", username="bob"), memberships=person(roles).memberships)


def test_t06_a_person_is_known_by_a_space_in_common_and_everybody_knows_themselves() -> None:
    world = estate(settings=TENANTS)
    ada = in_session(person({"customer": VIEWER, "acme": VIEWER}))
    assert knows(world, ada, other({"customer": NONE}))
    assert not knows(world, ada, other({"acme": OWNER}))
    assert not knows(world, ada, other({}))
    assert knows(world, ada, ada.person)
    assert knows(world, in_session(person()), person())
    assert knows(world, in_session(person(admin=True)), other({}))


@given(estates(), ACTORS, people())
def test_tenant_mode_never_shows_more_people(world: Estate, actor: Actor, bob: Person) -> None:
    off = estate(world.grants, spaces=world.spaces.values(), resources=world.resources.values())
    on = estate(world.grants, spaces=world.spaces.values(), resources=world.resources.values(), settings=TENANTS)
    bob = Person(user=User(id="bob", username="bob"), memberships=bob.memberships)
    assert knows(off, actor, bob) or not knows(on, actor, bob)
