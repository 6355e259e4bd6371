"""The catalogue of permissions: what each asks for. The only place where a permission's least role stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from proxy.model.access import Permission, Role


class On(StrEnum):
    """What a permission is asked about."""

    PLATFORM = "platform"
    SPACE = "space"
    RESOURCE = "resource"
    SELF = "self"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one permission asks of who acts."""

    least: Role
    """Effective role on the resource, or role in the space; NONE: everybody who is logged in."""
    on: On
    write: bool = False
    """Changes something: read-only tokens may not."""
    session_only: bool = False
    """Only a person in an interactive session who proved who they are within the last ten minutes."""
    overrides: bool = True
    """Whether overrides count; those about access control do not, so that nobody locks themselves out."""
    data_plane: bool = False
    """Reaches into an instance: admins are subject to `admin_data_access`."""
    words: str = ""
    """What it allows, for the documentation."""


_P, _R, _S = On.PLATFORM, On.RESOURCE, On.SPACE
NOBODY, DASHBOARD, VIEWER = Role.NONE, Role.DASHBOARD, Role.VIEWER
MEMBER, OWNER, ADMIN = Role.MEMBER, Role.OWNER, Role.ADMIN


def _rule(
    least: Role,
    on: On,
    words: str,
    *,
    write: bool = False,
    session_only: bool = False,
    overrides: bool = True,
    data_plane: bool = False,
) -> Rule:
    return Rule(
        least=least,
        on=on,
        write=write,
        session_only=session_only,
        overrides=overrides,
        data_plane=data_plane,
        words=words,
    )


def _edit(least: Role, on: On, words: str, *, session_only: bool = False, overrides: bool = True) -> Rule:
    return _rule(least, on, words, write=True, session_only=session_only, overrides=overrides)


_MINE: Final = On.SELF

