"""What inspected exchanges reach for."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from proxy.gate.caller import Caller
from proxy.gate.live import LiveConnections
from proxy.gate.principal import Lease
from proxy.gate.record import access_line
from proxy.gate.verdict import Head, Pass
from proxy.inspection.carrier import Carrier
from proxy.inspection.exchange import Exchange
from proxy.inspection.governed_talks import Talks
from proxy.inspection.notes import Notes
from proxy.inspection.violations import Violations
from proxy.inspection.writes import Writes
from proxy.model.audit import Event
from proxy.model.identity import Person
from proxy.services.sessions import Sessions
from proxy.services.traffic import AccessLog


class Upgrade(Protocol):
    """Carries a judged websocket byte by byte, on a connection that is no longer this lane's."""

    def __call__(
        self, transport: asyncio.Transport, early: bytes, caller: Caller, head: Head, verdict: Pass, /
    ) -> None:
        """Answer, record and end it. `early` is what the client sent after the head."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionDesk:
    """What inspected exchanges reach for. Nothing in here changes with a reload."""

    carrier: Carrier
    writes: Writes
    notes: Notes
    violations: Violations
    talks: Talks
    live: LiveConnections
    log: AccessLog
    sessions: Sessions
    wake: Callable[[], None]
    """Let what was written just now take effect at once."""
    record: Callable[[Event], Awaitable[object]]
    """Put an event on the audit log. Raises StoreUnavailable."""
    home: str
    """The gateway's own origin."""
    person: Callable[[str], Person | None]
    """The facts about a user who was just judged."""
    upgrade: Upgrade

    def count(self, exchange: Exchange, status: int, sent: int, started: float) -> None:
        """Count an exchange and log it; `sent` in bytes, `started` in steady seconds."""
        self._count(exchange.verdict.lease, exchange.head, exchange.caller, status, sent, started)

    def count_refused(self, lease: Lease, head: Head, caller: Caller, status: int) -> None:
        """Count and log a refusal, which took no time to speak of."""
        self._count(lease, head, caller, status, 0, monotonic())

    def _count(self, lease: Lease, head: Head, caller: Caller, status: int, sent: int, started: float) -> None:
        micros = int((monotonic() - started) * 1e6)
        lease.tally.count(status, micros)
        if self.log.enabled:
            line = access_line(
                lease,
                started=started,
                address=caller.address_bytes,
                method=head.method,
                target=head.target,
                status=status,
                sent=sent,
                micros=micros,
            )
            self.log.lines.append(line)
