"""What happened, for the record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


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
    source: str = "ui"
    """ui, cli, api or file."""
    address: str = ""
    scope_kind: str = "platform"
    scope_id: str = ""
    body: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    """Details as plain JSON values; never a secret."""