CATALOGUE: Final[Mapping[Permission, Rule]] = MappingProxyType(
    {
        Permission.APPLICATION_ACCESS_CONTROL: _edit(
            OWNER, _R, "Set roles of single users on an application or instance", session_only=True, overrides=False
        ),
        Permission.APPLICATION_AUDIT: _rule(OWNER, _R, "Read the audit log of an application"),
        Permission.APPLICATION_CREATE: _edit(OWNER, _S, "Create applications in a space"),
        Permission.APPLICATION_DELETE: _edit(OWNER, _R, "Delete an application"),
        Permission.APPLICATION_EDIT: _edit(OWNER, _R, "Rename an application"),
        Permission.APPLICATION_LIST: _rule(VIEWER, _R, "See an application in lists"),
        Permission.APPLICATION_READ: _rule(VIEWER, _R, "Open an application"),
        Permission.APPLICATION_SBOM: _rule(OWNER, _R, "Read the bill of materials of an application"),
        Permission.BRANDING_MANAGE: _edit(OWNER, _S, "Change name, logo and colours of a space"),
        Permission.CUSTOMER_CREATE: _edit(OWNER, _S, "Create customers below a space"),
        Permission.CUSTOMER_DELETE: _edit(OWNER, _S, "Delete a customer"),
        Permission.CUSTOMER_EDIT: _edit(OWNER, _S, "Change a customer"),
        Permission.CUSTOMER_USERS: _edit(OWNER, _S, "Create and manage the users of a customer"),
        Permission.DASHBOARD_LIST: _rule(DASHBOARD, _R, "See a dashboard in the launcher"),
        Permission.DEVICE_ASSIGN: _edit(OWNER, _R, "Move a device to another application or instance"),
        Permission.DEVICE_AUDIT: _rule(VIEWER, _R, "Read the audit log of a device"),
        Permission.DEVICE_CREATE: _edit(OWNER, _R, "Register devices"),
        Permission.DEVICE_DELETE: _edit(OWNER, _R, "Delete a device"),
        Permission.DEVICE_EDIT: _edit(OWNER, _R, "Change a device"),
        Permission.DEVICE_EDITOR: _edit(MEMBER, _R, "Open the editor of a device from afar"),
        Permission.DEVICE_KEY: _edit(OWNER, _R, "Register a device's key", session_only=True),
        Permission.DEVICE_LIST: _rule(VIEWER, _R, "See a device in lists"),
        Permission.DEVICE_READ: _rule(VIEWER, _R, "Open a device"),
        Permission.DIRECTORY_READ: _rule(NOBODY, _MINE, "Look up users, as far as one may know of them"),
        Permission.FLOWS_EDIT: _rule(
            MEMBER, _R, "Deploy, inject and change settings in an instance's editor", write=True, data_plane=True
        ),
        Permission.FLOWS_VIEW: _rule(VIEWER, _R, "Open an instance's editor", data_plane=True),
        Permission.FOLDER_EDIT: _edit(MEMBER, _R, "Make folders in a folder, and change what it holds"),
        Permission.FOLDER_MANAGE: _edit(OWNER, _S, "Make and delete folders at the top of a space"),
        Permission.GROUP_MANAGE: _edit(OWNER, _S, "Create, change and delete groups below a space"),
        Permission.HTTP: _rule(DASHBOARD, _R, "Use an instance's dashboards and endpoints", data_plane=True),
        Permission.INSTANCE_AUDIT: _rule(VIEWER, _R, "Read the audit log of an instance"),
        Permission.INSTANCE_CREATE: _edit(OWNER, _R, "Create instances in an application"),
        Permission.INSTANCE_DELETE: _edit(OWNER, _R, "Delete an instance"),
        Permission.INSTANCE_EDIT: _edit(OWNER, _R, "Change an instance's name, hosts and paths"),
        Permission.INSTANCE_ENV: _edit(MEMBER, _R, "Change an instance's environment variables"),
        Permission.INSTANCE_LIST: _rule(VIEWER, _R, "See an instance in lists"),
        Permission.INSTANCE_LOG: _rule(VIEWER, _R, "Read an instance's log"),
        Permission.INSTANCE_READ: _rule(VIEWER, _R, "Open an instance"),
        Permission.INSTANCE_SECURITY: _edit(
            OWNER, _R, "Change how an instance is protected: logins, roots, protection", session_only=True
        ),
        Permission.INSTANCE_STATUS: _rule(DASHBOARD, _R, "See whether an instance is up"),
        Permission.INSTANCE_TOKENS: _edit(OWNER, _R, "Manage an instance's endpoint tokens", session_only=True),
        Permission.INSTANCE_UPSTREAM: _edit(OWNER, _R, "Say where an instance really listens", session_only=True),
        Permission.PIPELINE_CREATE: _edit(OWNER, _R, "Create pipelines"),
        Permission.PIPELINE_DELETE: _edit(OWNER, _R, "Delete a pipeline"),
        Permission.PIPELINE_EDIT: _edit(OWNER, _R, "Change a pipeline and its stages"),
        Permission.PIPELINE_LIST: _rule(MEMBER, _R, "See a pipeline in lists"),
        Permission.PIPELINE_READ: _rule(MEMBER, _R, "Open a pipeline"),
        Permission.PLATFORM_AUDIT: _rule(ADMIN, _P, "Read the whole audit log"),
        Permission.PLATFORM_SETTINGS: _rule(ADMIN, _P, "Read the platform's settings"),
        Permission.PLATFORM_SETTINGS_EDIT: _edit(ADMIN, _P, "Change the platform's settings", session_only=True),
        Permission.PLATFORM_SSO: _edit(ADMIN, _P, "Manage single sign-on providers", session_only=True),
        Permission.PLATFORM_USERS: _rule(ADMIN, _P, "Read every user's account"),
        Permission.PLATFORM_USERS_EDIT: _edit(ADMIN, _P, "Create, change and delete users", session_only=True),
        Permission.RESOURCE_OWNER: _edit(OWNER, _R, "Hand a resource to another space"),
        Permission.ROW_POLICY_MANAGE: _edit(OWNER, _S, "Manage row policies", session_only=True),
        Permission.SELF_EDIT: _edit(NOBODY, _MINE, "Change one's own profile", session_only=True),
        Permission.SELF_MFA: _edit(NOBODY, _MINE, "Manage one's own second factors", session_only=True),
        Permission.SELF_PASSWORD: _edit(NOBODY, _MINE, "Change one's own password", session_only=True),
        Permission.SELF_READ: _rule(NOBODY, _MINE, "Read one's own profile and capabilities"),
        Permission.SELF_TOKENS: _edit(NOBODY, _MINE, "Manage one's own API tokens", session_only=True),
        Permission.SHARE_CREATE: _edit(OWNER, _R, "Share a resource with a space"),
        Permission.SHARE_DELETE: _edit(OWNER, _R, "Take a share back"),
        Permission.SNAPSHOT_CREATE: _edit(MEMBER, _R, "Take a snapshot"),
        Permission.SNAPSHOT_DELETE: _edit(OWNER, _R, "Delete a snapshot"),
        Permission.SNAPSHOT_EDIT: _edit(OWNER, _R, "Rename a snapshot"),
        Permission.SNAPSHOT_EXPORT: _rule(MEMBER, _R, "Download a snapshot"),
        Permission.SNAPSHOT_FULL: _rule(MEMBER, _R, "Read a snapshot's flows"),
        Permission.SNAPSHOT_IMPORT: _edit(OWNER, _R, "Upload a snapshot"),
        Permission.SNAPSHOT_LIST: _rule(VIEWER, _R, "See snapshots in lists"),
        Permission.SNAPSHOT_READ: _rule(VIEWER, _R, "Open a snapshot's description"),
        Permission.SNAPSHOT_ROLLBACK: _edit(MEMBER, _R, "Put an instance back to a snapshot"),
        Permission.SPACE_AUDIT: _rule(OWNER, _S, "Read the audit log of a space"),
        Permission.SPACE_CREATE: _edit(NOBODY, _P, "Create teams; switched off unless an admin allows it"),
        Permission.SPACE_DELETE: _edit(OWNER, _S, "Delete a space"),
        Permission.SPACE_EDIT: _edit(OWNER, _S, "Rename a space"),
        Permission.SPACE_MEMBERS_INVITE: _edit(OWNER, _S, "Invite members", session_only=True),
        Permission.SPACE_MEMBERS_LIST: _rule(VIEWER, _S, "See the members of a space"),
        Permission.SPACE_MEMBERS_REMOVE: _edit(OWNER, _S, "Remove members; anyone may leave", session_only=True),
        Permission.SPACE_MEMBERS_ROLE: _edit(OWNER, _S, "Change members' roles", session_only=True),
        Permission.SPACE_READ: _rule(DASHBOARD, _S, "See a space"),
        Permission.SPACE_TOKENS: _edit(OWNER, _S, "Manage a space's service accounts", session_only=True),
        Permission.TAG_MANAGE: _edit(OWNER, _S, "Manage tags", session_only=True),
        Permission.THING_CREATE: _edit(OWNER, _R, "Create things"),
        Permission.THING_DELETE: _edit(OWNER, _R, "Delete a thing"),
        Permission.THING_EDIT: _edit(MEMBER, _R, "Change a thing's attributes"),
        Permission.THING_LIST: _rule(DASHBOARD, _R, "See a thing in lists"),
        Permission.THING_READ: _rule(DASHBOARD, _R, "Open a thing"),
    }
)
