"""Who people are: the user's row, memberships and sessions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from proxy.model.access import Role

NOTHING: Mapping[str, str] = MappingProxyType({})


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
    state: UserState = UserState.ACTIVE
    provider: str | None = None
    """The login provider this account is linked to; None for local accounts."""
    tags: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    declared: str | None = None
    """The estate file this user came from; None when it was made by hand."""


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
    address: str = ""
    agent: str = ""

    def alive(self, now: float, *, idle: float | None = None, absolute: float | None = None) -> bool:
        """Whether it may still act; `idle` and `absolute` are an instance's own times in seconds, where it has any."""
        end = self.expires if absolute is None else min(self.expires, self.created + absolute)
        return now < end and now - self.seen < (self.idle if idle is None else idle)
