"""What stores are given and give back. Times are seconds since the epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Generic, TypeVar

from proxy.model.access import Role
from proxy.model.directory import Space
from proxy.model.estate import Grant, PlatformSettings, Resource
from proxy.model.identity import Factor, Person, Token, User, UserKind, UserState

T = TypeVar("T")

SUBJECTS: Final = 20_000
"""How many subjects of one limit of the data path a process remembers; the least used are forgotten first."""

TIMEOUT: Final = 3.0
"""Seconds for an answer that a request waits for, unless the operator says otherwise."""


class StoreUnavailable(Exception):
    """The store could not be asked. Trouble is never an answer: callers refuse with 503."""


class Conflict(Exception):
    """A unique name is taken; the args are the field and the value, such as ("username", "ada")."""


class Dangling(Conflict):
    """A reference would point at nothing; the args are the reference and the id, such as ("resource.owner", …).

    Either the id was never there, or what it names is removed while something that stands on its own refers to it:
    spaces and resources under it, or resources it owns. Move or remove those in the same edit.
    """


class Outdated(Exception):
    """Something was changed since the version an edit was based on: look again, decide again."""


class Subject(StrEnum):
    """What a change is about."""

    USER = "user"
    SESSION = "session"
    """A session that ended."""
    PROOF = "proof"
    """A session that goes on, whose user has just proved anew who they are, or of whom the provider says something new."""
    TOKEN = "token"  # noqa: S105 - a kind of thing
    SPACE = "space"
    RESOURCE = "resource"
    GRANT = "grant"
    SETTINGS = "settings"
    EVERYTHING = "everything"
    """The steps since then are no longer kept: the estate, every user and every session must be looked at again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step of the snapshot version: what must be looked at again."""

    version: int
    subject: Subject
    id: str
    """Id of the thing; of a grant `target space`; empty for the settings and for everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a local login needs to know about a user."""

    user: User
    password_hash: str | None
    password_expired: bool = False
    password_set: float | None = None
    """When the password was chosen, in seconds since the epoch; None where nobody knows, as of one in an estate file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutPerson:
    """Keep a user with exactly these memberships; a password hash of None leaves the one that is there."""

    person: Person
    password_hash: str | None = None
    password_set: float | None = None
    """When it was chosen, in seconds since the epoch; None leaves what is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutToken:
    """Keep a token. The hash is sha256 of its value; None leaves the one that is there."""

    token: Token
    hash: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PutFactor:
    """Keep a second factor."""

    factor: Factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An offer of membership that its receiver accepts or not. Times are seconds since the epoch."""

    id: str
    space: str
    role: Role
    created: float
    expires: float
    created_by: str | None = None
    user: str | None = None
    """User id of the receiver, where there is one."""
    email: str = ""
    """Address it was made out to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail that waits to be sent. Times are seconds since the epoch."""

    id: str
    kind: str
    """What it is about."""
    user: str | None
    """User id of the receiver, where there is one."""
    sealed: bytes
    """Address and text, encrypted: it may hold a link that opens an account."""
    at: float
    """When it is to be tried next."""
    until: float
    """When it is of no use any more."""
    attempts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture that branding shows. It goes by itself once no branding names it any more."""

    key: str
    """Made of the content, so that what is at a key never changes."""
    type: str
    """Its media type."""
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """Forget one object by its id."""

    kind: type[User | Space | Resource | Token | Invitation | Factor]
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveGrant:
    target: str
    space: str


Edit = (
    PutPerson
    | PutToken
    | PutFactor
    | Space
    | Resource
    | Grant
    | Invitation
    | Image
    | PlatformSettings
    | Remove
    | RemoveGrant
)
"""One step of a change; what is no Put or Remove stands for keeping it as given (matched by id)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleQuery:
    """Which people are wanted, in the order of their usernames."""

    text: str = ""
    """Looked for in username, name and e-mail address, without case."""
    spaces: frozenset[str] | None = None
    """Only members of one of these spaces; None for everybody."""
    also: str | None = None
    """Id of a user who is wanted whatever `spaces` says."""
    states: frozenset[UserState] = frozenset(UserState)
    kind: UserKind = UserKind.PERSON
    after: str = ""
    """Only usernames behind this one, compared without case: the cursor; empty for the beginning."""
    skip: int = 0
    """How many to leave out there."""
    backwards: bool = False
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """Some of what was asked for, and how many there are in all."""

    items: Sequence[T]
    total: int
    more: bool
    """Whether there are others after these."""
