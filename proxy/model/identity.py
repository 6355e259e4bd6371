"""Who people are: the user's row, memberships and sessions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from proxy.model.access import Role

NOTHING: Mapping[str, str] = MappingProxyType({})


class UserKind(StrEnum):
    PERSON = "person"
    SERVICE = "service"
    """A service account: it acts by its tokens alone and never logs in."""


class UserState(StrEnum):
    PENDING = "pending"  # created, not yet activated by its link
    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Our row about a person. What a provider says about a visitor is an Identity, not this."""

    id: str
    username: str
    email: str = ""
    name: str = ""
    image: str = ""
    admin: bool = False
    kind: UserKind = UserKind.PERSON
    state: UserState = UserState.ACTIVE
    password_expired: bool = False
    """Only a new password can be chosen until it is."""
    provider: str | None = None
    """The login provider this account is linked to; None for local accounts."""
    subject: str | None = None
    """That provider's own key for the person; None until they first come in by it, and for local accounts."""
    tags: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    default_dashboard: str | None = None
    """Id of the instance or page that is seen first after logging in; None for what the spaces say."""
    fullscreen: bool = False
    """Whether that dashboard is all of the gateway that is seen."""
    declared: str | None = None
    """The estate file this user came from; None when it was made by hand."""
    stated: frozenset[str] = frozenset()
    """Of password, default_dashboard and fullscreen those that this file states; the rest is said here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A user's role in one space, and the overrides that hang on it."""

    space: str
    """Id of the space."""
    role: Role
    source: str = "manual"
    """manual, sso or invite."""
    overrides: Mapping[str, Role] = field(default_factory=lambda: MappingProxyType({}))
    """Resource id -> the role there, NONE included; the nearest one decides."""
    managed: frozenset[str] = frozenset()
    """Resource ids of those overrides that the user's provider decides about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The facts about one user that a decision needs: the row and its memberships by space id."""

    user: User
    memberships: Mapping[str, Membership]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A login that is going on. Times are seconds since the epoch."""

    id: str
    """An opaque handle, safe to show; never the cookie's value."""
    user_id: str
    provider: str
    amr: tuple[str, ...]
    """How the user authenticated (RFC 8176)."""
    created: float
    seen: float
    expires: float
    """The absolute end."""
    idle: float
    """Seconds without activity after which it ends."""
    proved: float = 0.0
    """When the user last proved who they are: at the login, or since then by password or second factor."""
    factor: float = 0.0
    """When a second factor of the gateway's own was proven for it; 0 for never."""
    vouched: bool = False
    """Whether the way in stands for a second factor too, so that none is asked but where an instance wants one."""
    groups: tuple[str, ...] = ()
    """Groups that the provider named at the login, as it wrote them."""
    provider_session: str = ""
    """The provider's own session, by which it may end this one."""
    keep: str = ""
    """What the plugin wants back when the session is refreshed or ends, sealed."""
    viewer: str = ""
    """User id of the admin who looks at everything as this user would, and can change nothing; empty for a login."""
    address: str = ""
    agent: str = ""

    def alive(self, now: float, *, idle: float | None = None, absolute: float | None = None) -> bool:
        """Whether it may still act; `idle` and `absolute` are an instance's own times in seconds, where it has any."""
        end = self.expires if absolute is None else min(self.expires, self.created + absolute)
        return now < end and now - self.seen < (self.idle if idle is None else idle)


class FactorKind(StrEnum):
    TOTP = "totp"
    PASSKEY = "passkey"
    RECOVERY = "recovery"
    """A recovery code, good once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """One way for a user to prove themselves beside the password. Times are seconds since the epoch."""

    id: str
    user: str
    """User id."""
    kind: FactorKind
    name: str
    created: float
    confirmed: bool = True
    """False until it was used once: nothing rests on a code that was never shown to work."""
    last_used: float | None = None
    secret: bytes = b""
    """Of TOTP: the shared secret, encrypted. Of a passkey: its public key (COSE). Of a recovery code: its hash."""
    credential: bytes | None = None
    """Of a passkey: the id of its credential."""
    counter: int = 0
    """Of TOTP: the last time step that was accepted. Of a passkey: the last signature counter."""
    details: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    """Of a passkey: what the authenticator said of itself."""


class TokenKind(StrEnum):
    PERSONAL = "personal"
    """`fwp_`: acts as the person who made it, within its limits."""
    HTTP = "http"
    """`fwh_`: reaches the dashboards and endpoints of one instance, as nobody."""
    SERVICE = "service"
    """`fws_`: acts as a service account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A secret by which a program acts. Only its sha256 is kept, never its value. Times are seconds since the epoch."""

    id: str
    kind: TokenKind
    name: str
    created: float
    created_by: str | None = None
    """User id of whoever made it."""
    expires: float | None = None
    last_used: float | None = None
    user: str | None = None
    """User id of the person or service account that acts; None for an HTTP token."""
    read_only: bool = False
    spaces: frozenset[str] | None = None
    """Ids of the spaces it may reach, with what lies below them; None for all that its user may."""
    admin: bool = False
    """Whether an admin's token acts as an admin."""
    instance: str | None = None
    """Of an HTTP token: resource id of its instance."""
    paths: tuple[str, ...] = ()
    """Of an HTTP token: prefixes of paths it may address; none for all."""
    methods: tuple[str, ...] = ()
    """Of an HTTP token: methods it may use; none for all."""
    networks: tuple[str, ...] = ()
    """CIDRs it may be used from; none for all."""

    def alive(self, now: float) -> bool:
        """Whether it may still act."""
        return self.expires is None or now < self.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A principal as decisions see it: a person in a session, or a token that acts for one."""

    person: Person
    session: Session | None = None
    token: Token | None = None
    address: str = ""

    @property
    def user_id(self) -> str:
        return self.person.user.id
