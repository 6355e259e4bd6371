"""Where state is kept: the protocols that services speak to. Times are seconds since the epoch."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from proxy.model.audit import Event
from proxy.model.directory import Space
from proxy.model.estate import Estate, Grant, PlatformSettings, Resource
from proxy.model.identity import Person, Session, User, UserState


class StoreUnavailable(Exception):
    """The store could not be asked. Trouble is never an answer: callers refuse with 503."""


class Conflict(Exception):
    """A unique name is taken; the args are the field and the value, such as ("username", "ada")."""


class Dangling(Conflict):
    """A reference would point at nothing; the args are the reference and the id, such as ("resource.owner", …).

    Either the id was never there, or what it names is removed while something that stands on its own refers to it:
    spaces and resources under it, or resources it owns. Move or remove those in the same edit.
    """


class Subject(StrEnum):
    """What a change is about."""

    USER = "user"
    SESSION = "session"
    ESTATE = "estate"
    EVERYTHING = "everything"
    """The steps since then are no longer kept: the estate, every user and every session must be looked at again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step of the snapshot version: what must be looked at again."""

    version: int
    subject: Subject
    id: str
    """User or session id; empty for the estate and for everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a local login needs to know about a user."""

    user: User
    password_hash: str | None
    password_expired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PutPerson:
    """Keep a user with exactly these memberships; a password hash of None leaves the one that is there."""

    person: Person
    password_hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove:
    """Forget one object by its id; a grant's is (target, space)."""

    kind: type[User | Space | Resource]
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveGrant:
    target: str
    space: str


Edit = PutPerson | Space | Resource | Grant | PlatformSettings | Remove | RemoveGrant
"""One step of a change; a space, resource, grant or the settings stand for keeping them as given (matched by id)."""


class Database(Protocol):
    """Users, spaces, resources, grants, audit, and the versions that say what changed."""

    async def version(self) -> int: ...
    async def changes(self, since: int) -> Sequence[Change]:
        """Every change after `since`, oldest first; one of EVERYTHING where they are no longer all kept."""
        ...

    async def estate(self) -> Estate: ...
    async def person(self, user_id: str) -> Person | None: ...
    async def account(self, login: str) -> Account | None:
        """By username or e-mail, compared without case."""
        ...

    async def users(self) -> Sequence[User]: ...
    async def people(self) -> Sequence[Person]: ...
    async def people_of(self, origins: Collection[str], logins: Collection[str]) -> Sequence[Person]:
        """Those whom these files declare, and those with one of these usernames or e-mail addresses, whatever the case."""
        ...

    async def edit(self, edits: Sequence[Edit], events: Sequence[Event]) -> int:
        """Do all of it, with its events and version bumps, in one transaction; return the new version.

        The steps are done in the order given, so a name is free again after the step that gives it up; references
        need to hold only at the end. What hangs on the removed goes with it: memberships, overrides, grants, folder
        entries, sessions. Raises Conflict where a unique name is taken, Dangling where a reference would point at
        nothing; then nothing has changed.
        """
        ...

    async def set_password(self, user_id: str, new: str, event: Event, *, instead_of: str | None = None) -> bool:
        """Keep a password's hash; its user is active from then on.

        False, and nothing done, for a suspended user, or where the hash is another than `instead_of`: it was changed
        meanwhile, and hashing takes a while.
        """
        ...

    async def set_state(self, user_id: str, state: UserState, event: Event) -> None: ...
    async def record(self, event: Event) -> None: ...


class Shared(Protocol):
    """Sessions, login flows and one-time things, with promises that hold across processes."""

    async def create_session(self, session: Session, cookie: bytes, host: str) -> None:
        """Keep a new session and the first cookie (sha256 of its value) that opens it, on that host alone."""
        ...

    async def add_cookie(self, session_id: str, cookie: bytes, host: str) -> None:
        """Let one more cookie open a session, on that host alone; none where the session has ended."""
        ...

    async def session(self, cookie: bytes) -> tuple[Session, str] | None:
        """The session a cookie opens and the host it opens it on; None when unknown or ended."""
        ...

    async def sessions_of(self, user_id: str) -> Sequence[Session]: ...
    async def end_session(self, session_id: str) -> None:
        """Forget the session and every cookie of it, and publish the change."""
        ...

    async def end_sessions_of(self, user_id: str) -> None: ...
    async def touch(self, seen: Iterable[tuple[str, float]]) -> None:
        """Move `seen` forward for many sessions at once."""
        ...

    async def put(self, key: str, value: str, until: float) -> None: ...
    async def put_new(self, key: str, value: str, until: float) -> str:
        """Keep the value if the key is new, else leave the one that is there; either way return what is kept.

        One past its time may still count as there until it is swept.
        """
        ...

    async def take(self, key: str, now: float) -> str | None:
        """Return the value once and forget it; None when absent or past its time."""
        ...

    async def get(self, key: str, now: float) -> str | None: ...
    async def sweep(self, now: float) -> None:
        """Forget what is past its time."""
        ...
