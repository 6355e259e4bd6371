"""Decisions, spec 3.2 to 3.4: the matrix of catalogue, roles and overrides; limits of tokens; proofs; 404 and 403."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.access.catalogue import CATALOGUE
from proxy.access.decide import Place, Sight, decide, in_scope
from proxy.model.access import Decision, Permission, Reason, Role, Write
from proxy.model.estate import Estate, PlatformSettings, ResourceKind
from proxy.model.identity import Actor, Person, Token, UserState
from tests.proxy.access.estates import (
    ACTORS,
    ADMIN,
    DASHBOARD,
    MEMBER,
    NONE,
    NOW,
    OWNER,
    RESOURCE_IDS,
    RESOURCES,
    TOKENS,
    VIEWER,
    by_token,
    estate,
    estates,
    in_session,
    people,
    person,
    resource,
    share,
    token,
    viewing,
)

P = Permission
HERE: dict[str, Place] = {
    **{kind: resource(kind, kind, owner="acme") for kind in ResourceKind},
    **{space.kind: space for space in estate().spaces.values() if space.id in {"acme", "customer", "crew", "everyone"}},
}
WORLD = estate(resources=[place for place in HERE.values() if place is not None and place.kind in set(ResourceKind)])  # type: ignore[misc]


def place_of(permission: Permission) -> Place:
    """A place the permission is asked about: of the team's own, where there is one."""
    kinds = sorted(CATALOGUE[permission].kinds, key=lambda kind: (kind != "instance", kind != "team", kind))
    return HERE[kinds[0]] if kinds else None


def resource_named(name: str) -> Place:
    return estate().resources[name]


def decided(
    actor: Actor,
    permission: Permission,
    place: Place,
    world: Estate = WORLD,
    write: Write | None = None,
) -> Decision:
    return decide(world, actor, permission, place, now=NOW, write=write)


def on(where: str, actor: Actor, permission: Permission, world: Estate | None = None) -> Decision:
    world = world or estate()
    return decided(actor, permission, world.resources[where], world)


def refused(decision: Decision) -> tuple[int, Reason]:
    assert not decision.allowed
    return decision.status, decision.reason


@pytest.mark.parametrize("word", [None, OWNER, VIEWER, NONE], ids=["as it is", "up", "down", "shut out"])
@pytest.mark.parametrize("held", Role)
@pytest.mark.parametrize("permission", Permission)
def test_p01_the_matrix_of_permissions_roles_and_overrides(
    permission: Permission, held: Role, word: Role | None
) -> None:
    rule, place = CATALOGUE[permission], place_of(permission)
    said = {place.id: word} if word is not None and place is not None else {}
    who = person({"acme": min(held, OWNER)}, {"acme": said}, admin=held is ADMIN)
    role = held
    if place is None:
        role = ADMIN if held is ADMIN else NONE
    elif place.kind == "customer":
        role = held if held in {OWNER, ADMIN} else NONE  # those of the team above reach it only as owners
    elif word is not None and rule.overrides and place.kind in set(ResourceKind) and held is not ADMIN:
        role = word
    allowed = role >= rule.least
    if rule.team:
        allowed = allowed and held >= OWNER
    if permission is P.SPACE_CREATE:
        allowed = held is ADMIN
    decision = decided(in_session(who), permission, place)
    assert (decision.allowed, decision.role if allowed else role) == (allowed, role)


def test_a_permission_that_nobody_knows_is_a_defect_and_never_granted() -> None:
    with pytest.raises(KeyError):
        decided(in_session(person(admin=True)), "instance:everything", None)  # type: ignore[arg-type]


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("state", [UserState.PENDING, UserState.SUSPENDED])
@pytest.mark.parametrize("by", ["session", "token"])
def test_who_is_not_active_may_nothing_not_even_with_themselves(
    permission: Permission, state: UserState, by: str
) -> None:
    who = person({"acme": OWNER}, admin=True, state=state)
    actor = in_session(who) if by == "session" else by_token(who, token(admin=True))
    status, reason = refused(decided(actor, permission, place_of(permission)))
    assert (status, reason) in {(404, Reason.NOT_FOUND), (403, Reason.NO_ACCESS)}
    assert (status == 404) is (place_of(permission) is not None)


