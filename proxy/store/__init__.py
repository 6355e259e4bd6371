"""Where state is kept: the protocols that services speak to. Times are seconds since the epoch."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from proxy.access.gcra import Rate
from proxy.model.audit import AuditQuery, Event, Recorded
from proxy.model.estate import Estate
from proxy.model.identity import Factor, Person, Session, Token, TokenKind, User
from proxy.store.values import (
    SUBJECTS,
    TIMEOUT,
    Account,
    Change,
    Conflict,
    Dangling,
    Edit,
    Image,
    Invitation,
    Letter,
    Outdated,
    Page,
    PeopleQuery,
    PutFactor,
    PutPerson,
    PutToken,
    Remove,
    RemoveGrant,
    StoreUnavailable,
    Subject,
)

__all__ = [
    "SUBJECTS",
    "TIMEOUT",
    "Account",
    "Bus",
    "Change",
    "Conflict",
    "Dangling",
    "Database",
    "Edit",
    "Image",
    "Invitation",
    "Letter",
    "Limit",
    "Limits",
    "Outdated",
    "Page",
    "PeopleQuery",
    "PutFactor",
    "PutPerson",
    "PutToken",
    "Remove",
    "RemoveGrant",
    "Shared",
    "Store",
    "StoreUnavailable",
    "Subject",
]


class Database(Protocol):
    """Users, spaces, resources, grants, audit, and the versions that say what changed."""

    async def version(self) -> int: ...
    async def changes(self, since: int) -> Sequence[Change]:
        """Every change after `since`, oldest first; one of EVERYTHING where they are no longer all kept."""
        ...

    async def estate(self) -> Estate: ...
    async def renewed(self, estate: Estate) -> Estate:
        """The estate as it is now; of a large one only what has changed since is read."""
        ...

    async def person(self, user_id: str) -> Person | None: ...
    async def account(self, login: str) -> Account | None:
        """By username or e-mail, compared without case."""
        ...

    async def linked(self, provider: str, subject: str) -> Person | None:
        """Whose account this provider knows by this key of its own."""
        ...

    async def users(self) -> Sequence[User]: ...
    async def people(self) -> Sequence[Person]: ...
    async def people_of(self, origins: Collection[str], logins: Collection[str]) -> Sequence[Person]:
        """Those whom these files declare, and those with one of these usernames or e-mail addresses, whatever the case."""
        ...

    async def edit(self, edits: Sequence[Edit], events: Sequence[Event], *, basis: int | None = None) -> int:
        """Do all of it, with its events and version bumps, in one transaction; return the new version.

        The steps are done in the order given, so a name is free again after the step that gives it up; references
        need to hold only at the end. What hangs on the removed goes with it: memberships, overrides, grants, folder
        entries, tokens, second factors, invitations, sessions. A token limited to spaces loses those its user is no longer a
        member of, and goes with the last: that is told after the events given, as done by whoever did the first of them.
        Raises Conflict where a unique name is taken, Dangling where a reference would point at nothing, and with a `basis`
        Outdated where anything but sessions changed since that version; then nothing has changed.
        """
        ...

    async def search(self, query: PeopleQuery) -> Page[Person]: ...
    async def admins(self) -> Sequence[str]:
        """Ids of the active admins."""
        ...

    async def owners(self, space_id: str) -> Sequence[str]:
        """Ids of the active people who are owners of a space by their membership."""
        ...

    async def count_members(self, space_id: str) -> int:
        """How many people are members of a space; service accounts are none."""
        ...

    async def spaces_of_members(self, space_id: str) -> Collection[str]:
        """Ids of the spaces that people of this one are members of; people of a team, who see all of it, are left out."""
        ...

    async def spaces_met(self) -> Mapping[str, Collection[str]]:
        """The same of every group that has members, by its id."""
        ...

    async def token(self, hash_: bytes) -> Token | None:
        """The token whose value has this sha256."""
        ...

    async def tokens(
        self,
        *,
        user: str | None = None,
        instance: str | None = None,
        kind: TokenKind | None = None,
        expired: float | None = None,
    ) -> Sequence[Token]:
        """Tokens of a user, or of an instance, newest first; `expired`: those alone that had run out by then."""
        ...

    async def touch_tokens(self, used: Iterable[tuple[str, float]]) -> None:
        """Move `last_used` forward for many tokens at once; no change that anybody need hear of."""
        ...

    async def factors(self, user_id: str) -> Sequence[Factor]:
        """The second factors of a user, oldest first, those that were never confirmed included."""
        ...

    async def factor_of(self, credential: bytes) -> Factor | None:
        """The passkey with this credential id."""
        ...

    async def use_factor(self, id_: str, counter: int, at: float) -> bool:
        """Note that a factor was used, and move its counter on; False, and nothing is noted, where it is there already.

        So no code is good twice, whichever processes it is sent to. A passkey that counts nothing stays at 0.
        """
        ...

    async def invitations(
        self, *, space: str | None = None, user: str | None = None, email: str | None = None
    ) -> Sequence[Invitation]:
        """Those into a space, or for a user, or for nobody yet at an address, compared without case."""
        ...

    async def invitation(self, id_: str) -> Invitation | None: ...

    async def publish(self, subject: Subject, ids: Sequence[str]) -> int:
        """Say that these must be looked at again, though no row of this database changed; return the new version.

        It is how the end of a session that is kept elsewhere reaches those who cannot ask there.
        """
        ...

    async def image(self, key: str) -> Image | None:
        """A picture that branding shows."""
        ...

    async def set_password(
        self, user_id: str, new: str, event: Event, *, instead_of: str | None = None, keep: int = 0
    ) -> bool:
        """Keep a password's hash, chosen when the event happened; its user is active from then on.

        With `instead_of` it is the same password hashed anew, and nothing else changes. Otherwise the hash that was
        there is among the former ones, of which the last `keep` are kept. False, and nothing done, for a suspended user,
        or where the hash is another than `instead_of`: it was changed meanwhile, and hashing takes a while.
        """
        ...

    async def former_passwords(self, user_id: str) -> Sequence[str]:
        """The hashes of earlier passwords that are kept, newest first."""
        ...

    async def expire_password(self, user_id: str, event: Event, *, set_before: float) -> bool:
        """From now on the user can do nothing but choose a new password; False, and nothing done, where that is so
        already, or where it was not chosen before then.
        """
        ...

    async def post(self, letters: Sequence[Letter], events: Sequence[Event]) -> None:
        """Keep mails to be sent, and put events on the audit log, all at once."""
        ...

    async def letters(self, now: float, limit: int) -> Sequence[Letter]:
        """Mails that are to be tried now, those that wait longest first."""
        ...

    async def claim(self, letter: Letter, at: float) -> bool:
        """Put the next attempt off until `at`, and count this one; False where another process was faster."""
        ...

    async def drop(self, letter: Letter, *events: Event) -> None:
        """Forget a mail that was sent, or never will be; put events on the audit log."""
        ...

    async def record(self, *events: Event) -> None:
        """Put events on the audit log; durable when it returns."""
        ...

    async def begin(self, intent: Event, until: float) -> int:
        """Record that something is about to be done at an instance, and return its number.

        Without an outcome by `until` (seconds since the epoch) it counts as unfinished.
        """
        ...

    async def finish(self, outcome: Event) -> None:
        """Record how it went; `outcome.intent` names the intent. Twice is once."""
        ...

    async def unfinished(self, now: float) -> Sequence[Recorded]:
        """Intents whose time for an outcome is over."""
        ...

    async def events(self, query: AuditQuery) -> Page[Recorded]: ...
    async def events_after(self, id_: int, limit: int) -> Sequence[Recorded]:
        """Events with a larger number, oldest first."""
        ...

    async def prune_events(self, before: float, event: Event) -> int:
        """Forget some thousand of the oldest events, as far as each is older than `before`, and record `event` with how many
        and the number and hash of the last, all at once; return how many. Nothing to forget, nothing recorded.

        So others can write in between; to forget all of them, ask until there are none.
        """
        ...

    async def position(self, reader: str) -> int:
        """The number of the last event that a named reader has passed on."""
        ...

    async def advance(self, reader: str, id_: int) -> None: ...


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

    async def prove(self, session_id: str, at: float) -> None:
        """Note that the user has just proved who they are, and publish it as a change that ends nothing."""
        ...

    async def renew(self, session_id: str, *, groups: tuple[str, ...], keep: str) -> None:
        """Keep what the provider now says with a session that goes on, and publish it as a change that ends nothing."""
        ...

    async def admit(self, key: str, rate: Rate) -> float:
        """Take one from a limit that holds across processes; seconds to wait where there is none, else 0."""
        ...

    async def give_back(self, key: str, rate: Rate) -> None:
        """Put one back that turned out not to count."""
        ...

    async def reset(self, key: str, rate: Rate) -> None:
        """Make the allowance whole again."""
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
    async def put_new(self, key: str, value: str, until: float, now: float) -> str:
        """Keep the value if the key is new, or that of before is past its time, in one step; return what is kept."""
        ...

    async def take(self, key: str, now: float) -> str | None:
        """Return the value once and forget it; None when absent or past its time."""
        ...

    async def get(self, key: str, now: float) -> str | None: ...
    async def enlist(self, listing: str, item: str, until: float) -> None:
        """Put an item on a listing until then. Items are few: thousands, not millions."""
        ...

    async def listed(self, listing: str, now: float, limit: int) -> Sequence[tuple[str, float]]:
        """Items with their times, those that stay longest first."""
        ...

    async def delist(self, listing: str, items: Sequence[str]) -> None: ...
    async def sweep(self, now: float) -> None:
        """Forget what is past its time."""
        ...


class Bus(Protocol):
    """Wakes other processes at once when something was written.

    It may lose what it was told: the version of the database, looked at four times a second, is what they rely on.
    """

    def tell(self) -> None:
        """This process has written; never waits and never fails."""
        ...

    def heard(self) -> AsyncIterator[None]:
        """One step for each time that a process, this one too, may have written since the last."""
        ...


class Limit(Protocol):
    """A rate per subject, judged without waiting, for what is asked with every request."""

    rate: Rate

    def admit(self, subject: str) -> float:
        """Take one; seconds to wait where there is none, else 0."""
        ...

    def give_back(self, subject: str) -> None:
        """Put back what was taken a moment ago, before anything was awaited, and turned out not to count."""
        ...

    def ahead(self, subject: str) -> float:
        """Seconds until the allowance is whole again; nothing is taken."""
        ...


class Limits(Protocol):
    """Limits of the data path, each by a name that is the same in every process."""

    def limit(self, name: str, rate: Rate) -> Limit:
        """The limit of this name; asked again with the same rate it goes on, with another one it begins anew."""
        ...

    def forget(self, name: str) -> None:
        """Nobody will ask for the limit of this name any more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """All that is kept, and what keeps several processes together."""

    database: Database
    shared: Shared
    bus: Bus
    limits: Limits
    doubts: tuple[str, ...] = ()
    """What may be lost where it is kept, and what to do about it: sentences for the operator."""
