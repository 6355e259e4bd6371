"""Node-RED's own scopes for each role."""

import pytest

from proxy.model.access import Role
from proxy.nodered.permissions import VIEWER, editor_scopes, scopes

PREFERENCES = ("read", "settings.write")
NO_DEPLOY = (*PREFERENCES, "context.write", "debug.write", "inject.write", "library.write", "ui-chart.write")


@pytest.mark.parametrize(
    ("role", "protected", "least", "granted"),
    [
        (Role.NONE, False, Role.MEMBER, ()),
        (Role.DASHBOARD, False, Role.MEMBER, ()),
        (Role.VIEWER, False, Role.MEMBER, ("read",)),
        (Role.VIEWER, True, Role.MEMBER, ("read",)),
        (Role.MEMBER, False, Role.MEMBER, ("*",)),
        (Role.MEMBER, True, Role.MEMBER, PREFERENCES),
        (Role.MEMBER, False, Role.OWNER, NO_DEPLOY),
        (Role.OWNER, False, Role.OWNER, ("*",)),
        (Role.OWNER, True, Role.OWNER, PREFERENCES),
        (Role.ADMIN, False, Role.OWNER, ("*",)),
        (Role.ADMIN, True, Role.OWNER, PREFERENCES),
    ],
)
def test_a_role_grants_scopes_lowered_by_protection(
    role: Role, protected: bool, least: Role, granted: tuple[str, ...]
) -> None:
    assert scopes(role, protected=protected, min_edit_role=least) == granted


@pytest.mark.parametrize(
    ("role", "protected", "told"),
    [
        (Role.DASHBOARD, False, ()),
        (Role.VIEWER, False, VIEWER),
        (Role.MEMBER, True, VIEWER),
        (Role.MEMBER, False, ("*",)),
    ],
)
def test_the_editor_locks_itself_where_the_gateway_would_refuse(role: Role, protected: bool, told: object) -> None:
    assert editor_scopes(role, protected=protected, min_edit_role=Role.MEMBER) == told
