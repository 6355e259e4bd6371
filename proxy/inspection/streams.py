"""Exchanges under way: they go on only as long as their session and their right do, waiting for an answer or sending it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from proxy.gate.live import LiveConnections, place_of, rights_of
from proxy.gate.verdict import Refusal
from proxy.inspection.exchange import Exchange, Stopped
from proxy.model.access import Reason

_STATUS: Final[Mapping[Reason, int]] = {
    Reason.SESSION_ENDED: 401,
    Reason.LOGIN_REQUIRED: 401,
    Reason.CREDENTIALS_WRONG: 401,
    Reason.SECOND_FACTOR_REQUIRED: 401,
    Reason.NOT_FOUND: 404,
    Reason.FACTS_UNAVAILABLE: 503,
    Reason.UPSTREAM_CHANGED: 503,
    Reason.RIGHTS_CHANGED: 503,
}
"""Of refusals to go on with what was allowed when it began; else 403."""
Cut = Callable[[Reason], bool]
"""Ends an exchange in a way of its own; false where it cannot, and its client is not to wait for it."""


def stopped(exchange: Exchange, reason: Reason) -> Stopped:
    """What was allowed when it began is so no longer."""
    lease = exchange.verdict.lease
    return Stopped(Refusal(reason, _STATUS.get(reason, 403), "", lease.station, lease.surface, lease))


class Stream:
    """One exchange with an instance, from before the instance is asked."""

    def __init__(self, exchange: Exchange, cut: Cut | None) -> None:
        lease = exchange.verdict.lease
        self._request, self._cut = exchange.request, cut
        self._by_rows = bool(lease.station.settings.rows) and cut is None
        """Whether what is answered depends on more than whether it is allowed."""
        self.principal = exchange.verdict.principal
        self.resource_id, self.surface = lease.station.resource.id, lease.surface
        self.rights = rights_of(lease.station, lease.surface, lease.decision)
        self.place = place_of(lease.station, self.principal)
        self.limit = asyncio.timeout(None)
        self.reason: Reason | None = None
        """Why nobody waits for an answer any more."""

    @property
    def begun(self) -> bool:
        """Whether the client has got some of an answer."""
        return self._request.writer.output_size > 0

    def end(self, reason: Reason) -> None:
        """Cut it. Other rights that still allow it leave it alone, but for rows: it has told its identity already."""
        if self.reason is not None or (reason is Reason.RIGHTS_CHANGED and not self._by_rows):
            return
        if self.begun:
            self.abort()
        elif reason is not Reason.DRAINING and not (self._cut is not None and self._cut(reason)):
            self.reason = reason
            self.limit.reschedule(asyncio.get_running_loop().time())

    def abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()


@asynccontextmanager
async def going_on(live: LiveConnections, exchange: Exchange, cut: Cut | None = None) -> AsyncIterator[None]:
    """For as long as an answer is awaited and sent. Raises Stopped where it ends while nothing has been sent."""
    stream = Stream(exchange, cut)
    live.add(stream)  # before the first await: what changes from now on reaches it
    try:
        async with stream.limit:
            yield
    except TimeoutError:
        if stream.reason is None:
            raise
        if stream.begun:  # since then
            stream.abort()
            raise
        raise stopped(exchange, stream.reason) from None
    finally:
        live.remove(stream)
