"""What is sent and answered about instances. Values are parsed as those of estate files are, by the same rules."""

from dataclasses import replace
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, PlainValidator, SecretStr, model_validator

from config.addresses import FrameOrigin, HostName, HostSetting, OriginSetting, UpstreamSetting
from config.base import Listing, schema_of
from config.estate_schema import Preset
from config.names import BasicName, Glob, Root, parse_mount
from config.times import PositiveDuration
from proxy.access.passwords import LONGEST, SHORTEST
from proxy.model.access import Permission, Role
from proxy.model.estate import HttpAuth, InstanceSettings, Limit, Resource
from proxy.services.administration.instances import UNSET
from proxy.web.api.items import Eyes, ResourceItem
from proxy.web.api.models import Answer, Body, Line, Slug, Veiled

T = TypeVar("T")

MOST: Final = 100
"""Entries of one list."""
EMPTY: Final = InstanceSettings(upstream=UNSET)


def said_upstream(settings: InstanceSettings) -> str | None:
    """Where an instance listens; None until somebody has said so."""
    return settings.upstream if settings.upstream != UNSET else None


"""What a new instance begins with."""


def _mount(value: object) -> str:
    return "" if value == "" else parse_mount(value)


def _field_value(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if not 1 <= len(text) <= 4096 or not all("!" <= character <= "~" for character in text):
        raise ValueError("must be 1 to 4096 visible ASCII characters")
    return secret


MountSetting = Annotated[str, PlainValidator(_mount), schema_of("path"), Field(examples=[""])]
Hosts = Annotated[Listing[HostSetting], Field(max_length=20)]
Globs = Annotated[Listing[Glob], Field(max_length=MOST)]
Password = Annotated[SecretStr, Field(min_length=SHORTEST, max_length=LONGEST)]
Bearer = Annotated[SecretStr, AfterValidator(_field_value)]


class UpstreamTlsBody(Body):
    """How the certificate of an https upstream is judged."""

    server_name: HostName | None = None
    """Name expected in the certificate; the upstream's host where absent."""
    insecure_skip_verify: bool = False
    """Accept any certificate, and with it anyone in between."""


class HttpAuthBody(Body):
    """Who may use dashboard and endpoints; all of it."""

    mode: Literal["none", "basic", "user"]
    """none, which anybody may use, needs server.allow_public_http."""
    public: Globs = ()
    """Endpoint paths open to anyone; * stays within a segment, ** crosses."""
    username: BasicName | None = None
    """For mode basic."""
    password: Password | None = None
    """For mode basic; absent keeps the one there is. It is never answered."""

    @model_validator(mode="after")
    def _basic_alone_has_a_name(self) -> Self:
        if self.mode != "basic" and (self.username is not None or self.password is not None):
            raise ValueError("has a username or password outside mode basic")
        return self


class SessionTimes(Body):
    """Session lengths on one instance; null for the gateway's own."""

    idle: PositiveDuration | None = None
    absolute: PositiveDuration | None = None


class LimitBody(Body):
    """So many requests per period, and so many at once."""

    count: Annotated[int, Field(ge=1, le=1_000_000)]
    period: PositiveDuration
    burst: Annotated[int, Field(ge=1, le=1_000_000)]

    @model_validator(mode="after")
    def _burst_is_part_of_it(self) -> Self:
        if self.burst > self.count:
            raise ValueError(f"has a burst of {self.burst}, which must be at most its count, {self.count}")
        return self

    def limit(self) -> Limit:
        return Limit(count=self.count, period=self.period, burst=self.burst)


class SecurityBody(Body):
    """How an instance is protected; what is absent stays as it is."""

    http_auth: HttpAuthBody | None = None
    admin_root: Root | None = None
    """Node-RED's httpAdminRoot."""
    node_root: Root | None = None
    """Node-RED's httpNodeRoot."""
    dashboard: Root | None = None
    """Path of Dashboard 2, below node_root."""
    identity: Annotated[Listing[Preset], Field(max_length=7)] | None = None
    """How the instance learns who the visitor is."""
    origins: Annotated[Listing[OriginSetting], Field(max_length=MOST)] | None = None
    """Foreign origins whose pages may send to its endpoints and sockets."""
    framed_by: Annotated[Listing[FrameOrigin], Field(max_length=20)] | None = None
    """Origins of other sites whose pages may show it in a frame, over https alone."""
    endpoints: Globs | None = None
    """Paths of its own that take other methods than GET on a shared root."""
    min_edit_role: Literal["member", "owner"] | None = None
    """Least role that may deploy."""
    viewer_reads_context: bool | None = None
    second_factor: bool | None = None
    """Whether whoever comes with a login must have proved a second factor, whatever way they logged in by."""
    enforce_client_constraint: bool | None = None
    """Whether what a flow sends to one user, tenant or tab is kept from all others; null for as tenant mode says."""
    session: SessionTimes | None = None
    limit_per_address: LimitBody | None = None
    """Requests to dashboards and endpoints per client address; null for no limit."""
    limit_per_principal: LimitBody | None = None
    """The same per login or token; null for no limit."""
    admin_token: Bearer | None = None
    """For an upstream that keeps its own adminAuth; null removes it. It is never answered."""

    def applied(self, before: InstanceSettings, password_hash: str | None = None) -> InstanceSettings:
        """The settings with what this says; `password_hash` is that of a new password."""
        sent, session = self.model_fields_set, self.session
        return replace(
            self._with_access(before, password_hash),
            admin_root=_or(self.admin_root, before.admin_root),
            node_root=_or(self.node_root, before.node_root),
            dashboard=_or(self.dashboard, before.dashboard),
            identity=before.identity if self.identity is None else tuple(self.identity),
            origins=before.origins if self.origins is None else tuple(map(str, self.origins)),
            framed_by=before.framed_by if self.framed_by is None else tuple(map(str, self.framed_by)),
            endpoints=_or(self.endpoints, before.endpoints),
            min_edit_role=Role[self.min_edit_role.upper()] if self.min_edit_role else before.min_edit_role,
            viewer_reads_context=_or(self.viewer_reads_context, before.viewer_reads_context),
            second_factor=_or(self.second_factor, before.second_factor),
            enforce_client_constraint=(
                self.enforce_client_constraint
                if "enforce_client_constraint" in sent
                else before.enforce_client_constraint
            ),
            session_idle=session.idle if session else before.session_idle,
            session_absolute=session.absolute if session else before.session_absolute,
            limit_per_address=_limit(self.limit_per_address)
            if "limit_per_address" in sent
            else before.limit_per_address,
            limit_per_principal=(
                _limit(self.limit_per_principal) if "limit_per_principal" in sent else before.limit_per_principal
            ),
            admin_token=_revealed(self.admin_token) if "admin_token" in sent else before.admin_token,
        )

    def _with_access(self, before: InstanceSettings, password_hash: str | None) -> InstanceSettings:
        access = self.http_auth
        if access is None:
            return before
        basic = access.mode == "basic"
        return replace(
            before,
            http_auth=HttpAuth(access.mode),
            public=access.public,
            basic_username=_or(access.username, before.basic_username) if basic else "",
            basic_password_hash=_or(password_hash, before.basic_password_hash) if basic else "",
        )

    @property
    def password(self) -> str | None:
        """A new password for mode basic."""
        return _revealed(self.http_auth.password) if self.http_auth else None


class Placing(Body):
    """Where an instance is reached and where it listens; what is absent stays as it is."""

    hosts: Hosts | None = None
    """Host names of its own; a full origin where scheme or port differ from the gateway's."""
    path: MountSetting | None = None
    """Prefix, where a host is shared; empty for the whole host."""
    upstream: UpstreamSetting | None = None
    """Where Node-RED really listens, http:// or https://; for owners of the team."""
    upstream_tls: UpstreamTlsBody | None = None

    def placed(self, before: InstanceSettings) -> InstanceSettings:
        """The settings with what this says."""
        tls = self.upstream_tls
        return replace(
            before,
            hosts=before.hosts if self.hosts is None else tuple(map(str, self.hosts)),
            path=_or(self.path, before.path),
            upstream=before.upstream if self.upstream is None else str(self.upstream),
            upstream_tls=(
                replace(
                    before.upstream_tls,
                    server_name=tls.server_name,
                    insecure_skip_verify=tls.insecure_skip_verify,
                )
                if tls
                else before.upstream_tls
            ),
        )


class NewInstance(Placing):
    """An instance to be made. Without `upstream` it answers nothing until an owner of the team says where it listens."""

    application: Line
    """Id or address."""
    slug: Slug
    """Unique in its application."""
    name: Line = ""
    """Name for people; the slug where empty."""
    security: SecurityBody = Field(default=SecurityBody())


class InstanceChange(Placing):
    """What is to be different of an instance; what is absent stays as it is."""

    slug: Slug | None = None
    name: Line | None = None


class ProtectedBody(Body):
    """Whether an instance is protected."""

    enabled: bool


class Secret(Answer):
    """Whether there is a secret; it is never answered."""

    set: bool


class Shown(Answer):
    """Who may use dashboard and endpoints."""

    mode: HttpAuth
    public: tuple[str, ...]
    username: str
    password: Secret


class Times(Answer):
    """Seconds; null for the gateway's own."""

    idle: float | None
    absolute: float | None


class LimitItem(Answer):
    """So many requests per period in seconds, and so many at once."""

    count: int
    period: float
    burst: int


class SecurityItem(Veiled):
    """How an instance is protected."""

    http_auth: Shown
    admin_root: str
    node_root: str
    dashboard: str
    identity: tuple[str, ...]
    origins: tuple[str, ...]
    framed_by: tuple[str, ...]
    endpoints: tuple[str, ...]
    min_edit_role: str
    viewer_reads_context: bool
    second_factor: bool
    enforce_client_constraint: bool | None
    session: Times
    limit_per_address: LimitItem | None
    limit_per_principal: LimitItem | None
    admin_token: Secret


class ProtectedItem(Answer):
    """Whether an instance is protected: then nobody deploys to it."""

    enabled: bool


class TlsItem(Answer):
    """How the certificate of an https upstream is judged."""

    server_name: str | None
    insecure_skip_verify: bool


class InstanceItem(ResourceItem):
    """An instance."""

    hosts: tuple[str, ...]
    path: str
    dashboard_url: str | None
    editor_url: str | None
    http_auth: HttpAuth
    protected: bool
    upstream: str | None
    """Where it really listens; for owners, and null as long as nobody has said so."""
    upstream_tls: TlsItem | None
    """For owners."""


def security_item(settings: InstanceSettings, actions: tuple[str, ...]) -> SecurityItem:
    return SecurityItem(
        http_auth=Shown(
            mode=settings.http_auth,
            public=settings.public,
            username=settings.basic_username,
            password=Secret(set=bool(settings.basic_password_hash)),
        ),
        admin_root=settings.admin_root,
        node_root=settings.node_root,
        dashboard=settings.dashboard,
        identity=settings.identity,
        origins=settings.origins,
        framed_by=settings.framed_by,
        endpoints=settings.endpoints,
        min_edit_role=settings.min_edit_role.label,
        viewer_reads_context=settings.viewer_reads_context,
        second_factor=settings.second_factor,
        enforce_client_constraint=settings.enforce_client_constraint,
        session=Times(idle=settings.session_idle, absolute=settings.session_absolute),
        limit_per_address=_limit_item(settings.limit_per_address),
        limit_per_principal=_limit_item(settings.limit_per_principal),
        admin_token=Secret(set=settings.admin_token is not None),
        actions=actions,
    )


def instance_item(seen: Eyes, instance: Resource) -> InstanceItem:
    """An instance, as far as whoever asks may know of it."""
    settings = instance.instance or EMPTY
    owns = seen.may(Permission.INSTANCE_EDIT, instance)
    tls = settings.upstream_tls
    return InstanceItem.model_validate(
        {
            **seen.described(instance),
            "hosts": settings.hosts,
            "path": settings.path,
            "dashboard_url": seen.dashboard_url(instance),
            "editor_url": seen.editor_url(settings) if seen.may(Permission.FLOWS_VIEW, instance) else None,
            "http_auth": settings.http_auth,
            "protected": settings.protected,
            "upstream": said_upstream(settings) if owns else None,
            "upstream_tls": (
                TlsItem(server_name=tls.server_name, insecure_skip_verify=tls.insecure_skip_verify) if owns else None
            ),
        }
    )


def _or(new: T | None, old: T) -> T:
    return old if new is None else new


def _limit(body: LimitBody | None) -> Limit | None:
    return body.limit() if body else None


def _limit_item(limit: Limit | None) -> LimitItem | None:
    return LimitItem(count=limit.count, period=limit.period, burst=limit.burst) if limit else None


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None