# -- overrides and administration


def test_r20_an_admin_bypasses_all_and_an_owner_shut_out_still_sets_roles() -> None:
    for admin in (person(admin=True), person({"acme": VIEWER}, {"acme": {"plant": NONE}}, admin=True)):
        assert on("line", in_session(admin), P.FLOWS_EDIT).allowed
        assert on("plant", in_session(admin), P.APPLICATION_ACCESS_CONTROL).allowed
    owner = in_session(person({"acme": OWNER}, {"acme": {"plant": NONE}}))
    assert refused(on("plant", owner, P.APPLICATION_READ)) == (403, Reason.NO_ACCESS)
    assert on("plant", owner, P.APPLICATION_ACCESS_CONTROL).allowed
    raised = in_session(person({"acme": VIEWER}, {"acme": {"plant": OWNER}}))
    assert refused(on("plant", raised, P.APPLICATION_ACCESS_CONTROL)) == (403, Reason.ROLE_TOO_LOW)


def test_p08_an_override_on_an_application_raises_or_lowers_there_alone() -> None:
    up = in_session(person({"acme": VIEWER}, {"acme": {"plant": MEMBER}}))
    down = in_session(person({"acme": OWNER}, {"acme": {"plant": VIEWER}}))
    other = estate(resources=[*RESOURCES, resource("yard", owner="acme")])
    assert on("line", up, P.FLOWS_EDIT).allowed
    assert not on("yard", up, P.FLOWS_EDIT, other).allowed
    assert not on("line", down, P.FLOWS_EDIT).allowed
    assert on("line", down, P.FLOWS_VIEW).allowed
    assert on("yard", down, P.FLOWS_EDIT, other).allowed


def test_p09_r28_an_override_on_a_single_instance_is_nearer() -> None:
    actor = in_session(person({"acme": MEMBER}, {"acme": {"plant": NONE, "line": MEMBER}}))
    assert on("line", actor, P.FLOWS_EDIT).allowed
    assert refused(on("oven", actor, P.INSTANCE_READ)) == (403, Reason.NO_ACCESS)


def test_p11_r23_an_override_of_none_hides_an_application_and_its_instances_and_devices() -> None:
    actor = in_session(person({"acme": OWNER}, {"acme": {"plant": NONE}}))
    for where, permission in (("plant", P.APPLICATION_READ), ("line", P.INSTANCE_READ), ("device", P.DEVICE_READ)):
        assert refused(on(where, actor, permission)) == (403, Reason.NO_ACCESS)


@pytest.mark.parametrize(
    ("who", "may"),
    [
        ({"dev": MEMBER, "test": NONE, "prod": NONE}, "dev:edit dev:view dev:use"),
        ({"dev": NONE, "test": VIEWER, "prod": NONE}, "test:view test:use"),
        ({"dev": NONE, "test": NONE, "prod": DASHBOARD}, "prod:use"),
    ],
    ids=["builder", "tester", "user"],
)
def test_r27_who_builds_tests_and_uses_are_three_people(who: dict[str, Role], may: str) -> None:
    world = estate(resources=[*RESOURCES, *(resource(stage, parent="plant") for stage in who)])
    actor = in_session(person({"acme": DASHBOARD}, {"acme": who}))
    asked = {"edit": P.FLOWS_EDIT, "view": P.FLOWS_VIEW, "use": P.HTTP}
    found = {f"{stage}:{act}" for stage in who for act, each in asked.items() if on(stage, actor, each, world).allowed}
    assert found == set(may.split())


def test_r29_an_unassigned_device_follows_the_role_in_its_space() -> None:
    world = estate(resources=[resource("spare", ResourceKind.DEVICE, owner="acme")])
    assert on("spare", in_session(person({"acme": OWNER})), P.DEVICE_EDIT, world).allowed
    assert on("spare", in_session(person({"acme": VIEWER})), P.DEVICE_READ, world).allowed
    assert not on("spare", in_session(person({"acme": VIEWER})), P.DEVICE_EDIT, world).allowed


