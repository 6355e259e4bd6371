"""Resources, shares, and the snapshot of all that decisions are made on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Literal, Self

from proxy.model.access import Role
from proxy.model.directory import Branding, Space, SpaceKind


class ResourceKind(StrEnum):
    APPLICATION = "application"
    INSTANCE = "instance"
    DEVICE = "device"
    PAGE = "page"
    THING = "thing"
    FOLDER = "folder"


class HttpAuth(StrEnum):
    """How dashboards and endpoints of an instance are protected."""

    NONE = "none"
    BASIC = "basic"
    USER = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamTls:
    """How the gateway checks an https upstream."""

    ca: str | None = None
    """Path of a PEM file with the authorities to trust; None for the system's."""
    server_name: str | None = None
    insecure_skip_verify: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How many requests per period, and how many of them at once."""

    count: int
    period: float
    """Seconds."""
    burst: int
    """How many may come at once; at most `count`."""


class RowKind(StrEnum):
    """Where rows travel."""

    HTTP = "http"
    SOCKET = "socketio"


class RowMode(StrEnum):
    """What becomes of rows that are somebody else's."""

    FILTER = "filter"
    """They are left out."""
    ASSERT = "assert"
    """The flow leaves them out by itself: one that is there all the same stops all of it, and is on record."""


