"""From facts to a decision: every surface, role and switch."""

from dataclasses import replace

import pytest

from proxy.gate.judge import explain_judgement, judge
from proxy.gate.principal import Kind
from proxy.model.access import Decision, Permission, Reason, Role, Write
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Grant, HttpAuth, InstanceSettings, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Actor, Membership, Person, Token, TokenKind, User, UserState
from proxy.nodered.surfaces import RULES, Surface

S = Surface
LINE = Resource(id="line", kind=ResourceKind.INSTANCE, slug="line", owner="acme")
ACME = Space(id="acme", kind=SpaceKind.TEAM, slug="acme")
CUSTOMER = Space(id="customer", kind=SpaceKind.CUSTOMER, slug="customer", parent="acme")
SETTINGS = InstanceSettings(upstream="http://127.0.0.1:1880")
NOW = 1_800_000_000.0
MEMBERS = (Role.NONE, Role.DASHBOARD, Role.VIEWER, Role.MEMBER, Role.OWNER)
# fmt: off
LEAST = {
    S.ENDPOINT: Role.DASHBOARD, S.DASHBOARD: Role.DASHBOARD, S.SETUP: Role.DASHBOARD, S.SOCKET: Role.DASHBOARD,
    S.EDITOR: Role.VIEWER, S.READ: Role.VIEWER, S.SETTINGS: Role.VIEWER, S.COMMS: Role.VIEWER, S.DEBUG: Role.VIEWER,
    S.CONTEXT: Role.MEMBER, S.PREFS: Role.MEMBER, S.OTHER: Role.MEMBER, S.UNLISTED: Role.MEMBER,
    S.TRIGGER: Role.MEMBER, S.DEPLOY: Role.MEMBER,
}
# fmt: on
ANYBODY = {S.PUBLIC, S.PREFLIGHT, S.AUTH_LOGIN, S.AUTH_REVOKE}
HTTP = {S.ENDPOINT, S.DASHBOARD, S.SETUP, S.SOCKET}
BLOCKED = {S.OTHER, S.UNLISTED, S.TRIGGER, S.DEPLOY}


def estate(settings: PlatformSettings | None = None, resource: Resource = LINE, *grants: Grant) -> Estate:
    return Estate(
        spaces={"acme": ACME, "customer": CUSTOMER},
        resources={resource.id: resource},
        grants=grants,
        settings=settings or PlatformSettings(),
    )


def who(role: Role | None, *, admin: bool = False, **overrides: Role) -> Person:
    held = {"acme": Membership(space="acme", role=role, overrides=overrides)} if role is not None else {}
    return Person(user=User(id="u", username="u", admin=admin), memberships=held)


def decided(
    person: Person | None,
    surface: Surface,
    settings: InstanceSettings = SETTINGS,
    platform: PlatformSettings | None = None,
    kind: Kind | None = None,
) -> Decision:
    kind = kind or (Kind.SESSION if person else Kind.NOBODY)
    line = replace(LINE, instance=settings)
    actor = Actor(person=person) if person else None
    return judge(estate(platform, line), kind, actor, line, settings, surface, NOW)


def test_the_tables_of_these_tests_know_every_surface() -> None:
    assert LEAST.keys() | ANYBODY | {S.AUTH} == set(Surface)
    assert {surface for surface, rule in RULES.items() if rule.permission is Permission.HTTP} == HTTP | {
        S.PUBLIC,
        S.PREFLIGHT,
    }


@pytest.mark.parametrize("role", MEMBERS)
@pytest.mark.parametrize("surface", LEAST)
def test_a_role_opens_the_surfaces_it_is_high_enough_for(surface: Surface, role: Role) -> None:
    decision = decided(who(role), surface)
    if role >= LEAST[surface]:
        assert decision == Decision(allowed=True, reason=Reason.ROLE, role=role)
    else:
        assert not decision.allowed
        assert decision.status == 403
        low = Reason.UNLISTED_ENDPOINT if surface is S.UNLISTED else Reason.ROLE_TOO_LOW
        assert decision.reason is (Reason.NO_ACCESS if role is Role.NONE else low)


@pytest.mark.parametrize("surface", LEAST)
def test_who_is_nobody_is_asked_to_log_in(surface: Surface) -> None:
    assert decided(None, surface) == Decision(allowed=False, reason=Reason.LOGIN_REQUIRED, status=401)