@given(estates(), people(), st.sampled_from(RESOURCE_IDS), st.sampled_from(Permission))
def test_r31_without_overrides_all_is_as_the_roles_in_spaces_say(
    world: Estate, who: Person, where: str, permission: Permission
) -> None:
    """Also for the permission that never heeds them."""
    bare = Person(user=who.user, memberships={at: replace(held, overrides={}) for at, held in who.memberships.items()})
    decision = on(where, in_session(bare), permission, world)
    role = on(where, in_session(bare), P.APPLICATION_ACCESS_CONTROL, world).role
    assert decision.role is role


# -- instances


def test_p12_an_instance_may_be_for_owners_to_deploy() -> None:
    member = in_session(person({"acme": MEMBER}))
    assert refused(on("oven", member, P.FLOWS_EDIT)) == (403, Reason.ROLE_TOO_LOW)
    assert on("line", member, P.FLOWS_EDIT).allowed
    assert decided(member, P.FLOWS_EDIT, resource_named("oven"), estate(), Write.TRIGGER).allowed
    assert on("oven", in_session(person({"acme": OWNER})), P.FLOWS_EDIT).allowed


@pytest.mark.parametrize("write", Write)
@pytest.mark.parametrize("who", [person({"acme": OWNER}), person(admin=True)], ids=["owner", "admin"])
def test_l01_l04_l05_nobody_changes_a_protected_instance(who: Person, write: Write) -> None:
    decision = decided(in_session(who), P.FLOWS_EDIT, resource_named("press"), estate(), write)
    assert decision.allowed is (write in {Write.NONE, Write.PREFS})
    if not decision.allowed:
        assert refused(decision) == (403, Reason.PROTECTED_INSTANCE)


@pytest.mark.parametrize("permission", [P.FLOWS_EDIT, P.SNAPSHOT_ROLLBACK])
def test_l04_what_changes_flows_is_closed_by_protection_whichever_way_it_comes(permission: Permission) -> None:
    for actor in (in_session(person({"acme": OWNER})), by_token(person({"acme": OWNER}))):
        assert refused(on("press", actor, permission)) == (403, Reason.PROTECTED_INSTANCE)
    assert on("press", in_session(person({"acme": OWNER})), P.INSTANCE_SECURITY).allowed


def test_l02_who_owns_the_target_counts_and_not_who_owns_the_team() -> None:
    team_owner = in_session(person({"acme": OWNER}, {"acme": {"plant": MEMBER}}))
    target_owner = in_session(person({"acme": MEMBER}, {"acme": {"plant": OWNER}}))
    assert not on("oven", team_owner, P.FLOWS_EDIT).allowed
    assert on("oven", target_owner, P.FLOWS_EDIT).allowed


@pytest.mark.parametrize("access", ["full", "read", "none"])
@pytest.mark.parametrize("permission", Permission)
def test_admin_data_access_keeps_admins_out_of_instances(permission: Permission, access: str) -> None:
    rule = CATALOGUE[permission]
    world = replace(WORLD, settings=PlatformSettings(admin_data_access=access))
    decision = decided(in_session(person(admin=True)), permission, place_of(permission), world)
    kept_out = rule.data_plane and (access == "none" or (access == "read" and rule.write))
    assert decision.allowed is not kept_out
    if kept_out:
        assert refused(decision) == (403, Reason.ADMIN_DATA_ACCESS)
    member = decided(in_session(person({"acme": OWNER})), P.FLOWS_EDIT, HERE["instance"], world)
    assert member.allowed


