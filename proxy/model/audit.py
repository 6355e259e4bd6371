"""What happened, for the record: events as they are told, and as they are kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Source(StrEnum):
    """By what way something was done."""

    UI = "ui"
    API = "api"
    CLI = "cli"
    FILE = "file"
    GATEWAY = "gateway"
    """The gateway itself: expiry, pruning, what was left unfinished."""
    SSO = "sso"
    """A login provider, by what it says of somebody at a login or when it is asked anew."""
    INSTANCE = "instance"
    """At an instance, through its editor or endpoints."""


class Phase(StrEnum):
    """Whether an event says all, or is one half of what was done at an instance."""

    DONE = "done"
    INTENT = "intent"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One value that changed; plain JSON, never a secret."""

    key: str
    old: object = None
    new: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the audit log; written in the same transaction as the change it records."""

    event: str
    """Verb in the catalogue's spelling, such as account.login."""
    at: float
    """Seconds since the epoch."""
    actor: str | None = None
    """User id, or None where nobody was known."""
    actor_name: str = ""
    source: str = Source.UI
    token: str | None = None
    """Id of the token that acted."""
    address: str = ""
    scope_kind: str = "platform"
    """platform, space, application, instance, device, page, thing, folder or user."""
    scope_id: str = ""
    within: tuple[str, ...] = ()
    """Ids of all that this belongs to, written down so that history survives moves: the scope itself, the resources above
    it, the owning space and the spaces above that."""
    user: str | None = None
    """Id of the user it was done to."""
    error: str = ""
    """Code of the failure; empty when it succeeded."""
    updates: tuple[Update, ...] = ()
    body: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """Further details as plain JSON values; never a secret."""
    phase: Phase = Phase.DONE
    intent: int | None = None
    """Of an outcome: the number of its intent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """An event as it is kept: numbered, and chained to the one before."""

    id: int
    event: Event
    hash: str
    """sha256, hex, of the hash before and of this event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditQuery:
    """Which events are wanted, newest first."""

    scope: str | None = None
    """Id of a scope; None for all."""
    children: bool = True
    """With the events of what lies below the scope."""
    hidden: frozenset[str] = frozenset()
    """Ids of scopes whose events are left out."""
    events: tuple[str, ...] = ()
    phases: frozenset[Phase] = frozenset(Phase)
    actor: str | None = None
    """Name of the actor, compared without case."""
    text: str = ""
    """Looked for in event, names and details, without case."""
    since: float | None = None
    until: float | None = None
    before: int | None = None
    """Only events with a smaller number: the cursor."""
    limit: int = 50
