"""Answers under way: a long one goes on only as long as its session and its right do."""

from collections.abc import Iterator
from contextlib import contextmanager

from proxy.gate.live import LiveConnections, rights_of
from proxy.inspection.exchange import Exchange
from proxy.model.access import Reason


class Stream:
    """One answer whose head is sent."""

    def __init__(self, exchange: Exchange) -> None:
        lease = exchange.verdict.lease
        self._request = exchange.request
        self.principal = exchange.verdict.principal
        self.resource_id, self.surface = lease.station.resource.id, lease.surface
        self.rights, self.endpoint = rights_of(lease.station, lease.surface, lease.decision), lease.station.endpoint

    def end(self, reason: Reason) -> None:
        """Cut it. Other rights that still allow it leave it alone: it has told its identity already."""
        if reason is not Reason.RIGHTS_CHANGED and self._request.transport is not None:
            self._request.transport.abort()


@contextmanager
def going_on(live: LiveConnections, exchange: Exchange) -> Iterator[None]:
    """For as long as an answer is sent."""
    stream = Stream(exchange)
    live.add(stream)
    try:
        yield
    finally:
        live.remove(stream)