@pytest.mark.parametrize(
    ("roles", "overrides", "allowed"),
    [
        ({"acme": OWNER}, {}, True),
        ({"customer": OWNER}, {}, False),
        ({"acme": MEMBER, "customer": OWNER}, {}, False),
        ({"acme": MEMBER}, {"acme": {"office": OWNER}}, False),
        ({"acme": OWNER}, {"acme": {"office": NONE}}, False),
    ],
)
def test_r71_only_owners_of_the_team_say_where_an_instance_listens(
    roles: dict[str, Role], overrides: dict[str, dict[str, Role]], allowed: bool
) -> None:
    decision = on("office", in_session(person(roles, overrides)), P.INSTANCE_UPSTREAM)
    assert decision.allowed is allowed


def test_r71_a_share_gives_nobody_a_say_in_where_an_instance_listens() -> None:
    world = estate([share("line", "customer", OWNER)])
    assert refused(on("line", in_session(person({"customer": OWNER})), P.INSTANCE_UPSTREAM, world)) == (
        403,
        Reason.ROLE_TOO_LOW,
    )
    nobodys = in_session(person({"acme": OWNER}))
    assert not on("loose", nobodys, P.INSTANCE_UPSTREAM).allowed
    assert on("loose", in_session(person(admin=True)), P.INSTANCE_UPSTREAM).allowed


def test_what_belongs_to_everyone_listens_where_an_admin_says() -> None:
    world = estate(resources=[resource("canned", owner="everyone")])
    who = person({"acme": OWNER}, {"acme": {"canned": OWNER}})
    assert not on("canned", in_session(who), P.INSTANCE_UPSTREAM, world).allowed


def test_p14_a_permission_may_be_switched_off_for_all_but_admins() -> None:
    off = replace(WORLD, settings=PlatformSettings(switched_off=frozenset({"space:create", "instance:edit"})))
    owner, admin = in_session(person({"acme": OWNER})), in_session(person(admin=True))
    for permission, place in ((P.SPACE_CREATE, None), (P.INSTANCE_EDIT, HERE["instance"])):
        assert refused(decided(owner, permission, place, off)) == (403, Reason.SWITCHED_OFF)
        assert decided(admin, permission, place, off).allowed
    allowed = replace(WORLD, settings=PlatformSettings(switched_off=frozenset()))
    assert decided(owner, P.SPACE_CREATE, None, allowed).allowed


# -- tokens and proofs


@pytest.mark.parametrize("permission", Permission)
def test_h10_h11_no_token_does_what_takes_a_person(permission: Permission) -> None:
    admin = by_token(person(admin=True), token(admin=True))
    decision = decided(admin, permission, place_of(permission))
    if not CATALOGUE[permission].session_only:
        assert decision.allowed
    elif permission is P.SELF_TOKENS:
        assert refused(decision) == (403, Reason.PAT_CANNOT_CREATE_PAT)
    else:
        assert refused(decision) == (403, Reason.INTERACTIVE_SESSION_REQUIRED)


@pytest.mark.parametrize("permission", Permission)
def test_h09_a_read_only_token_changes_nothing(permission: Permission) -> None:
    decision = decided(
        by_token(person(admin=True), token(admin=True, read_only=True)), permission, place_of(permission)
    )
    rule = CATALOGUE[permission]
    assert decision.allowed is not rule.write
    if rule.write and not rule.session_only:
        assert refused(decision) == (403, Reason.TOKEN_READ_ONLY)


def test_h09_an_admins_token_is_no_admin_unless_it_says_so() -> None:
    assert decided(by_token(person(admin=True), token(admin=True)), P.PLATFORM_AUDIT, None).allowed
    assert refused(decided(by_token(person(admin=True)), P.PLATFORM_AUDIT, None)) == (403, Reason.NO_ACCESS)
    hidden = decided(by_token(person(admin=True)), P.INSTANCE_READ, HERE["instance"])
    assert refused(hidden) == (404, Reason.NOT_FOUND)
    member = by_token(person({"acme": VIEWER}, admin=True))
    assert decided(member, P.INSTANCE_READ, HERE["instance"]).role is VIEWER


