"""The catalogue says what spec 3.3 says, row by row."""

import pytest

from proxy.access.catalogue import CATALOGUE, On
from proxy.model.access import Permission, Role, Write

# Least role, then W: changes something, S: only in a session with a fresh proof.
# fmt: off
SPEC = {
    "space:read": "dashboard", "space:edit": "owner W", "space:delete": "owner W", "space:audit": "owner", "space:slug": "owner W S",
    "space:members:list": "viewer", "space:members:invite": "owner W S", "space:members:remove": "owner W S",
    "space:members:role": "owner W S", "space:tokens": "owner W S", "space:create": "none W",
    "customer:create": "owner W", "customer:edit": "owner W", "customer:delete": "owner W", "customer:users": "owner W",
    "group:manage": "owner W", "folder:manage": "owner W", "folder:edit": "member W",
    "tag:manage": "owner W S", "rowpolicy:manage": "owner W S", "branding:manage": "owner W",
    "share:create": "owner W", "share:delete": "owner W", "resource:owner": "owner W",
    "application:read": "viewer", "application:list": "viewer", "application:create": "owner W",
    "application:edit": "owner W", "application:delete": "owner W", "application:access-control": "owner W S",
    "application:audit": "owner", "application:sbom": "owner",
    "instance:list": "viewer", "instance:read": "viewer", "dashboard:list": "dashboard",
    "instance:create": "owner W", "instance:edit": "owner W", "instance:delete": "owner W",
    "instance:flows:view": "viewer", "instance:flows:edit": "member W", "instance:http": "dashboard",
    "instance:status": "dashboard", "instance:log": "viewer", "instance:audit": "viewer", "instance:env": "member W",
    "instance:security": "owner W S", "instance:tokens": "owner W S", "instance:upstream": "owner W S",
    "snapshot:list": "viewer", "snapshot:read": "viewer", "snapshot:full": "member", "snapshot:export": "member",
    "snapshot:create": "member W", "snapshot:rollback": "member W", "snapshot:edit": "owner W",
    "snapshot:delete": "owner W", "snapshot:import": "owner W",
    "device:list": "viewer", "device:read": "viewer", "device:audit": "viewer", "device:create": "owner W",
    "device:edit": "owner W", "device:delete": "owner W", "device:assign": "owner W", "device:editor": "member W",
    "device:key": "owner W S",
    "pipeline:list": "member", "pipeline:read": "member", "pipeline:create": "owner W", "pipeline:edit": "owner W",
    "pipeline:delete": "owner W",
    "thing:list": "dashboard", "thing:read": "dashboard", "thing:create": "owner W", "thing:edit": "member W",
    "thing:delete": "owner W",
    "directory:read": "none", "self:read": "none", "self:edit": "none W S", "self:password": "none W S",
    "self:mfa": "none W S", "self:tokens": "none W S",
    "platform:audit": "admin", "platform:settings": "admin", "platform:settings:edit": "admin W S",
    "platform:sso": "admin W S", "platform:users": "admin", "platform:users:edit": "admin W S",
    "platform:view-as": "admin W S",
}
# fmt: on


@pytest.mark.parametrize("permission", Permission)
def test_each_permission_takes_what_the_specification_says(permission: Permission) -> None:
    rule = CATALOGUE[permission]
    flags = f"{' W' if rule.write else ''}{' S' if rule.session_only else ''}"
    assert f"{rule.least.label}{flags}" == SPEC[permission]


def test_there_is_no_permission_besides() -> None:
    """Of an unknown one nothing is assumed: it has no rule."""
    assert set(SPEC) == set(Permission) == set(CATALOGUE)


@pytest.mark.parametrize("permission", Permission)
def test_each_permission_says_where_it_means_something(permission: Permission) -> None:
    rule = CATALOGUE[permission]
    assert bool(rule.kinds) is (rule.on in {On.SPACE, On.RESOURCE})
    assert rule.words


def test_who_may_change_access_is_decided_without_overrides() -> None:
    assert [each for each, rule in CATALOGUE.items() if not rule.overrides] == [Permission.APPLICATION_ACCESS_CONTROL]


def test_what_changes_flows_heeds_protection() -> None:
    changing = {each for each, rule in CATALOGUE.items() if rule.changes is Write.DEPLOY}
    assert changing == {Permission.FLOWS_EDIT, Permission.SNAPSHOT_ROLLBACK}


def test_no_permission_is_below_the_least_role_unless_it_is_about_oneself_or_new_teams() -> None:
    open_to_all = {each for each, rule in CATALOGUE.items() if rule.least is Role.NONE and rule.on is not On.SELF}
    assert open_to_all == {Permission.SPACE_CREATE}


def test_r02_there_are_six_roles_and_no_other() -> None:
    assert [(role.label, int(role)) for role in Role] == [
        ("none", 0),
        ("dashboard", 5),
        ("viewer", 10),
        ("member", 30),
        ("owner", 50),
        ("admin", 99),
    ]
    with pytest.raises(ValueError, match="20"):
        Role(20)