@pytest.mark.parametrize("person", [None, who(Role.NONE), who(Role.OWNER), who(None, admin=True)])
@pytest.mark.parametrize("mode", HttpAuth)
def test_the_instances_own_login_is_never_proxied(person: Person | None, mode: HttpAuth) -> None:
    decision = decided(person, S.AUTH, replace(SETTINGS, http_auth=mode, protected=True))
    assert (decision.allowed, decision.status, decision.reason) == (False, 404, Reason.NOT_FOUND)


@pytest.mark.parametrize("surface", sorted(ANYBODY))
@pytest.mark.parametrize("person", [None, who(Role.NONE), who(None), who(Role.OWNER)])
def test_what_is_open_to_anybody_is(person: Person | None, surface: Surface) -> None:
    decision = decided(person, surface)
    assert decision.allowed
    assert decision.reason is (Reason.PREFLIGHT if surface is S.PREFLIGHT else Reason.PUBLIC_PATH)


@pytest.mark.parametrize("surface", LEAST)
@pytest.mark.parametrize("kind", [Kind.NOBODY, Kind.INSTANCE_PASSWORD])
@pytest.mark.parametrize("mode", HttpAuth)
def test_the_short_cuts_of_http_auth_reach_dashboards_and_endpoints_alone(
    mode: HttpAuth, kind: Kind, surface: Surface
) -> None:
    decision = decided(None, surface, replace(SETTINGS, http_auth=mode), kind=kind)
    opened = mode is HttpAuth.NONE or kind is Kind.INSTANCE_PASSWORD
    assert decision.allowed is (opened and surface in HTTP)
    if decision.allowed:
        assert decision.reason is (Reason.OPEN_INSTANCE if mode is HttpAuth.NONE else Reason.INSTANCE_PASSWORD)


@pytest.mark.parametrize("surface", LEAST)
def test_an_open_instance_is_open_to_those_without_a_role_too(surface: Surface) -> None:
    decision = decided(who(None), surface, replace(SETTINGS, http_auth=HttpAuth.NONE))
    assert decision.allowed is (surface in HTTP)


@pytest.mark.parametrize("person", [who(Role.MEMBER), who(Role.OWNER), who(None, admin=True)])
@pytest.mark.parametrize("surface", LEAST)
def test_protection_blocks_all_writes_but_preferences_for_everyone(surface: Surface, person: Person) -> None:
    decision = decided(person, surface, replace(SETTINGS, protected=True))
    assert decision.allowed is (surface not in BLOCKED)
    if not decision.allowed:
        assert (decision.reason, decision.status) == (Reason.PROTECTED_INSTANCE, 403)


@pytest.mark.parametrize("role", [Role.MEMBER, Role.OWNER, Role.ADMIN])
@pytest.mark.parametrize("surface", LEAST)
def test_an_instance_may_ask_for_more_to_deploy_and_for_nothing_else(role: Role, surface: Surface) -> None:
    person = who(None, admin=True) if role is Role.ADMIN else who(role)
    decision = decided(person, surface, replace(SETTINGS, min_edit_role=Role.OWNER))
    assert decision.allowed is (role >= Role.OWNER or surface is not S.DEPLOY)


def test_no_instance_can_ask_for_less_than_a_member_to_deploy() -> None:
    assert not decided(who(Role.VIEWER), S.DEPLOY, replace(SETTINGS, min_edit_role=Role.VIEWER)).allowed


@pytest.mark.parametrize("role", MEMBERS)
@pytest.mark.parametrize("surface", LEAST)
def test_an_instance_may_show_its_context_to_viewers(surface: Surface, role: Role) -> None:
    shown = decided(who(role), surface, replace(SETTINGS, viewer_reads_context=True))
    least = Role.VIEWER if surface is S.CONTEXT else LEAST[surface]
    assert shown.allowed is (role >= least)


@pytest.mark.parametrize("access", ["full", "read", "none"])
@pytest.mark.parametrize("surface", LEAST)
def test_what_admins_may_do_inside_instances_is_a_switch(surface: Surface, access: str) -> None:
    platform = PlatformSettings(admin_data_access=access)
    decision = decided(who(Role.OWNER, admin=True), surface, platform=platform)
    reads = RULES[surface].write is Write.NONE
    assert decision.allowed is (access == "full" or (access == "read" and reads))
    if not decision.allowed:
        assert (decision.reason, decision.status) == (Reason.ADMIN_DATA_ACCESS, 403)
    assert decided(who(Role.OWNER), surface, platform=platform).allowed


