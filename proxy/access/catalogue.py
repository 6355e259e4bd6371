"""The catalogue of permissions: what each asks for. The only place where a permission's least role stands."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from proxy.model.access import Permission, Role, Write
from proxy.model.directory import SpaceKind
from proxy.model.estate import ResourceKind

Kind = ResourceKind | SpaceKind


class On(StrEnum):
    """What a permission is asked about."""

    PLATFORM = "platform"
    SPACE = "space"
    RESOURCE = "resource"
    SELF = "self"


@dataclass(frozen=True, slots=True)
class Rule:
    """What one permission asks of who acts."""

    least: Role
    """Effective role on the resource, or role in the space; NONE: everybody who is logged in."""
    on: On
    kinds: frozenset[Kind]
    """The kinds of places where it means something; none on the platform and oneself."""
    words: str
    """What it allows, for people."""
    _: KW_ONLY
    write: bool = False
    """Changes something: read-only tokens may not."""
    session_only: bool = False
    """Only a person in an interactive session who proved who they are within the last ten minutes."""
    overrides: bool = True
    """Whether overrides count; those about access control do not, so that nobody locks themselves out."""
    data_plane: bool = False
    """Reaches into an instance: admins are subject to `admin_data_access`."""
    team: bool = False
    """Takes an owner of the team above: no owner of a customer or a group, no override and no share is enough."""
    changes: Write = Write.NONE
    """What it changes at an instance, unless the request says so itself: protection and `min_edit_role` look at it."""


NOBODY, DASHBOARD, VIEWER = Role.NONE, Role.DASHBOARD, Role.VIEWER
MEMBER, OWNER, ADMIN = Role.MEMBER, Role.OWNER, Role.ADMIN

_NOWHERE: Final[frozenset[Kind]] = frozenset()
_SPACES: Final[frozenset[Kind]] = frozenset(SpaceKind)
_PARENTS: Final[frozenset[Kind]] = frozenset({SpaceKind.TEAM, SpaceKind.CUSTOMER})
_CUSTOMERS: Final[frozenset[Kind]] = frozenset({SpaceKind.CUSTOMER})
_ANYTHING: Final[frozenset[Kind]] = frozenset(ResourceKind)
_APPLICATIONS: Final[frozenset[Kind]] = frozenset({ResourceKind.APPLICATION})
_INSTANCES: Final[frozenset[Kind]] = frozenset({ResourceKind.INSTANCE})
_DEVICES: Final[frozenset[Kind]] = frozenset({ResourceKind.DEVICE})
_THINGS: Final[frozenset[Kind]] = frozenset({ResourceKind.THING})
_FOLDERS: Final[frozenset[Kind]] = frozenset({ResourceKind.FOLDER})
_PAGES: Final[frozenset[Kind]] = frozenset({ResourceKind.PAGE})
_RUNNING: Final = _INSTANCES | _DEVICES

CATALOGUE: Final[Mapping[Permission, Rule]] = MappingProxyType(
    {
        Permission.APPLICATION_ACCESS_CONTROL: Rule(
            OWNER,
            On.RESOURCE,
            _APPLICATIONS | _RUNNING,
            "Set roles of single users on an application, an instance or a device",
            write=True,
            session_only=True,
            overrides=False,
        ),
        Permission.APPLICATION_AUDIT: Rule(OWNER, On.RESOURCE, _APPLICATIONS, "Read the audit log of an application"),
        Permission.APPLICATION_CREATE: Rule(OWNER, On.SPACE, _SPACES, "Create applications in a space", write=True),
        Permission.APPLICATION_DELETE: Rule(OWNER, On.RESOURCE, _APPLICATIONS, "Delete an application", write=True),
        Permission.APPLICATION_EDIT: Rule(OWNER, On.RESOURCE, _APPLICATIONS, "Rename an application", write=True),
        Permission.APPLICATION_LIST: Rule(VIEWER, On.RESOURCE, _APPLICATIONS, "See an application in lists"),
        Permission.APPLICATION_READ: Rule(VIEWER, On.RESOURCE, _APPLICATIONS, "Open an application"),
        Permission.APPLICATION_SBOM: Rule(
            OWNER, On.RESOURCE, _APPLICATIONS, "Read the bill of materials of an application"
        ),
        Permission.BRANDING_MANAGE: Rule(
            OWNER, On.SPACE, _SPACES, "Change name, logo and colours of a space", write=True
        ),
        Permission.CUSTOMER_CREATE: Rule(OWNER, On.SPACE, _PARENTS, "Create customers below a space", write=True),
        Permission.CUSTOMER_DELETE: Rule(OWNER, On.SPACE, _CUSTOMERS, "Delete a customer", write=True),
        Permission.CUSTOMER_EDIT: Rule(OWNER, On.SPACE, _CUSTOMERS, "Change a customer", write=True),
        Permission.CUSTOMER_USERS: Rule(
            OWNER, On.SPACE, _CUSTOMERS, "Create and manage the users of a customer", write=True
        ),
        Permission.DASHBOARD_LIST: Rule(
            DASHBOARD,
            On.RESOURCE,
            _RUNNING | _PAGES | _FOLDERS,
            "See what holds a dashboard in the launcher: instances, pages, folders",
        ),
        Permission.DEVICE_ASSIGN: Rule(
            OWNER, On.RESOURCE, _DEVICES, "Move a device to another application or instance", write=True
        ),
        Permission.DEVICE_AUDIT: Rule(VIEWER, On.RESOURCE, _DEVICES, "Read the audit log of a device"),
        Permission.DEVICE_CREATE: Rule(
            OWNER, On.RESOURCE, _SPACES | _APPLICATIONS | _INSTANCES, "Register devices", write=True
        ),
        Permission.DEVICE_DELETE: Rule(OWNER, On.RESOURCE, _DEVICES, "Delete a device", write=True),
        Permission.DEVICE_EDIT: Rule(OWNER, On.RESOURCE, _DEVICES, "Change a device", write=True),
        Permission.DEVICE_EDITOR: Rule(
            MEMBER, On.RESOURCE, _DEVICES, "Open the editor of a device from afar", write=True, data_plane=True
        ),
        Permission.DEVICE_KEY: Rule(
            OWNER, On.RESOURCE, _DEVICES, "Register a device's key", write=True, session_only=True
        ),
        Permission.DEVICE_LIST: Rule(VIEWER, On.RESOURCE, _DEVICES, "See a device in lists"),
        Permission.DEVICE_READ: Rule(VIEWER, On.RESOURCE, _DEVICES, "Open a device"),
        Permission.DIRECTORY_READ: Rule(NOBODY, On.SELF, _NOWHERE, "Look up users, as far as one may know of them"),
        Permission.FLOWS_EDIT: Rule(
            MEMBER,
            On.RESOURCE,
            _INSTANCES,
            "Deploy, inject and change settings in an instance's editor",
            write=True,
            data_plane=True,
            changes=Write.DEPLOY,
        ),
        Permission.FLOWS_VIEW: Rule(VIEWER, On.RESOURCE, _INSTANCES, "Open an instance's editor", data_plane=True),
        Permission.FOLDER_EDIT: Rule(
            MEMBER, On.RESOURCE, _FOLDERS, "Make folders in a folder, and change what it holds", write=True
        ),
        Permission.FOLDER_MANAGE: Rule(
            OWNER, On.SPACE, _SPACES, "Make and delete folders at the top of a space", write=True
        ),
        Permission.GROUP_MANAGE: Rule(
            OWNER, On.SPACE, _PARENTS, "Create, change and delete groups below a space", write=True
        ),
        Permission.HTTP: Rule(
            DASHBOARD, On.RESOURCE, _INSTANCES | _PAGES, "Use an instance's dashboards and endpoints", data_plane=True
        ),
        Permission.INSTANCE_AUDIT: Rule(VIEWER, On.RESOURCE, _INSTANCES, "Read the audit log of an instance"),
        Permission.INSTANCE_CREATE: Rule(
            OWNER, On.RESOURCE, _APPLICATIONS, "Create instances in an application", write=True
        ),
        Permission.INSTANCE_DELETE: Rule(OWNER, On.RESOURCE, _INSTANCES, "Delete an instance", write=True),
        Permission.INSTANCE_EDIT: Rule(
            OWNER, On.RESOURCE, _INSTANCES | _PAGES, "Change an instance's name, hosts, paths and pages", write=True
        ),
        Permission.INSTANCE_ENV: Rule(
            MEMBER, On.RESOURCE, _INSTANCES, "Change an instance's environment variables", write=True, data_plane=True
        ),
        Permission.INSTANCE_LIST: Rule(VIEWER, On.RESOURCE, _INSTANCES, "See an instance in lists"),
        Permission.INSTANCE_LOG: Rule(VIEWER, On.RESOURCE, _INSTANCES, "Read an instance's log", data_plane=True),
        Permission.INSTANCE_READ: Rule(VIEWER, On.RESOURCE, _INSTANCES, "Open an instance"),
        Permission.INSTANCE_SECURITY: Rule(
            OWNER,
            On.RESOURCE,
            _INSTANCES,
            "Change how an instance is protected: logins, roots, protection",
            write=True,
            session_only=True,
        ),
        Permission.INSTANCE_STATUS: Rule(DASHBOARD, On.RESOURCE, _INSTANCES, "See whether an instance is up"),
        Permission.INSTANCE_TOKENS: Rule(
            OWNER, On.RESOURCE, _INSTANCES, "Manage an instance's endpoint tokens", write=True, session_only=True
        ),
        Permission.INSTANCE_UPSTREAM: Rule(
            OWNER,
            On.RESOURCE,
            _APPLICATIONS | _INSTANCES,
            "Say where an instance really listens; owners of the team alone",
            write=True,
            session_only=True,
            team=True,
        ),
        Permission.PIPELINE_CREATE: Rule(OWNER, On.RESOURCE, _APPLICATIONS, "Create pipelines", write=True),
        Permission.PIPELINE_DELETE: Rule(OWNER, On.RESOURCE, _APPLICATIONS, "Delete a pipeline", write=True),
        Permission.PIPELINE_EDIT: Rule(
            OWNER, On.RESOURCE, _APPLICATIONS, "Change a pipeline and its stages", write=True
        ),
        Permission.PIPELINE_LIST: Rule(MEMBER, On.RESOURCE, _APPLICATIONS, "See a pipeline in lists"),
        Permission.PIPELINE_READ: Rule(MEMBER, On.RESOURCE, _APPLICATIONS, "Open a pipeline"),
        Permission.PLATFORM_AUDIT: Rule(ADMIN, On.PLATFORM, _NOWHERE, "Read the whole audit log"),
        Permission.PLATFORM_SETTINGS: Rule(ADMIN, On.PLATFORM, _NOWHERE, "Read the platform's settings"),
        Permission.PLATFORM_SETTINGS_EDIT: Rule(
            ADMIN, On.PLATFORM, _NOWHERE, "Change the platform's settings", write=True, session_only=True
        ),
        Permission.PLATFORM_SSO: Rule(
            ADMIN, On.PLATFORM, _NOWHERE, "Manage single sign-on providers", write=True, session_only=True
        ),
        Permission.PLATFORM_USERS: Rule(ADMIN, On.PLATFORM, _NOWHERE, "Read every user's account"),
        Permission.PLATFORM_USERS_EDIT: Rule(
            ADMIN, On.PLATFORM, _NOWHERE, "Create, change and delete users", write=True, session_only=True
        ),
        Permission.PLATFORM_VIEW_AS: Rule(
            ADMIN,
            On.PLATFORM,
            _NOWHERE,
            "Look on as another user, without changing anything",
            write=True,
            session_only=True,
        ),
        Permission.RESOURCE_OWNER: Rule(
            OWNER,
            On.RESOURCE,
            _ANYTHING | _SPACES,
            "Hand a resource to another space; asked of the old place and the new",
            write=True,
        ),
        Permission.ROW_POLICY_MANAGE: Rule(
            OWNER, On.SPACE, _SPACES, "Manage row policies", write=True, session_only=True
        ),
        Permission.SELF_EDIT: Rule(
            NOBODY, On.SELF, _NOWHERE, "Change one's own profile", write=True, session_only=True
        ),
        Permission.SELF_MFA: Rule(
            NOBODY, On.SELF, _NOWHERE, "Manage one's own second factors", write=True, session_only=True
        ),
        Permission.SELF_PASSWORD: Rule(
            NOBODY, On.SELF, _NOWHERE, "Change one's own password", write=True, session_only=True
        ),
        Permission.SELF_READ: Rule(NOBODY, On.SELF, _NOWHERE, "Read one's own profile and capabilities"),
        Permission.SELF_TOKENS: Rule(
            NOBODY, On.SELF, _NOWHERE, "Manage one's own API tokens", write=True, session_only=True
        ),
        Permission.SHARE_CREATE: Rule(OWNER, On.RESOURCE, _ANYTHING, "Share a resource with a space", write=True),
        Permission.SHARE_DELETE: Rule(OWNER, On.RESOURCE, _ANYTHING, "Take a share back", write=True),
        Permission.SNAPSHOT_CREATE: Rule(MEMBER, On.RESOURCE, _RUNNING, "Take a snapshot", write=True, data_plane=True),
        Permission.SNAPSHOT_DELETE: Rule(OWNER, On.RESOURCE, _RUNNING, "Delete a snapshot", write=True),
        Permission.SNAPSHOT_EDIT: Rule(OWNER, On.RESOURCE, _RUNNING, "Rename a snapshot", write=True),
        Permission.SNAPSHOT_EXPORT: Rule(MEMBER, On.RESOURCE, _RUNNING, "Download a snapshot", data_plane=True),
        Permission.SNAPSHOT_FULL: Rule(MEMBER, On.RESOURCE, _RUNNING, "Read a snapshot's flows", data_plane=True),
        Permission.SNAPSHOT_IMPORT: Rule(OWNER, On.RESOURCE, _RUNNING, "Upload a snapshot", write=True),
        Permission.SNAPSHOT_LIST: Rule(VIEWER, On.RESOURCE, _RUNNING, "See snapshots in lists"),
        Permission.SNAPSHOT_READ: Rule(VIEWER, On.RESOURCE, _RUNNING, "Open a snapshot's description"),
        Permission.SNAPSHOT_ROLLBACK: Rule(
            MEMBER,
            On.RESOURCE,
            _RUNNING,
            "Put an instance back to a snapshot",
            write=True,
            data_plane=True,
            changes=Write.DEPLOY,
        ),
        Permission.SPACE_AUDIT: Rule(OWNER, On.SPACE, _SPACES, "Read the audit log of a space"),
        Permission.SPACE_CREATE: Rule(
            NOBODY, On.PLATFORM, _NOWHERE, "Create teams; switched off unless an admin allows it", write=True
        ),
        Permission.SPACE_DELETE: Rule(OWNER, On.SPACE, _SPACES, "Delete a space", write=True),
        Permission.SPACE_EDIT: Rule(OWNER, On.SPACE, _SPACES, "Change a space and its title", write=True),
        Permission.SPACE_MEMBERS_INVITE: Rule(
            OWNER, On.SPACE, _SPACES, "Invite members", write=True, session_only=True
        ),
        Permission.SPACE_MEMBERS_LIST: Rule(VIEWER, On.SPACE, _SPACES, "See the members of a space"),
        Permission.SPACE_MEMBERS_REMOVE: Rule(
            OWNER, On.SPACE, _SPACES, "Remove members; anyone may leave", write=True, session_only=True
        ),
        Permission.SPACE_MEMBERS_ROLE: Rule(
            OWNER, On.SPACE, _SPACES, "Change members' roles", write=True, session_only=True
        ),
        Permission.SPACE_READ: Rule(DASHBOARD, On.SPACE, _SPACES, "See a space"),
        Permission.SPACE_SLUG: Rule(
            OWNER,
            On.SPACE,
            _SPACES,
            "Give a space another slug; owners of the space above alone, of a team admins",
            write=True,
            session_only=True,
        ),
        Permission.SPACE_TOKENS: Rule(
            OWNER, On.SPACE, _SPACES, "Manage a space's service accounts", write=True, session_only=True
        ),
        Permission.TAG_MANAGE: Rule(
            OWNER,
            On.SPACE,
            _SPACES,
            "Say which rows are a space's; owners of the team alone",
            write=True,
            session_only=True,
            team=True,
        ),
        Permission.THING_CREATE: Rule(OWNER, On.RESOURCE, _SPACES | _THINGS, "Create things", write=True),
        Permission.THING_DELETE: Rule(OWNER, On.RESOURCE, _THINGS, "Delete a thing", write=True),
        Permission.THING_EDIT: Rule(MEMBER, On.RESOURCE, _THINGS, "Change a thing's attributes", write=True),
        Permission.THING_LIST: Rule(DASHBOARD, On.RESOURCE, _THINGS, "See a thing in lists"),
        Permission.THING_READ: Rule(DASHBOARD, On.RESOURCE, _THINGS, "Open a thing"),
    }
)