def test_h09_a_token_for_some_spaces_finds_nothing_elsewhere() -> None:
    who = person({"acme": OWNER, "other": OWNER})
    actor = by_token(who, token(spaces=frozenset({"customer"})))
    assert on("office", actor, P.INSTANCE_EDIT).allowed
    assert on("deep", actor, P.INSTANCE_EDIT).allowed
    assert refused(on("line", actor, P.INSTANCE_EDIT)) == (404, Reason.NOT_FOUND)
    assert refused(on("loose", actor, P.INSTANCE_EDIT)) == (404, Reason.NOT_FOUND)
    world = estate()
    assert decided(actor, P.SPACE_EDIT, world.spaces["sub"], world).allowed
    assert refused(decided(actor, P.SPACE_EDIT, world.spaces["acme"], world)) == (404, Reason.NOT_FOUND)
    assert decided(actor, P.SELF_READ, None).allowed


def test_h09_a_token_for_some_spaces_reaches_nothing_of_the_platform() -> None:
    actor = by_token(person(admin=True), token(admin=True, spaces=frozenset({"acme"})))
    assert refused(decided(actor, P.PLATFORM_AUDIT, None)) == (403, Reason.TOKEN_SCOPE)


def test_r56_a_token_whose_spaces_are_all_gone_reaches_none() -> None:
    assert not in_scope(estate(), token(spaces=frozenset()), resource_named("line"))


def test_h09_an_expired_token_is_no_credential() -> None:
    for permission, place in ((P.INSTANCE_READ, HERE["instance"]), (P.SELF_READ, None)):
        actor = by_token(person({"acme": OWNER}), token(expires=NOW))
        assert refused(decided(actor, permission, place)) == (401, Reason.CREDENTIALS_WRONG)
    assert decided(by_token(person({"acme": OWNER}), token(expires=NOW + 1)), P.INSTANCE_READ, HERE["instance"]).allowed


@pytest.mark.parametrize("limited", [token(read_only=True), token(), token(spaces=frozenset({"acme"}))])
@pytest.mark.parametrize("permission", [P.INSTANCE_SECURITY, P.INSTANCE_EDIT])
def test_what_a_token_is_not_for_says_nothing_of_what_its_user_does_not_see(
    permission: Permission, limited: Token
) -> None:
    assert refused(on("line", by_token(person({"other": OWNER}), limited), permission)) == (404, Reason.NOT_FOUND)


@pytest.mark.parametrize(("proved", "allowed"), [(0.0, True), (600.0, True), (600.5, False)])
def test_h10_what_concerns_security_takes_a_proof_within_ten_minutes(proved: float, allowed: bool) -> None:
    actor = in_session(person({"acme": OWNER}), proved)
    decision = decided(actor, P.INSTANCE_SECURITY, HERE["instance"])
    assert decision.allowed is allowed
    if not allowed:
        assert refused(decision) == (403, Reason.REAUTHENTICATION_REQUIRED)
    assert decided(actor, P.INSTANCE_EDIT, HERE["instance"]).allowed


def test_nobody_is_asked_for_a_proof_of_what_they_may_not_do_anyway() -> None:
    actor = in_session(person({"acme": MEMBER}), 5000.0)
    assert refused(decided(actor, P.INSTANCE_SECURITY, HERE["instance"])) == (403, Reason.ROLE_TOO_LOW)


def test_who_acts_without_session_or_token_does_nothing_that_takes_a_person() -> None:
    actor = Actor(person=person({"acme": OWNER}))
    assert refused(decided(actor, P.INSTANCE_SECURITY, HERE["instance"])) == (403, Reason.INTERACTIVE_SESSION_REQUIRED)


# -- an admin who looks on as somebody else


@pytest.mark.parametrize("permission", Permission)
def test_c_19_who_looks_on_as_somebody_changes_nothing(permission: Permission) -> None:
    looks_on, rule, place = viewing(person(admin=True)), CATALOGUE[permission], place_of(permission)
    decision = decided(looks_on, permission, place)
    assert decision.allowed is not (rule.write or rule.session_only)
    if not decision.allowed:
        assert refused(decision) == (403, Reason.VIEWING_AS)
    assert Sight(WORLD, looks_on, now=NOW).entitled(permission, place) is decision.allowed