@pytest.mark.parametrize(
    ("person", "resource", "status"),
    [
        (who(None), LINE, 404),
        (who(Role.NONE), LINE, 403),
        (who(Role.OWNER, line=Role.NONE), LINE, 403),
        (who(Role.VIEWER), replace(LINE, owner="customer"), 404),
        (who(Role.VIEWER, line=Role.NONE), replace(LINE, owner="customer"), 403),
        (who(Role.OWNER), replace(LINE, owner=None), 404),
        (replace(who(Role.OWNER), user=User(id="u", username="u", state=UserState.SUSPENDED)), LINE, 404),
    ],
)
def test_who_has_nothing_to_do_with_an_instance_does_not_learn_that_it_exists(
    person: Person, resource: Resource, status: int
) -> None:
    """Spec 3.4."""
    decision = judge(estate(None, resource), Kind.SESSION, Actor(person=person), resource, SETTINGS, S.READ, NOW)
    assert (decision.allowed, decision.status) == (False, status)
    assert decision.reason is (Reason.NOT_FOUND if status == 404 else Reason.NO_ACCESS)


def test_who_reaches_an_instance_by_a_share_hears_that_the_role_is_too_low() -> None:
    shared = replace(LINE, owner="customer")
    world = estate(None, shared, Grant(target="line", space="acme", role=Role.DASHBOARD))
    decision = judge(world, Kind.SESSION, Actor(person=who(Role.OWNER)), shared, SETTINGS, S.READ, NOW)
    assert decision.role is Role.OWNER
    decision = judge(world, Kind.SESSION, Actor(person=who(Role.MEMBER)), shared, SETTINGS, S.READ, NOW)
    assert (decision.role, decision.status, decision.reason) == (Role.DASHBOARD, 403, Reason.ROLE_TOO_LOW)


def token(**limits: object) -> Token:
    return Token(id="t", kind=TokenKind.PERSONAL, name="ci", created=0.0, **limits)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("limited", "surface", "reason"),
    [
        (token(), S.DEPLOY, None),
        (token(read_only=True), S.READ, None),
        (token(read_only=True), S.DEPLOY, Reason.TOKEN_READ_ONLY),
        (token(spaces=frozenset({"acme"})), S.DASHBOARD, None),
        (token(spaces=frozenset({"customer"})), S.DASHBOARD, Reason.NOT_FOUND),
        (token(expires=NOW), S.DASHBOARD, Reason.CREDENTIALS_WRONG),
    ],
)
def test_a_token_reaches_what_its_user_does_within_its_limits(
    limited: Token, surface: Surface, reason: Reason | None
) -> None:
    actor = Actor(person=who(Role.OWNER), token=limited)
    decision = judge(estate(), Kind.TOKEN, actor, LINE, SETTINGS, surface, NOW)
    assert decision.allowed is (reason is None)
    assert decision.reason is (reason or Reason.ROLE)


def test_an_admins_token_is_no_admin_unless_it_says_so() -> None:
    for admin, role in ((False, Role.NONE), (True, Role.ADMIN)):
        actor = Actor(person=who(None, admin=True), token=token(admin=admin))
        open_to_all = judge(estate(), Kind.TOKEN, actor, LINE, SETTINGS, S.PUBLIC, NOW)
        assert (open_to_all.allowed, open_to_all.role) == (True, role)
        editor = judge(estate(), Kind.TOKEN, actor, LINE, SETTINGS, S.EDITOR, NOW)
        assert (editor.allowed, editor.status) == ((True, 200) if admin else (False, 404))


@pytest.mark.parametrize("mode", [HttpAuth.USER, HttpAuth.NONE])
@pytest.mark.parametrize(
    "person", [who(None), *(who(role) for role in MEMBERS), who(None, admin=True)], ids=["stranger", *MEMBERS, "admin"]
)
@pytest.mark.parametrize("surface", Surface)
def test_what_is_explained_of_a_surface_is_what_is_judged(surface: Surface, person: Person, mode: HttpAuth) -> None:
    settings = replace(SETTINGS, http_auth=mode, protected=True, min_edit_role=Role.OWNER)
    line, actor = replace(LINE, instance=settings), Actor(person=person)
    asked = (estate(None, line), Kind.SESSION, actor, line, settings, surface, NOW)
    found = explain_judgement(*asked)
    assert found.decision == judge(*asked)
    assert found.decision.allowed is not any(row.refuses for row in found.considered)
