"""Explanations: they say what `decide` decides, and every rule that was considered for it."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.access.decide import CHECKS, Check, decide
from proxy.access.explain import Considered, Explanation, explain, logged_in
from proxy.model.access import Permission, Reason, Role, Write
from proxy.model.estate import Estate, PlatformSettings
from proxy.model.identity import Actor, Token
from tests.proxy.access.estates import (
    ACTORS,
    DASHBOARD,
    MEMBER,
    NONE,
    NOW,
    OWNER,
    RESOURCE_IDS,
    SPACES,
    VIEWER,
    by_token,
    estate,
    estates,
    in_session,
    person,
    share,
    suspended,
    token,
    viewing,
)

P = Permission
UNHEARD = "not heard, since that space is suspended, or neither owns it nor lies above its owner"
PLACES = st.sampled_from([None, *RESOURCE_IDS, *(at.id for at in SPACES)])


def explained(
    actor: Actor, permission: Permission, where: str | None, world: Estate | None = None, write: Write | None = None
) -> Explanation:
    world = world or estate()
    place = (world.resources.get(where) or world.spaces[where]) if where else None
    return explain(world, actor, permission, place, now=NOW, write=write)


def rows(found: Explanation, rule: str) -> list[Considered]:
    return [each for each in found.considered if each.rule == rule]


def said(found: Explanation, rule: str) -> list[str]:
    return [each.words for each in rows(found, rule)]


@given(estates(), ACTORS, st.sampled_from(Permission), PLACES, st.none() | st.sampled_from(Write))
def test_what_is_explained_is_what_is_decided(
    world: Estate, actor: Actor, permission: Permission, where: str | None, write: Write | None
) -> None:
    """Decision, first refusal and role: none of them can be read from an explanation other than it is decided."""
    place = (world.resources.get(where) or world.spaces[where]) if where else None
    found = explain(world, actor, permission, place, now=NOW, write=write)
    decision = decide(world, actor, permission, place, now=NOW, write=write)
    assert found.decision == decision
    refusals = [each.refuses for each in found.considered if each.refuses]
    assert decision.allowed is not bool(refusals)
    if refusals:
        assert decision.reason is (refusals[-1] if decision.status == 404 else refusals[0])
    given_ = [each.gives for each in found.considered if each.applies and each.gives is not None]
    if decision.status in {200, 403}:
        assert max(given_, default=NONE) is decision.role


def test_every_check_is_told_in_the_order_in_which_it_is_made() -> None:
    found = explained(in_session(person({"acme": OWNER})), P.FLOWS_EDIT, "line")
    assert [Check(each.rule) for each in found.considered if each.rule in set(Check)] == list(CHECKS)


@pytest.mark.parametrize(
    ("permission", "words"),
    [
        (P.INSTANCE_READ, "an admin looks on as this user"),
        (P.INSTANCE_EDIT, "an admin looks on as this user, and changes nothing"),
    ],
)
def test_an_admin_who_looks_on_is_told_of(permission: Permission, words: str) -> None:
    found = explained(viewing(person({"acme": OWNER})), permission, "line")
    assert said(found, Check.VIEWING) == [words]


def test_somebody_who_is_not_here_is_explained_as_if_they_had_just_proved_who_they_are() -> None:
    found = explained(logged_in(person({"acme": OWNER}), NOW), P.INSTANCE_SECURITY, "line")
    assert (found.decision.allowed, rows(found, Check.PROOF)[0].refuses) == (True, None)


def test_an_override_is_told_with_where_it_was_said_and_why_others_do_not_count() -> None:
    who = person(
        {"acme": OWNER, "customer": VIEWER, "crew": OWNER},
        {"acme": {"plant": NONE, "office": DASHBOARD}, "customer": {"office": VIEWER}, "crew": {"office": OWNER}},
    )
    found = explained(in_session(who), P.INSTANCE_READ, "office")
    assert said(found, "override") == [
        "acme/plant/office says dashboard, with the membership of acme; another one at the same place says more",
        "acme/plant/office says viewer, with the membership of customer",
        f"acme/plant/office says owner, with the membership of crew; {UNHEARD}",
        "acme/plant says none, with the membership of acme; another one is nearer",
    ]
    assert [each.applies for each in rows(found, "override")] == [False, True, False, False]
    assert not any(each.applies for each in rows(found, "member") + rows(found, "owner_above"))


def test_an_override_that_a_provider_keeps_up_is_told_as_such() -> None:
    who = person({"acme": OWNER}, {"acme": {"plant": NONE, "office": DASHBOARD}})
    managed = replace(who.memberships["acme"], managed=frozenset({"plant"}))
    found = explained(in_session(replace(who, memberships={"acme": managed})), P.INSTANCE_READ, "office")
    assert said(found, "override") == [
        "acme/plant/office says dashboard, with the membership of acme",
        "acme/plant says none (sso), with the membership of acme; another one is nearer",
    ]


def test_an_override_of_a_space_that_is_gone_and_one_that_does_not_count_are_told() -> None:
    gone = explained(in_session(person({"gone": OWNER}, {"gone": {"line": OWNER}})), P.INSTANCE_READ, "line")
    assert said(gone, "override")[0].startswith("acme/plant/line says owner, with the membership of a space that is")
    owner = in_session(person({"acme": OWNER}, {"acme": {"plant": NONE}}))
    found = explained(owner, P.APPLICATION_ACCESS_CONTROL, "plant")
    words = "overrides do not count here, so that nobody locks themselves out"
    assert said(found, "override") == [f"acme/plant says none, with the membership of acme; {words}"]


def test_memberships_owners_above_and_shares_are_told_with_what_they_give() -> None:
    world = estate([share("office", "crew", VIEWER), share("plant", "other", OWNER), share("office", "gone", OWNER)])
    found = explained(in_session(person({"acme": OWNER, "crew": MEMBER})), P.FLOWS_EDIT, "office", world)
    told = {(each.rule, each.words): each.gives for each in found.considered if each.gives is not None}
    assert told == {
        ("member", "none in customer"): NONE,
        ("owner_above", "owner of acme, which lies above customer"): OWNER,
        ("share", "acme/plant/office is shared with crew up to viewer"): VIEWER,
        ("share", "acme/plant/office is shared with ? up to owner"): NONE,
    }
    assert said(found, "share")[-1] == "acme/plant is shared with other up to owner, but this has another owner"
    assert said(found, "override") == ["none on the way up"]


def test_what_belongs_to_nobody_and_who_is_in_suspended_spaces_is_told() -> None:
    assert said(explained(in_session(person()), P.INSTANCE_READ, "loose"), "owner") == ["it belongs to no space"]
    world = estate(spaces=suspended("acme"))
    found = explained(in_session(person({"customer": OWNER})), P.SPACE_READ, "customer", world)
    assert said(found, "member") == ["none in customer, which is suspended"]
    assert said(found, "owner_above") == ["no owner of acme, which lies above customer"]
    everyone = explained(in_session(person()), P.HTTP, "canned")
    assert said(everyone, "member") == ["dashboard in everyone"]


@pytest.mark.parametrize(
    ("limited", "permission", "where", "words"),
    [
        (token(), P.INSTANCE_READ, "line", "ci allows it"),
        (token(read_only=True), P.INSTANCE_EDIT, "line", "ci changes nothing (read-only)"),
        (
            token(read_only=True, spaces=frozenset({"other"})),
            P.INSTANCE_READ,
            "line",
            "ci does not reach this place (read-only, limited to some spaces)",
        ),
        (token(expires=NOW), P.INSTANCE_READ, "line", "ci has expired"),
        (token(), P.INSTANCE_SECURITY, "line", "ci is a token, and this takes a person who is logged in"),
        (token(), P.SELF_TOKENS, None, "ci is a token, and tokens make no tokens"),
        (
            token(spaces=frozenset({"acme"})),
            P.SPACE_CREATE,
            None,
            "ci reaches nothing of the platform (limited to some spaces)",
        ),
    ],
)
def test_the_limits_of_a_token_are_told(limited: Token, permission: Permission, where: str | None, words: str) -> None:
    assert said(explained(by_token(person({"acme": OWNER}), limited), permission, where), "token") == [words]


def test_admins_and_tokens_that_are_none_are_told_apart() -> None:
    told = {
        "an admin": in_session(person(admin=True)),
        "no admin": in_session(person({"acme": OWNER})),
        "an admin, but the token does not act as one": by_token(person({"acme": OWNER}, admin=True)),
    }
    for words, actor in told.items():
        assert said(explained(actor, P.INSTANCE_READ, "line"), "admin") == [words]


# fmt: off
@pytest.mark.parametrize(
    ("permission", "where", "rule", "words", "refuses"),
    [
        (P.FLOWS_EDIT, "press", "protection",
         "the instance is protected: nobody changes it by hand, owners and admins included", Reason.PROTECTED_INSTANCE),
        (P.FLOWS_EDIT, "line", "protection", "no change to a protected instance", None),
        (P.FLOWS_EDIT, "oven", "min_edit_role", "the instance asks deploys for owner", Reason.ROLE_TOO_LOW),
        (P.FLOWS_VIEW, "oven", "min_edit_role", "no deploy to an instance", None),
        (P.INSTANCE_UPSTREAM, "line", "team",
         "takes an owner of acme; override and share are not enough", Reason.ROLE_TOO_LOW),
        (P.INSTANCE_UPSTREAM, "loose", "team",
         "takes an owner of the team, and there is none; override and share are not enough", Reason.ROLE_TOO_LOW),
        (P.INSTANCE_READ, "line", "team", "need not be an owner of the team", None),
        (P.SPACE_CREATE, None, "switched_off", "switched off for all but admins", Reason.SWITCHED_OFF),
        (P.INSTANCE_READ, "line", "switched_off", "not switched off, or an admin", None),
        (P.FLOWS_VIEW, "line", "admin_data_access", "admin_data_access is full, and holds for admins", None),
        (P.INSTANCE_READ, "line", "admin_data_access", "does not reach into instances", None),
        (P.INSTANCE_READ, "line", "reauthentication", "needs no fresh proof of who one is", None),
        (P.SELF_EDIT, None, "reauthentication",
         "takes a person who proved who they are within the last 10 minutes; this is a longer while ago",
         Reason.REAUTHENTICATION_REQUIRED),
        (P.FLOWS_EDIT, "line", "role", "instance:flows:edit takes member; member is held", None),
        (P.FLOWS_EDIT, "line", "account", "ada is active", None),
    ],
)
def test_each_check_is_told_with_what_it_found(
    permission: Permission, where: str | None, rule: str, words: str, refuses: Reason | None
) -> None:
    found = explained(in_session(person({"acme": MEMBER}), 5000.0), permission, where)
    assert [(each.words, each.refuses, each.applies) for each in rows(found, rule)] == [
        (words, refuses, refuses is not None)
    ]
# fmt: on


def test_who_may_not_know_of_a_place_is_told_apart_from_who_may_not_use_it() -> None:
    hidden = explained(in_session(person({"other": OWNER})), P.INSTANCE_READ, "line")
    assert [each.refuses for each in rows(hidden, "existence")] == [Reason.NOT_FOUND]
    known = explained(in_session(person({"acme": NONE})), P.INSTANCE_READ, "line")
    assert rows(known, "existence") == []


def test_admin_data_access_is_told_where_it_keeps_an_admin_out() -> None:
    world = estate(settings=PlatformSettings(admin_data_access="read"))
    found = explained(in_session(person(admin=True)), P.FLOWS_EDIT, "line", world)
    assert [(each.words, each.refuses) for each in rows(found, "admin_data_access")] == [
        ("admin_data_access is read, and holds for admins", Reason.ADMIN_DATA_ACCESS)
    ]


def test_every_role_that_counts_is_given_by_something_that_is_told() -> None:
    gives: Mapping[str, Role] = {
        each.rule: each.gives
        for each in explained(in_session(person({"acme": VIEWER})), P.FLOWS_VIEW, "line").considered
        if each.applies and each.gives is not None
    }
    assert gives == {"member": VIEWER}