class Unmatched(StrEnum):
    """What becomes of what has no rows where a policy looks for them."""

    DENY = "deny"
    PASS = "pass"  # noqa: S105 - lets pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPolicy:
    """Whose rows a visitor of one instance gets to see: those whose field holds one of the visitor's values of a tag."""

    name: str
    """Unique within the instance."""
    kind: RowKind
    tag: str
    """Name of a tag, @things or @tenant."""
    field: str
    """Where a row names whose it is: a name, or names with dots between them."""
    rows: str = "$"
    """JSONPath of the array in which each row is an item, or $ for the whole: an array, or an object that is one row."""
    paths: tuple[str, ...] = ()
    """Of kind http: globs of paths below the instance's node root; none for every endpoint."""
    methods: tuple[str, ...] = ()
    """Of kind http; none for every method."""
    widgets: tuple[str, ...] = ()
    """Of kind socketio: ids of widgets."""
    types: tuple[str, ...] = ()
    """Of kind socketio: types of widgets, such as ui-table."""
    pages: tuple[str, ...] = ()
    """Of kind socketio: ids or paths of Dashboard pages. Without widgets, types and pages: every widget."""
    mode: RowMode = RowMode.FILTER
    on_unmatched: Unmatched = Unmatched.DENY


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceSettings:
    """What an operator says about one Node-RED. Everything the data plane needs, as plain values."""

    upstream: str
    """http://host:port, https://host:port or http+unix:///path/to.sock."""
    hosts: tuple[str, ...] = ()
    """Host names, or full origins (https://name:port) where scheme or port differ from public_url's."""
    path: str = ""
    """Prefix on those hosts, such as /line-3, or empty for the whole host."""
    admin_root: str = "/"
    node_root: str = "/"
    dashboard: str = "/dashboard"
    """The Dashboard's path, relative to node_root."""
    http_auth: HttpAuth = HttpAuth.USER
    public: tuple[str, ...] = ()
    """Globs of paths that need no login."""
    basic_username: str = ""
    basic_password_hash: str = ""
    identity: tuple[str, ...] = ("assertion", "flowward")
    protected: bool = False
    endpoints: tuple[str, ...] = ()
    """Globs of endpoint paths that may be written to although admin and endpoints share a root."""
    origins: tuple[str, ...] = ()
    framed_by: tuple[str, ...] = ()
    """Origins of other sites whose pages may show it in a frame."""
    min_edit_role: Role = Role.MEMBER
    viewer_reads_context: bool = False
    second_factor: bool = False
    """Whether whoever comes with a login must have proved a second factor of the gateway's own."""
    upstream_tls: UpstreamTls = field(default_factory=UpstreamTls)
    session_absolute: float | None = None
    session_idle: float | None = None
    admin_token: str | None = None
    """A token for the instance's own adminAuth, injected on admin surfaces."""
    limit_per_address: Limit | None = None
    """Requests to dashboards and endpoints per client address; None for no limit."""
    limit_per_principal: Limit | None = None
    """The same per login or token."""
    rows: tuple[RowPolicy, ...] = ()
    """Whose rows its visitors see."""
    enforce_client_constraint: bool | None = None
    """Whether what a flow means for one user, tenant or socket reaches nobody else, whatever the widget; None for where
    tenant mode is on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Something that can be owned, shared and decided upon."""

    id: str
    kind: ResourceKind
    slug: str
    name: str = ""
    parent: str | None = None
    owner: str | None = None
    """Id of the owning space; None inherits the parent's."""
    instance: InstanceSettings | None = None
    """Present when kind is instance."""
    members: frozenset[str] = frozenset()
    """Of a folder: ids of the resources in it."""
    attributes: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """Plain JSON values: of a thing its subtype, external_id and data; of a page what it matches."""
    declared: str | None = None

    @property
    def external_id(self) -> str:
        """Of a thing: what it is called where its data come from; empty for nothing."""
        return str(self.attributes.get("external_id") or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSettings:
    """What part of an instance a page stands for."""

    match: str = ""
    """A page of the Dashboard: its id, or its path below the dashboard, such as /page1; empty for none."""
    endpoints: tuple[str, ...] = ()
    """Globs of endpoint paths below the node root."""
    readonly: bool = False
    """Whether only members and owners may press and type there; others watch."""
    public: bool = False
    """Whether anybody may open it, without a login."""

    @classmethod
    def of(cls, page: Resource) -> Self:
        """What a resource of kind page says."""
        said = page.attributes
        endpoints = said.get("endpoints")
        return cls(
            match=str(said.get("match") or ""),
            endpoints=tuple(map(str, endpoints)) if isinstance(endpoints, list | tuple) else (),
            readonly=said.get("readonly") is True,
            public=said.get("http_auth") == HttpAuth.NONE,
        )

    @property
    def path(self) -> str:
        """Its path below the dashboard; empty where that is not known, so that the dashboard's own address has to do."""
        return self.match if self.match.startswith("/") else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A share: members of `space` reach `target` with at most `role`."""

    target: str
    space: str
    role: Role
    declared: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonaCheck:
    """What an admin expects of somebody, to be looked at again after every change."""

    user: str
    """User id."""
    permission: str
    place: str
    """Id of a resource or space."""
    allowed: bool
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformSettings:
    """Switches that hold for the whole gateway."""

    tenant_mode: bool = False
    disable_all_users: bool = False
    admin_data_access: Literal["full", "read", "none"] = "full"
    """full, read or none: what admins may do inside instances."""
    switched_off: frozenset[str] = frozenset({"space:create"})
    """Permissions that only admins have, whatever their role."""
    upstream_allow: tuple[str, ...] = ()
    """Where upstreams set through the API may listen: CIDRs and host name patterns; none for anywhere that is not
    loopback, link-local or a metadata service."""
    tags: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    """The tags that rows are told apart by: name -> the value of who has none of their own; None for no row at all."""
    branding: Branding = field(default_factory=Branding)
    """How pages look where no space says otherwise."""
    persona_checks: tuple[PersonaCheck, ...] = ()

    def constrains(self, instance: InstanceSettings) -> bool:
        """Whether what an instance's flows mean for some visitors is kept from all others, whatever the widget."""
        said = instance.enforce_client_constraint
        return self.tenant_mode if said is None else said


@dataclass(frozen=True, kw_only=True)
class Estate:
    """All spaces, resources and grants at one version. Immutable: a change makes a new one."""

    version: int = 0
    spaces: Mapping[str, Space] = field(default_factory=lambda: MappingProxyType({}))
    resources: Mapping[str, Resource] = field(default_factory=lambda: MappingProxyType({}))
    grants: tuple[Grant, ...] = ()
    settings: PlatformSettings = field(default_factory=PlatformSettings)

    @cached_property
    def by_kind(self) -> Mapping[ResourceKind, Sequence[Resource]]:
        """Every resource by kind, in the order of their names."""
        found: dict[ResourceKind, list[Resource]] = {kind: [] for kind in ResourceKind}
        for resource in sorted(
            self.resources.values(), key=lambda each: ((each.name or each.slug).casefold(), each.id)
        ):
            found[resource.kind].append(resource)
        return found

    @cached_property
    def children(self) -> Mapping[str, Sequence[Resource]]:
        """Resource id -> the resources right below it."""
        found: dict[str, list[Resource]] = {}
        for resource in self.resources.values():
            if resource.parent is not None:
                found.setdefault(resource.parent, []).append(resource)
        return found

    @cached_property
    def shares(self) -> Mapping[str, Sequence[Grant]]:
        """Resource id -> the grants on it."""
        found: dict[str, list[Grant]] = {}
        for grant in self.grants:
            found.setdefault(grant.target, []).append(grant)
        return found

    @cached_property
    def folders_of(self) -> Mapping[str, Sequence[Resource]]:
        """Resource id -> the folders that hold it."""
        found: dict[str, list[Resource]] = {}
        for folder in (each for each in self.resources.values() if each.kind is ResourceKind.FOLDER):
            for member in folder.members:
                found.setdefault(member, []).append(folder)
        return found

    @cached_property
    def reached(self) -> frozenset[str]:
        """Ids of the resources that shares or folders name."""
        return frozenset(self.shares).union(self.folders_of)

    @cached_property
    def shares_by_space(self) -> Mapping[str, Mapping[str, Grant]]:
        """Resource id -> the grants on it, by the id of the space each is with: some are shared with thousands."""
        found: dict[str, dict[str, Grant]] = {}
        for target, grants in self.shares.items():
            by_space = found[target] = {}
            for grant in grants:
                if grant.space not in by_space or by_space[grant.space].role < grant.role:
                    by_space[grant.space] = grant
        return found

    @cached_property
    def shared_with(self) -> Mapping[str, Sequence[Grant]]:
        """Space id -> the grants to it."""
        found: dict[str, list[Grant]] = {}
        for grant in self.grants:
            found.setdefault(grant.space, []).append(grant)
        return found

    @cached_property
    def things_of(self) -> Mapping[str, Sequence[Resource]]:
        """Space id -> the things it owns."""
        found: dict[str, list[Resource]] = {}
        for resource in self.resources.values():
            if resource.kind is ResourceKind.THING and (owner := self.owner(resource)) is not None:
                found.setdefault(owner.id, []).append(resource)
        return found

    @cached_property
    def things_called(self) -> Mapping[str, Sequence[Resource]]:
        """External id -> the things that bear it."""
        found: dict[str, list[Resource]] = {}
        for resource in self.resources.values():
            if resource.kind is ResourceKind.THING and resource.external_id:
                found.setdefault(resource.external_id, []).append(resource)
        return found

    @cached_property
    def everyone(self) -> frozenset[str]:
        """Ids of the spaces in which all are members without a row."""
        return frozenset(space.id for space in self.spaces.values() if space.kind is SpaceKind.EVERYONE)

    @cached_property
    def spaces_below(self) -> Mapping[str, Sequence[Space]]:
        """Space id -> the spaces right below it."""
        found: dict[str, list[Space]] = {}
        for space in self.spaces.values():
            if space.parent is not None:
                found.setdefault(space.parent, []).append(space)
        return found

    @cached_property
    def branded_hosts(self) -> Mapping[str, Sequence[Space]]:
        """Host name -> the spaces that name it as their own, by slug."""
        found: dict[str, list[Space]] = {}
        for space in sorted((each for each in self.spaces.values() if each.branding), key=lambda each: each.slug):
            for host in space.branding.hosts if space.branding else ():
                found.setdefault(host, []).append(space)
        return found

    @cached_property
    def pictures(self) -> frozenset[str]:
        """Keys of the images that pages show."""
        looks = [self.settings.branding, *(space.branding for space in self.spaces.values() if space.branding)]
        return frozenset(key for look in looks for key in (look.logo, look.favicon) if key)

    def path(self, resource: Resource) -> Iterator[Resource]:
        """The resource, then its parent, and so on up."""
        at: Resource | None = resource
        while at is not None:
            yield at
            at = self.resources.get(at.parent) if at.parent else None

    def owner(self, resource: Resource) -> Space | None:
        """The owning space: the nearest one named on the way up."""
        for at in self.path(resource):
            if at.owner is not None:
                return self.spaces.get(at.owner)
        return None

    def lineage(self, space: Space) -> Iterator[Space]:
        """The space, then the one above it, and so on up to the team."""
        at: Space | None = space
        while at is not None:
            yield at
            at = self.spaces.get(at.parent) if at.parent else None

    def address(self, resource: Resource) -> str:
        """The path people write, such as acme/plant/line-3: the owner of the topmost resource, then slugs."""
        way = list(self.path(resource))
        top = self.spaces.get(way[-1].owner or "")
        return "/".join([top.slug if top else "?", *(at.slug for at in reversed(way))])
