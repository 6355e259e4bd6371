"""What operations work with."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from proxy.access.decide import Place
from proxy.model.access import Permission
from proxy.services.administration.instances import Premises
from proxy.services.administration.probing import Ask
from proxy.services.audit import By
from proxy.services.checks import Fault, Probes
from proxy.services.notices import Notices
from proxy.services.together import Together
from proxy.services.tokens import Tokens
from proxy.services.writer import Writer
from proxy.store import Limit
from proxy.web.keys import Desk

Refused = Callable[[By, Permission | None, Place, str], None]
"""Notes that somebody was refused something, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """All that the API reaches for."""

    desk: Desk
    notices: Notices
    """What login providers need attention for."""
    writer: Writer
    tokens: Tokens
    refused: Refused
    new_id: Callable[[], str]
    premises: Premises
    """What instances have to fit in."""
    tag_key: bytes = field(repr=False)
    """32 bytes for what entity tags tell of secrets."""
    ask: Ask
    """An instance, in the gateway's own name."""
    probes: Probes
    """Instances, as the checks look at them."""
    reached: Callable[[str], bool | None]
    """Whether this process reached the instance with this id when it last tried; None where it has not tried yet."""
    calls: Callable[[], Limit]
    """Requests per session or token."""
    strangers: Callable[[], Limit]
    """Requests of nobody per address."""
    listening: Counter[str]
    """Open streams of events, by user."""
    looks: Together[str | None, Sequence[Fault]] = field(default_factory=Together)
    """Isolation reports that are being made: what is found, by the id of a space; None for that of all instances."""
    version: Callable[[], int]
    """The version of the state that holds in this process."""
