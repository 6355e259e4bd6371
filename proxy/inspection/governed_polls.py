"""Polls of a governed Dashboard: what a page gets and sends without a websocket, packet by packet."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import orjson
import structlog
from aiohttp import ClientError, web

from proxy.gate.live import place_of, rights_of
from proxy.gate.principal import Kind
from proxy.gate.verdict import Refusal
from proxy.inspection.desk import InspectionDesk
from proxy.inspection.exchange import Exchange, Fetched, UpstreamFailed, refused, whole
from proxy.inspection.governed_screen import Screen, opened
from proxy.inspection.governed_talks import Talk, fingerprint
from proxy.inspection.governed_visitor import Who
from proxy.inspection.streams import going_on
from proxy.model.access import Reason
from proxy.nodered.dashboard import Told
from proxy.wire.engineio import Malformed, pack, sid_of, unpack

_UNKNOWN: Final = orjson.dumps({"code": 1, "message": "Session ID unknown"})
"""As engine.io says it: the page then begins anew."""
_TAKEN: Final = b"ok"
_SO_FAR: Final = frozenset({Reason.RIGHTS_CHANGED, Reason.UPSTREAM_CHANGED, Reason.DRAINING, Reason.FACTS_UNAVAILABLE})
"""Ends after which a page does well to begin anew."""
_STRANGERS: Final = frozenset({Kind.NOBODY, Kind.INSTANCE_PASSWORD})
_log = structlog.get_logger(__name__)


class Poll:
    """One GET that waits for something to be said."""

    def __init__(self, exchange: Exchange) -> None:
        lease = exchange.verdict.lease
        self.principal = exchange.verdict.principal
        self.resource_id, self.surface = lease.station.resource.id, lease.surface
        self.rights = rights_of(lease.station, lease.surface, lease.decision)
        self.place = place_of(lease.station, self.principal)
        self.reason: Reason | None = None
        self._limit = asyncio.timeout(None)

    def end(self, reason: Reason) -> None:
        if self.reason is None:
            self.reason = reason
            self._limit.reschedule(asyncio.get_running_loop().time())

    async def fetched(self, desk: InspectionDesk, exchange: Exchange) -> Fetched | None:
        """What the instance answers; None where this ended before it did. Raises UpstreamFailed."""
        desk.live.add(self)  # before the first await: what changes from now on reaches it
        try:
            async with self._limit:
                return await desk.carrier.fetch(exchange)
        except TimeoutError:
            return None
        finally:
            desk.live.remove(self)


async def begin(desk: InspectionDesk, exchange: Exchange) -> web.StreamResponse:
    """The first GET, by which an instance opens a session. Raises UpstreamFailed, StoreUnavailable."""
    gate, principal = exchange.caller.gate, exchange.verdict.principal
    if principal.kind in _STRANGERS and (wait := gate.new_sids.admit(exchange.caller.subject)) > 0:
        return refused(Refusal(Reason.TOO_MANY_REQUESTS, 429, retry_after=int(wait) + 1), exchange)
    poll = Poll(exchange)
    fetched = await poll.fetched(desk, exchange)
    if fetched is None:
        return _ended(exchange, poll.reason)
    if fetched.status != 200:
        return whole(fetched, fetched.body)
    try:
        first, *_ = unpack(fetched.body)
        sid, most = opened(first)
    except Malformed as error:
        raise _broken(exchange, error) from error
    lease = exchange.verdict.lease
    talk = await desk.talks.begin(lease.station.resource.id, sid, seen=fingerprint(lease.view), most=most)
    attend(desk, exchange, talk.screen)
    return await _passed(desk, exchange, talk, fetched, begins=1)


async def hear(desk: InspectionDesk, exchange: Exchange) -> web.StreamResponse:
    """A GET: what the instance has to say. Raises UpstreamFailed, StoreUnavailable."""
    talk = await found(desk, exchange)
    if talk is None:
        return unknown()
    poll = Poll(exchange)
    fetched = await poll.fetched(desk, exchange)
    if fetched is None:
        await desk.talks.forget(talk)
        return _ended(exchange, poll.reason)
    if fetched.status != 200:
        await desk.talks.forget(talk)
        return whole(fetched, fetched.body)
    return await _passed(desk, exchange, talk, fetched)


async def say(desk: InspectionDesk, exchange: Exchange) -> web.StreamResponse:
    """A POST: what the page has to say. Raises UpstreamFailed, StoreUnavailable."""
    talk = await found(desk, exchange)
    if talk is None:
        return unknown()
    body = await _read(exchange, talk.most, desk.carrier.patience.response)
    if body is None:
        detail = f"the instance takes at most {talk.most} bytes at once (maxHttpBufferSize in its settings.js)"
        return refused(Refusal(Reason.BAD_REQUEST, 413, detail), exchange)
    try:
        passed = [kept for each in unpack(body) if (kept := talk.screen.up(each)) is not None]
    except Malformed as error:
        _log.info("dashboard-malformed", instance=exchange.verdict.lease.station.name, by="page", reason=error.args[0])
        await desk.talks.forget(talk)
        return refused(Refusal(Reason.BAD_REQUEST, 400, error.args[0]), exchange)
    if not passed:
        return web.Response(body=_TAKEN, content_type="text/html", headers={"Cache-Control": "no-store"})
    async with going_on(desk.live, exchange):
        fetched = await desk.carrier.fetch(exchange, body=pack(passed))
    return whole(fetched, fetched.body)


async def found(desk: InspectionDesk, exchange: Exchange) -> Talk | None:
    """The session that a request belongs to, ready for who asks. Raises StoreUnavailable."""
    lease, sid = exchange.verdict.lease, sid_of(exchange.path)
    if sid is None:
        return None
    talk = await desk.talks.find(lease.station.resource.id, sid.decode("latin-1"), fingerprint(lease.view))
    if talk is not None:
        attend(desk, exchange, talk.screen)
    return talk


def attend(desk: InspectionDesk, exchange: Exchange, screen: Screen) -> None:
    """Let a screen know who is there now."""
    who = Who(desk, exchange)
    screen.who, screen.auth = who, who.auth


@contextmanager
def reporting(desk: InspectionDesk, exchange: Exchange, screen: Screen) -> Iterator[None]:
    """Meanwhile, put on record where a flow breaks its word."""

    def broken(told: Told) -> None:
        if told.broken is not None:
            desk.violations.note(exchange, told.broken, widget=told.widget)

    before, screen.broken = screen.broken, broken  # a last poll is answered while the websocket is open already
    try:
        yield
    finally:
        screen.broken = before


def unknown() -> web.Response:
    """The answer to a session that nobody knows."""
    return web.Response(status=400, body=_UNKNOWN, content_type="application/json")


async def _passed(
    desk: InspectionDesk, exchange: Exchange, talk: Talk, fetched: Fetched, *, begins: int = 0
) -> web.StreamResponse:
    """What of an answer's packets the page gets; the first of them is not looked at again where it is one that `begins` the session."""
    named = talk.screen.socket
    try:
        packets = unpack(fetched.body)
        with reporting(desk, exchange, talk.screen):
            kept = [one for each in packets[begins:] if (one := talk.screen.down(each)) is not None]
    except Malformed as error:
        await desk.talks.forget(talk)
        raise _broken(exchange, error) from error
    await desk.talks.outlines.publish(exchange.verdict.lease.station.resource.id)
    if talk.screen.socket != named:
        await desk.talks.note(talk)
    return whole(fetched, pack([*packets[:begins], *kept]))


async def _read(exchange: Exchange, most: int, seconds: float) -> bytes | None:
    """The body of a request; None where it is longer than that. Raises ClientError where it does not come in time."""
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for part in exchange.request.content.iter_any():
                body += part
                if len(body) > most:
                    return None
    except TimeoutError:
        raise ClientError("the body of a poll took too long") from None
    return bytes(body)


def _ended(exchange: Exchange, reason: Reason | None) -> web.Response:
    """The answer to a poll that ended before the instance had anything to say."""
    if reason is None or reason in _SO_FAR:
        return unknown()
    lease = exchange.verdict.lease
    status = 403 if reason in (Reason.NO_ACCESS, Reason.ROLE_TOO_LOW) else 401
    return refused(Refusal(reason, status, "", lease.station, lease.surface, lease), exchange)


def _broken(exchange: Exchange, error: Malformed) -> UpstreamFailed:
    _log.warning(
        "dashboard-malformed", instance=exchange.verdict.lease.station.name, by="instance", reason=error.args[0]
    )
    return UpstreamFailed(Reason.UPSTREAM_BROKEN, 502)
