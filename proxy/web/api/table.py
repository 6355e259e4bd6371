"""Every operation of the API, in the order of the reference."""

from collections.abc import Mapping
from typing import Final

from proxy.web.api import (
    audit,
    auth,
    bans,
    branding,
    checks,
    customers,
    directory,
    expectations,
    explaining,
    gathered,
    instance_tokens,
    instances,
    invitations,
    me,
    members,
    my_factors,
    my_logins,
    my_place,
    my_tokens,
    places,
    resources,
    row_policies,
    self_help,
    service_accounts,
    settings,
    sharing,
    spaces,
    sso,
    tags,
    users,
    view_as,
)
from proxy.web.api.operation import Operation

OPERATIONS: Final[tuple[Operation, ...]] = (
    *auth.OPERATIONS,
    *self_help.OPERATIONS,
    *me.OPERATIONS,
    *my_logins.OPERATIONS,
    *my_factors.OPERATIONS,
    *my_tokens.OPERATIONS,
    *my_place.OPERATIONS,
    *directory.OPERATIONS,
    *users.OPERATIONS,
    *bans.OPERATIONS,
    *spaces.OPERATIONS,
    *customers.OPERATIONS,
    *members.OPERATIONS,
    *invitations.OPERATIONS,
    *service_accounts.OPERATIONS,
    *resources.OPERATIONS,
    *places.OPERATIONS,
    *gathered.OPERATIONS,
    *sharing.OPERATIONS,
    *instances.OPERATIONS,
    *instance_tokens.OPERATIONS,
    *tags.OPERATIONS,
    *row_policies.OPERATIONS,
    *explaining.OPERATIONS,
    *expectations.OPERATIONS,
    *checks.OPERATIONS,
    *view_as.OPERATIONS,
    *audit.OPERATIONS,
    *settings.OPERATIONS,
    *branding.OPERATIONS,
    *sso.OPERATIONS,
)


def by_path() -> Mapping[str, Mapping[str, Operation]]:
    """Path -> method -> operation."""
    found: dict[str, dict[str, Operation]] = {}
    for operation in OPERATIONS:
        methods = found.setdefault(operation.path, {})
        if operation.method in methods:
            raise ValueError(f"{operation.method} {operation.path} is there twice")
        methods[operation.method] = operation
    return found
