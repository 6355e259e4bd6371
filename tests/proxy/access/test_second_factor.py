"""Of whom a second factor is asked, as a table."""

from collections.abc import Mapping
from itertools import product

import pytest

from proxy.access.second_factor import Ask, Policy, asked, lacks
from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate
from proxy.model.identity import Membership, Person, User

EVERYONE = Space(id="everyone", kind=SpaceKind.EVERYONE, slug="everyone")
SPACES = (
    Space(id="s1", kind=SpaceKind.TEAM, slug="acme"),
    Space(id="s2", kind=SpaceKind.CUSTOMER, slug="customer-a", parent="s1"),
    EVERYONE,
)
ESTATE = Estate(spaces={space.id: space for space in SPACES})
NOBODY, ADMINS, ALL = Policy(), Policy(admins=True), Policy(everybody=True)
N, C, E = Ask.NOTHING, Ask.CHALLENGE, Ask.ENROL


def person(*spaces: str, admin: bool = False) -> Person:
    memberships: Mapping[str, Membership] = {each: Membership(space=each, role=Role.DASHBOARD) for each in spaces}
    return Person(user=User(id="u", username="u", admin=admin), memberships=memberships)


def of(*slugs: str) -> Policy:
    return Policy(spaces=frozenset(slugs))


@pytest.mark.parametrize(
    ("policy", "who", "concerned"),
    [
        (NOBODY, person("s1", admin=True), False),
        (ADMINS, person("s1"), False),
        (ADMINS, person(admin=True), True),
        (ALL, person(), True),
        (of("acme"), person("s1"), True),
        (of("acme"), person("s2"), False),  # a customer is a space of its own
        (of("customer-a"), person("s2"), True),
        (of("acme", "customer-a"), person("s2"), True),
        (of("acme"), person(), False),
        (of("acme"), person(admin=True), False),
        (of("everyone"), person(), True),  # all are in it without a row
        (of("gone"), person("s1", "s-of-another-time"), False),
    ],
)
def test_s_11_who_must_have_one(policy: Policy, who: Person, concerned: bool) -> None:
    """S-11."""
    assert policy.concerns(ESTATE, who) is concerned


@pytest.mark.parametrize(
    ("enforced", "enrolled", "vouched", "proven", "step_up", "ask"),
    [
        # nobody asks
        (False, False, False, False, False, N),
        # who has one is asked for it, and who must have one sets it up
        (False, True, False, False, False, C),
        (True, True, False, False, False, C),
        (True, False, False, False, False, E),
        # S-10: the provider stands for it, but not where an instance wants one of the gateway's own
        (True, True, True, False, False, N),
        (True, False, True, False, False, N),
        (False, True, True, False, False, N),
        (False, False, True, False, True, E),
        (True, True, True, False, True, C),
        # an instance asks
        (False, False, False, False, True, E),
        (False, True, False, False, True, C),
        # once it is proven nobody asks again
        (True, True, False, True, False, N),
        (True, True, True, True, True, N),
        (False, True, False, True, True, N),
    ],
)
def test_s_08_s_10_s_11_what_is_asked_after_the_first_factor(
    enforced: bool, enrolled: bool, vouched: bool, proven: bool, step_up: bool, ask: Ask
) -> None:
    """S-08, S-10, S-11."""
    found = asked(enforced=enforced, enrolled=enrolled, vouched=vouched, proven=proven, step_up=step_up)
    assert found is ask


@pytest.mark.parametrize(("must", "enrolled", "vouched", "proven", "step_up"), [*product((False, True), repeat=5)])
def test_a_living_session_lacks_nothing_that_a_login_would_not_be_asked_for(
    must: bool, enrolled: bool, vouched: bool, proven: bool, step_up: bool
) -> None:
    """Or it would be led to a page that leads it straight back."""
    policy = ALL if must else NOBODY
    lacking = lacks(policy, ESTATE, person(), vouched=vouched, proven=proven, step_up=step_up)
    ask = asked(enforced=must, enrolled=enrolled, vouched=vouched, proven=proven, step_up=step_up)
    assert not lacking or ask is not Ask.NOTHING


@pytest.mark.parametrize(("must", "enrolled", "vouched"), [*product((False, True), repeat=3)])
def test_nobody_goes_on_unproven_where_an_instance_asks(must: bool, enrolled: bool, vouched: bool) -> None:
    ask = asked(enforced=must, enrolled=enrolled, vouched=vouched, proven=False, step_up=True)
    assert ask is (Ask.CHALLENGE if enrolled else Ask.ENROL)
    policy = ALL if must else NOBODY
    assert lacks(policy, ESTATE, person(), vouched=vouched, proven=False, step_up=True)


@pytest.mark.parametrize(("must", "enrolled", "vouched", "step_up"), [*product((False, True), repeat=4)])
def test_who_has_proven_one_lacks_none(must: bool, enrolled: bool, vouched: bool, step_up: bool) -> None:
    ask = asked(enforced=must, enrolled=enrolled, vouched=vouched, proven=True, step_up=step_up)
    assert ask is Ask.NOTHING
    policy = ALL if must else NOBODY
    assert not lacks(policy, ESTATE, person(), vouched=vouched, proven=True, step_up=step_up)
