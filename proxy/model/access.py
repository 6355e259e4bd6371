"""What may be done, and what was decided."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Role(IntEnum):
    """How far a user may go on a resource; the gaps leave room, comparisons are by number."""

    NONE = 0
    DASHBOARD = 5
    VIEWER = 10
    MEMBER = 30
    OWNER = 50
    ADMIN = 99

    @property
    def label(self) -> str:
        """The name as configuration files, headers and assertions spell it."""
        return self.name.lower()


class Write(IntEnum):
    """Classes of writes to an instance; protection blocks all but PREFS."""

    NONE = 0
    PREFS = 1
    OTHER = 2
    TRIGGER = 3
    DEPLOY = 4


class Permission(StrEnum):
    """A right on something, spelled scope:resource:action. What each asks for stands in `access.catalogue`."""

    APPLICATION_ACCESS_CONTROL = "application:access-control"
    APPLICATION_AUDIT = "application:audit"
    APPLICATION_CREATE = "application:create"
    APPLICATION_DELETE = "application:delete"
    APPLICATION_EDIT = "application:edit"
    APPLICATION_LIST = "application:list"
    APPLICATION_READ = "application:read"
    APPLICATION_SBOM = "application:sbom"
    BRANDING_MANAGE = "branding:manage"
    CUSTOMER_CREATE = "customer:create"
    CUSTOMER_DELETE = "customer:delete"
    CUSTOMER_EDIT = "customer:edit"
    CUSTOMER_USERS = "customer:users"
    DASHBOARD_LIST = "dashboard:list"
    DEVICE_ASSIGN = "device:assign"
    DEVICE_AUDIT = "device:audit"
    DEVICE_CREATE = "device:create"
    DEVICE_DELETE = "device:delete"
    DEVICE_EDIT = "device:edit"
    DEVICE_EDITOR = "device:editor"
    DEVICE_KEY = "device:key"
    DEVICE_LIST = "device:list"
    DEVICE_READ = "device:read"
    DIRECTORY_READ = "directory:read"
    FLOWS_EDIT = "instance:flows:edit"
    FLOWS_VIEW = "instance:flows:view"
    FOLDER_EDIT = "folder:edit"
    FOLDER_MANAGE = "folder:manage"
    GROUP_MANAGE = "group:manage"
    HTTP = "instance:http"
    INSTANCE_AUDIT = "instance:audit"
    INSTANCE_CREATE = "instance:create"
    INSTANCE_DELETE = "instance:delete"
    INSTANCE_EDIT = "instance:edit"
    INSTANCE_ENV = "instance:env"
    INSTANCE_LIST = "instance:list"
    INSTANCE_LOG = "instance:log"
    INSTANCE_READ = "instance:read"
    INSTANCE_SECURITY = "instance:security"
    INSTANCE_STATUS = "instance:status"
    INSTANCE_TOKENS = "instance:tokens"
    INSTANCE_UPSTREAM = "instance:upstream"
    PIPELINE_CREATE = "pipeline:create"
    PIPELINE_DELETE = "pipeline:delete"
    PIPELINE_EDIT = "pipeline:edit"
    PIPELINE_LIST = "pipeline:list"
    PIPELINE_READ = "pipeline:read"
    PLATFORM_AUDIT = "platform:audit"
    PLATFORM_SETTINGS = "platform:settings"
    PLATFORM_SETTINGS_EDIT = "platform:settings:edit"
    PLATFORM_SSO = "platform:sso"
    PLATFORM_USERS = "platform:users"
    PLATFORM_USERS_EDIT = "platform:users:edit"
    PLATFORM_VIEW_AS = "platform:view-as"
    RESOURCE_OWNER = "resource:owner"
    ROW_POLICY_MANAGE = "rowpolicy:manage"
    SELF_EDIT = "self:edit"
    SELF_MFA = "self:mfa"
    SELF_PASSWORD = "self:password"  # noqa: S105 - the name of a right
    SELF_READ = "self:read"
    SELF_TOKENS = "self:tokens"
    SHARE_CREATE = "share:create"
    SHARE_DELETE = "share:delete"
    SNAPSHOT_CREATE = "snapshot:create"
    SNAPSHOT_DELETE = "snapshot:delete"
    SNAPSHOT_EDIT = "snapshot:edit"
    SNAPSHOT_EXPORT = "snapshot:export"
    SNAPSHOT_FULL = "snapshot:full"
    SNAPSHOT_IMPORT = "snapshot:import"
    SNAPSHOT_LIST = "snapshot:list"
    SNAPSHOT_READ = "snapshot:read"
    SNAPSHOT_ROLLBACK = "snapshot:rollback"
    SPACE_AUDIT = "space:audit"
    SPACE_CREATE = "space:create"
    SPACE_DELETE = "space:delete"
    SPACE_EDIT = "space:edit"
    SPACE_MEMBERS_INVITE = "space:members:invite"
    SPACE_MEMBERS_LIST = "space:members:list"
    SPACE_MEMBERS_REMOVE = "space:members:remove"
    SPACE_MEMBERS_ROLE = "space:members:role"
    SPACE_READ = "space:read"
    SPACE_SLUG = "space:slug"
    SPACE_TOKENS = "space:tokens"
    TAG_MANAGE = "tag:manage"
    THING_CREATE = "thing:create"
    THING_DELETE = "thing:delete"
    THING_EDIT = "thing:edit"
    THING_LIST = "thing:list"
    THING_READ = "thing:read"


class Reason(StrEnum):
    """Why a request passes or not. The code is API: logs, metrics and problem documents carry it."""

    # passes
    PUBLIC_PATH = "public_path"
    OPEN_INSTANCE = "open_instance"
    INSTANCE_PASSWORD = "instance_password"  # noqa: S105 - the name of a reason
    ENDPOINT_TOKEN = "endpoint_token"  # noqa: S105 - the name of a reason
    ROLE = "role"
    PREFLIGHT = "preflight"
    # who are you?
    LOGIN_REQUIRED = "login_required"
    SESSION_ENDED = "session_ended"
    CREDENTIALS_WRONG = "credentials_wrong"
    RIGHTS_CHANGED = "rights_changed"
    SECOND_FACTOR_REQUIRED = "second_factor_required"
    # you may not
    ROLE_TOO_LOW = "role_too_low"
    NO_ACCESS = "no_access"
    PROTECTED_INSTANCE = "protected_instance"
    ADMIN_DATA_ACCESS = "admin_data_access"
    UNLISTED_ENDPOINT = "unlisted_endpoint"
    SWITCHED_OFF = "switched_off"
    INTERACTIVE_SESSION_REQUIRED = "interactive_session_required"
    REAUTHENTICATION_REQUIRED = "reauthentication_required"
    PAT_CANNOT_CREATE_PAT = "pat_cannot_create_pat"
    TOKEN_READ_ONLY = "token_read_only"  # noqa: S105 - the name of a reason
    TOKEN_SCOPE = "token_scope"  # noqa: S105 - the name of a reason
    VIEWING_AS = "viewing_as"
    FOREIGN_ORIGIN = "foreign_origin"
    FOREIGN_SID = "foreign_sid"
    SERVICE_WORKER_SCOPE = "service_worker_scope"
    PREFLIGHT_REFUSED = "preflight_refused"
    # there is nothing here
    UNKNOWN_HOST = "unknown_host"
    NOT_FOUND = "not_found"
    MOVED = "moved"
    # this is no request we could judge
    BAD_REQUEST = "bad_request"
    BAD_TARGET = "bad_target"
    TOKEN_IN_QUERY = "token_in_query"  # noqa: S105 - the name of a reason
    HEAD_TOO_LARGE = "head_too_large"
    TARGET_TOO_LONG = "target_too_long"
    HTTP_VERSION = "http_version"
    # not now
    TOO_MANY_REQUESTS = "too_many_requests"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    HEAD_TIMEOUT = "head_timeout"
    FACTS_UNAVAILABLE = "facts_unavailable"
    NOT_RECORDED = "not_recorded"
    DRAINING = "draining"
    UPSTREAM_CHANGED = "upstream_changed"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_BROKEN = "upstream_broken"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    # rows that nobody could tell apart
    RLS_NOT_JSON = "rls_not_json"
    RLS_TOO_LARGE = "rls_too_large"
    RLS_UNMATCHED = "rls_unmatched"
    RLS_VIOLATION = "rls_violation"
    DEFECT = "defect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome of judging one principal, instance and surface."""

    allowed: bool
    reason: Reason
    role: Role = Role.NONE
    status: int = 200
