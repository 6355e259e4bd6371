"""estate.yaml: the spaces, users, applications and instances that files declare."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from config.addresses import FrameOrigin, HostName, HostSetting, OriginSetting, UpstreamSetting
from config.base import Listing, Section, wrong
from config.files import ExistingFile, SecretFile
from config.names import (
    ApplicationPath,
    BasicName,
    Email,
    Glob,
    Mount,
    PasswordHash,
    ResourcePath,
    Root,
    Slug,
    Username,
)
from config.tenancy_schema import PageEntry, RowEntry, Tags
from config.times import PositiveDuration, RateSetting

MembershipRole = Literal["dashboard", "viewer", "member", "owner"]
OverrideRole = Literal["none", "dashboard", "viewer", "member", "owner"]
Preset = Literal["assertion", "flowward", "remote", "authentik", "cloudflare", "oauth2-proxy", "portal"]


class SpaceEntry(Section):
    """A team, a customer of it, or a group within either; or the one space in which all are members."""

    slug: Slug = Field(description="Unique name, the first part of every path below it.")
    kind: Literal["team", "customer", "group", "everyone"] = Field(
        description="A team has no parent, nor has everyone, of which there is one at most; the others have one."
    )
    parent: Slug | None = Field(default=None, description="Slug of the team or customer it belongs to.")
    title: str = Field(default="", max_length=200, description="Name for people; the slug where empty.")
    active: bool = Field(default=True, description="false suspends everyone who is in through this space.")
    tags: Tags | None = Field(
        default=None, description="Values of tags that its people have; those it has where absent."
    )


class UserEntry(Section):
    """A person who may log in."""

    username: Username = Field(description="What is typed to log in; unique, whatever the case.")
    email: Email | None = Field(default=None, description="Mail address; links foreign logins.")
    name: str = Field(default="", max_length=200, description="Name for people; the username where empty.")
    admin: bool = Field(default=False, description="May do everything, everywhere.")
    state: Literal["active", "suspended"] = Field(default="active", description="suspended ends every session.")
    password_hash: PasswordHash | None = Field(default=None, description="An argon2id hash, in single quotes.")
    password: SecretFile | None = Field(default=None, description="{file: path} of the password; it is stored hashed.")
    provider: Slug | None = Field(
        default=None,
        description="Name of the way in (auth) by which alone the user logs in; the first who does so by it under this "
        "username, or this address in one of its domains, is the user from then on.",
    )
    link: Literal["activation"] | None = Field(
        default=None, description="activation prints a one-time link by which the user chooses a password."
    )
    tags: Tags | None = Field(default=None, description="Values of tags of their own; those they have where absent.")
    default_dashboard: ResourcePath | None = Field(
        default=None, description="Path of the instance or page that is seen first after logging in."
    )
    fullscreen: bool | None = Field(
        default=None, description="That dashboard is all of the gateway that they see; as it is where absent."
    )
    memberships: Mapping[Slug, MembershipRole] = Field(default={}, description="Role per space.")
    overrides: Mapping[ResourcePath, OverrideRole] = Field(
        default={}, description="Role on one application or instance, which beats everything inherited; none locks out."
    )


class ApplicationEntry(Section):
    """A set of instances that belong together."""

    slug: Slug = Field(description="Name within its space.")
    space: Slug = Field(description="Slug of the space that owns it.")
    title: str = Field(default="", max_length=200, description="Name for people; the slug where empty.")

    @property
    def path(self) -> str:
        """Its name everywhere: `space/application`."""
        return f"{self.space}/{self.slug}"


class HttpAuth(Section):
    """Who may use the dashboard and the endpoints of an instance."""

    mode: Literal["none", "basic", "user"] = Field(
        default="user",
        description="user: logged in, with a role. basic: one shared name and password. none: anyone; "
        "needs server.allow_public_http.",
    )
    public: Listing[Glob] = Field(
        default=(), description="Endpoint paths open to anyone; * stays within a segment, ** crosses."
    )
    username: BasicName | None = Field(default=None, description="Name for mode basic.")
    password_hash: PasswordHash | None = Field(
        default=None, description="argon2id hash of the password for mode basic, in single quotes."
    )
    password: SecretFile | None = Field(default=None, description="{file: path} of the password for mode basic.")

    @model_validator(mode="after")
    def _basic_is_complete(self) -> Self:
        given = (self.username, self.password_hash or self.password)
        if self.mode == "basic" and None in given:
            raise wrong(
                "in mode basic needs username and a password",
                "Add username and password: {file: path} or password_hash.",
            )
        if self.mode != "basic" and any(given):
            raise wrong("has a username or password outside mode basic", "Write mode: basic or remove them.")
        return self


class UpstreamTls(Section):
    """How the certificate of an https upstream is judged."""

    ca: ExistingFile | None = Field(default=None, description="PEM file of the CA to trust instead of the system's.")
    server_name: HostName | None = Field(
        default=None, description="Name expected in the certificate; the upstream's host where absent."
    )
    insecure_skip_verify: bool = Field(
        default=False, description="Accept any certificate, and with it anyone in between. Warned of at start."
    )


class InstanceSession(Section):
    """Shorter or longer logins for one instance, for example a display on a wall."""

    absolute: PositiveDuration | None = Field(default=None, description="Instead of session.absolute.")
    idle: PositiveDuration | None = Field(default=None, description="Instead of session.idle.")


class InstanceLimit(Section):
    """How often requests may come."""

    rate: RateSetting = Field(description="So many in so long, for example 100/m.")
    burst: int | None = Field(default=None, ge=1, description="How many of them may come at once; all where absent.")

    @model_validator(mode="after")
    def _burst_is_part_of_it(self) -> Self:
        if self.burst is not None and self.burst > self.rate.count:
            raise wrong(f"has a burst of {self.burst}, more than its rate of {self.rate}", "Lower burst or raise rate.")
        return self


class InstanceLimits(Section):
    """How often the dashboard and the endpoints of an instance may be asked; its editor and admin API are not counted."""

    per_address: InstanceLimit | None = Field(
        default=None, description="Requests per client address, an IPv6 network of 64 bits counting as one."
    )
    per_principal: InstanceLimit | None = Field(
        default=None, description="Requests per login or token; who has none is counted per address alone."
    )


class InstanceEntry(Section):
    """One Node-RED behind the gateway."""

    slug: Slug = Field(description="Name within its application.")
    application: ApplicationPath = Field(description="Path of its application, space/application.")
    title: str = Field(default="", max_length=200, description="Name for people; the slug where empty.")
    hosts: Listing[HostSetting] = Field(
        default=(), description="Host names of its own; a full origin where scheme or port differ from public_url's."
    )
    path: Mount | None = Field(default=None, description="Path prefix, where a host is shared; stripped on the way.")
    upstream: UpstreamSetting = Field(description="Where it listens: http://, https:// or http+unix://.")
    admin_root: Root = Field(default="/", description="Node-RED's httpAdminRoot.")
    node_root: Root = Field(default="/", description="Node-RED's httpNodeRoot.")
    dashboard: Root = Field(default="/dashboard", description="Path of Dashboard 2, below node_root.")
    http_auth: HttpAuth = Field(default=HttpAuth(), description="Who may use dashboard and endpoints.")
    identity: Listing[Preset] = Field(
        default=("assertion", "flowward"),
        description="How the instance learns who the visitor is: assertion and header presets.",
    )
    protected: bool = Field(default=False, description="Refuse deploys and triggers from everyone.")
    endpoints: Listing[Glob] = Field(
        default=(), description="Paths of its own HTTP-In nodes that take other methods than GET on a shared root."
    )
    origins: Listing[OriginSetting] = Field(
        default=(), description="Foreign origins whose pages may send to its endpoints and sockets."
    )
    framed_by: Listing[FrameOrigin] = Field(
        default=(),
        description="Origins of other sites whose pages may show it in a frame, such as https://portal.example; only over "
        "https, where its cookie then comes along from there.",
    )
    min_edit_role: Literal["member", "owner"] = Field(default="member", description="Least role that may deploy.")
    viewer_reads_context: bool = Field(
        default=False, description="Let viewers read context, credentials' names and diagnostics."
    )
    second_factor: bool = Field(
        default=False, description="Ask everybody for a second factor here, whatever way they logged in by."
    )
    pages: Listing[PageEntry] = Field(default=(), description="Parts of it that are shared by themselves.")
    rows: Listing[RowEntry] = Field(default=(), description="Whose rows its visitors see.")
    enforce_client_constraint: bool | None = Field(
        default=None,
        description="Keep what a flow sends to one user, tenant or tab from all others, whatever the widget; where absent, "
        "as soon as tenant mode is on.",
    )
    upstream_tls: UpstreamTls = Field(default=UpstreamTls(), description="TLS towards an https upstream.")
    session: InstanceSession = Field(default=InstanceSession(), description="Session lengths on this instance.")
    limits: InstanceLimits = Field(
        default=InstanceLimits(), description="How often it may be asked; no limit by default."
    )
    admin_token: SecretFile | None = Field(
        default=None, description="{file: path} of a token for an upstream that keeps its own adminAuth."
    )

    @property
    def resource_path(self) -> str:
        """Its name everywhere: `space/application/instance`."""
        return f"{self.application}/{self.slug}"


class GrantEntry(Section):
    """A share: members of another space get up to a role on an application or instance."""

    target: ResourcePath = Field(description="Path of what is shared.")
    space: Slug = Field(description="Slug of the space it is shared with.")
    role: MembershipRole = Field(description="Ceiling: nobody gets more by this share.")


class Estate(Section):
    """estate.yaml, whole."""

    spaces: Listing[SpaceEntry] = Field(default=(), description="Teams, customers and groups.")
    users: Listing[UserEntry] = Field(default=(), description="People.")
    applications: Listing[ApplicationEntry] = Field(default=(), description="Sets of instances.")
    instances: Listing[InstanceEntry] = Field(default=(), description="The Node-REDs behind the gateway.")
    grants: Listing[GrantEntry] = Field(default=(), description="Shares with other spaces.")
