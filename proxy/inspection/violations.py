"""Flows that send rows of others although a policy holds them to leaving these out: told on the audit log."""

from collections.abc import Callable
from typing import Final

from proxy.access.rows import Judged
from proxy.inspection.exchange import Exchange, actor
from proxy.model.audit import Event
from proxy.model.identity import Person
from proxy.services.audit import happened, on_resource
from proxy.services.bounded import Bounded
from proxy.services.clock import Clock

_QUIET: Final = 60.0
"""Seconds in which the same is told once, and then how often it was seen."""
_KEPT: Final = 4096


class Violations:
    """Tells of each policy, visitor and place once a minute: a dashboard would say the same with every message."""

    def __init__(self, note: Callable[[Event], None], person: Callable[[str], Person | None], clock: Clock) -> None:
        self._note, self._person, self._clock = note, person, clock
        self._told: Bounded[tuple[str, ...], float] = Bounded(_KEPT)

    def note(self, exchange: Exchange, judged: Judged, **where: str) -> None:
        """Put on record what was stopped; `where` says in which answer or widget."""
        lease, now = exchange.verdict.lease, self._clock.wall()
        resource = lease.station.resource
        key = (resource.id, judged.policy, exchange.verdict.principal.user_id or "", *where.values())
        if now < self._told.get(key, 0.0):
            return
        self._told.keep(key, now + _QUIET)
        body = {"policy": judged.policy, "rows": judged.left_out, **where}
        on = on_resource(lease.world.estate, resource)
        self._note(happened("rls.violation", at=now, by=actor(exchange, self._person), on=on, body=body))