def test_c_19_who_looks_on_learns_no_more_than_whom_they_look_on_as() -> None:
    looks_on = viewing(person({"other": OWNER}))
    assert refused(on("line", looks_on, P.INSTANCE_EDIT)) == (404, Reason.NOT_FOUND)
    assert refused(on("line", looks_on, P.INSTANCE_READ)) == (404, Reason.NOT_FOUND)


# -- 404 or 403


# fmt: off
@pytest.mark.parametrize(
    ("roles", "overrides", "where", "off", "tenant"),
    [
        ({}, {}, "line", 404, 404),
        ({"other": OWNER}, {}, "line", 404, 404),
        ({"acme": NONE}, {}, "line", 403, 403),
        ({"acme": OWNER}, {"acme": {"line": NONE}}, "line", 403, 403),
        ({"acme": VIEWER}, {}, "office", 404, 404),
        ({"acme": VIEWER}, {"acme": {"office": NONE}}, "office", 403, 403),
        ({"acme": VIEWER, "crew": VIEWER}, {"acme": {"office": NONE}}, "office", 403, 404),
        ({"customer": VIEWER}, {"customer": {"deep": NONE}}, "deep", 403, 404),
        ({"customer": VIEWER}, {"customer": {"office": NONE}}, "office", 403, 403),
        ({"gone": VIEWER}, {"gone": {"line": OWNER}}, "line", 403, 403),
        ({"acme": OWNER}, {}, "loose", 404, 404),
    ],
)
def test_who_has_nothing_to_do_with_something_does_not_learn_that_it_exists(
    roles: dict[str, Role], overrides: dict[str, dict[str, Role]], where: str, off: int, tenant: int
) -> None:
    for mode, status in ((False, off), (True, tenant)):
        world = estate(settings=PlatformSettings(tenant_mode=mode))
        who = person(roles, overrides)
        reason = Reason.NOT_FOUND if status == 404 else Reason.NO_ACCESS
        assert refused(on(where, in_session(who), P.INSTANCE_READ, world)) == (status, reason)
# fmt: on


@pytest.mark.parametrize(
    ("roles", "where", "status"),
    [({"customer": VIEWER}, "acme", 404), ({"customer": NONE}, "customer", 403), ({"acme": VIEWER}, "customer", 404)],
)
def test_spaces_are_hidden_from_those_who_are_not_in_them(roles: dict[str, Role], where: str, status: int) -> None:
    world = estate()
    assert decided(in_session(person(roles)), P.SPACE_EDIT, world.spaces[where], world).status == status


def test_what_is_no_place_is_never_hidden() -> None:
    assert refused(decided(in_session(person()), P.PLATFORM_SETTINGS_EDIT, None)) == (403, Reason.NO_ACCESS)


def test_t02_what_is_shared_with_everyone_is_seen_and_in_tenant_mode_not_changed() -> None:
    world = estate(settings=PlatformSettings(tenant_mode=True))
    actor = in_session(person({"customer": OWNER}))
    assert on("canned", actor, P.HTTP, world).allowed
    assert refused(on("canned", actor, P.FLOWS_EDIT, world)) == (403, Reason.ROLE_TOO_LOW)


@given(estates(), ACTORS, st.sampled_from(RESOURCE_IDS), st.sampled_from(Permission))
def test_a_refusal_shows_a_role_only_to_who_knows_of_the_place(
    world: Estate, actor: Actor, where: str, permission: Permission
) -> None:
    decision = on(where, actor, permission, world)
    assert decision.status in ({200} if decision.allowed else {401, 403, 404})
    if decision.status in {401, 404}:
        assert decision.role is NONE


@given(estates(), people(admins=False), st.sampled_from(RESOURCE_IDS), st.sampled_from(Permission), TOKENS)
def test_a_token_never_does_more_than_its_user(
    world: Estate, who: Person, where: str, permission: Permission, limited: Token
) -> None:
    if on(where, by_token(who, limited), permission, world).allowed:
        assert on(where, in_session(who), permission, world).allowed
