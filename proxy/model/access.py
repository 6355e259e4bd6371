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


class Permission(StrEnum):
    """A right on a resource, spelled scope:resource:action."""

    FLOWS_EDIT = "instance:flows:edit"
    FLOWS_VIEW = "instance:flows:view"
    HTTP = "instance:http"


class Reason(StrEnum):
    """Why a request passes or not. The code is API: logs, metrics and problem documents carry it."""

    # passes
    PUBLIC_PATH = "public_path"
    OPEN_INSTANCE = "open_instance"
    INSTANCE_PASSWORD = "instance_password"  # noqa: S105 - the name of a reason
    ROLE = "role"
    PREFLIGHT = "preflight"
    # who are you?
    LOGIN_REQUIRED = "login_required"
    SESSION_ENDED = "session_ended"
    CREDENTIALS_WRONG = "credentials_wrong"
    RIGHTS_CHANGED = "rights_changed"
    # you may not
    ROLE_TOO_LOW = "role_too_low"
    NO_ACCESS = "no_access"
    PROTECTED_INSTANCE = "protected_instance"
    ADMIN_DATA_ACCESS = "admin_data_access"
    UNLISTED_ENDPOINT = "unlisted_endpoint"
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
    DRAINING = "draining"
    UPSTREAM_UNREACHABLE = "upstream_unreachable"
    UPSTREAM_BROKEN = "upstream_broken"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    DEFECT = "defect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome of judging one principal, instance and surface."""

    allowed: bool
    reason: Reason
    role: Role = Role.NONE
    status: int = 200
