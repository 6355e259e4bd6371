"""T-15: what is expected of people, looked at again: broken rules are named, with user, permission, place and reason."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.access.decide import decide
from proxy.access.explain import logged_in
from proxy.access.personas import Looked, Unasked, broken, look
from proxy.model.access import Permission, Reason, Role
from proxy.model.estate import Estate, PersonaCheck
from tests.proxy.access.estates import DASHBOARD, NOW, OWNER, RESOURCE_IDS, VIEWER, estates, person, share
from tests.proxy.access.estates import estate as estate_of


def expected(permission: str, place: str, *, allowed: bool, user: str = "ada") -> PersonaCheck:
    return PersonaCheck(user=user, permission=permission, place=place, allowed=allowed)


def looked(estate: Estate, check: PersonaCheck, roles: dict[str, Role]) -> Looked:
    (found,) = look(estate, [check], {"ada": person(roles)}, now=NOW)
    return found


def test_t_15_what_holds_says_what_gave_it() -> None:
    found = looked(estate_of(), expected("instance:http", "line", allowed=True), {"acme": DASHBOARD})
    assert found.holds
    assert (found.allowed, found.reason, found.role) == (True, Reason.ROLE, DASHBOARD)
    assert found.because == ("member: dashboard in acme",)


def test_t_15_a_broken_rule_is_named_with_what_broke_it() -> None:
    check = expected("instance:http", "line", allowed=False)
    before = looked(estate_of(), check, {"customer": VIEWER})
    assert before.holds
    assert before.reason is Reason.NOT_FOUND
    after = looked(estate_of([share("line", "customer", DASHBOARD)]), check, {"customer": VIEWER})
    assert not after.holds
    assert (after.allowed, after.reason, after.role) == (True, Reason.ROLE, DASHBOARD)
    assert any("is shared with customer" in line for line in after.because)


def test_each_is_taken_to_have_just_logged_in() -> None:
    assert looked(estate_of(), expected("instance:security", "line", allowed=True), {"acme": OWNER}).holds


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        (expected("instance:http", "line", allowed=False, user="gone"), Unasked.USER_GONE),
        (expected("instance:http", "gone", allowed=False), Unasked.PLACE_GONE),
        (expected("instance:teleport", "line", allowed=False), Unasked.PERMISSION_UNKNOWN),
        (expected("space:read", "line", allowed=False), Unasked.WRONG_PLACE),
        (expected("instance:http", "", allowed=False), Unasked.WRONG_PLACE),
        (expected("platform:users", "line", allowed=False), Unasked.WRONG_PLACE),
    ],
)
def test_what_cannot_be_asked_any_more_is_broken_whatever_was_expected(check: PersonaCheck, reason: Unasked) -> None:
    for allowed in (True, False):
        found = looked(estate_of(), replace(check, allowed=allowed), {"acme": OWNER})
        assert (found.holds, found.allowed, found.reason) == (False, None, reason)
        assert found.because


def test_those_that_do_not_hold_are_found_in_their_order() -> None:
    checks = [expected("instance:http", place, allowed=False) for place in ("office", "line", "press")]
    found = look(estate_of(), checks, {"ada": person({"acme": VIEWER})}, now=NOW)
    assert [each.check.place for each in broken(found)] == ["line", "press"]


@given(estates(), st.sampled_from(["instance:http", "instance:read", "instance:edit"]), st.sampled_from(RESOURCE_IDS))
def test_it_says_what_the_one_decision_says(world: Estate, permission: str, place: str) -> None:
    who = person({"acme": VIEWER, "customer": OWNER})
    (found,) = look(world, [expected(permission, place, allowed=True)], {"ada": who}, now=NOW)
    decision = decide(world, logged_in(who, NOW), Permission(permission), world.resources[place], now=NOW)
    assert found.reason is Unasked.WRONG_PLACE or (found.allowed, found.reason) == (decision.allowed, decision.reason)
