"""A Dashboard's socket where what it carries depends on who is there: by polls and by websocket alike, packet by packet."""

from typing import Final

from aiohttp import web

from proxy.gate.verdict import Refusal
from proxy.inspection import governed_polls, governed_socket
from proxy.inspection.desk import InspectionDesk
from proxy.inspection.exchange import Exchange, refused
from proxy.inspection.sockets import speaks
from proxy.model.access import Reason
from proxy.store import StoreUnavailable
from proxy.wire.engineio import asks_for_script, foreign_version, sid_of

_VERSION: Final = (
    "what this socket carries is governed, and only version 4 of engine.io is understood here, but this asks for {}: "
    "update FlowFuse Dashboard, or take pages, row policies and enforce_client_constraint off the instance"
)
_SCRIPT: Final = "what this socket carries is governed, and answers wrapped in scripts (JSONP) are not given here"
_METHOD: Final = "engine.io is spoken by GET, by POST with a sid, and by websocket"


async def poll(desk: InspectionDesk, exchange: Exchange) -> web.StreamResponse:
    """One poll. Raises UpstreamFailed while nothing has been sent."""
    if (refusal := _refusal(exchange)) is not None:
        return refusal
    known, method = sid_of(exchange.path) is not None, exchange.request.method
    try:
        match method:
            case "GET":
                return await (governed_polls.hear if known else governed_polls.begin)(desk, exchange)
            case "POST" if known:
                return await governed_polls.say(desk, exchange)
            case _:
                return refused(Refusal(Reason.BAD_REQUEST, 400, _METHOD), exchange)
    except StoreUnavailable:
        return refused(Refusal(Reason.FACTS_UNAVAILABLE, 503), exchange)


async def socket(desk: InspectionDesk, exchange: Exchange, started: float) -> web.StreamResponse:
    """A websocket. Raises UpstreamFailed while nothing has been sent."""
    if (refusal := _refusal(exchange)) is not None:
        return refusal
    if not speaks(exchange.request):
        return refused(Refusal(Reason.BAD_REQUEST, 400, "this is no complete upgrade (RFC 6455)"), exchange)
    try:
        return await governed_socket.relay(desk, exchange, started)
    except StoreUnavailable:
        return refused(Refusal(Reason.FACTS_UNAVAILABLE, 503), exchange)


def _refusal(exchange: Exchange) -> web.Response | None:
    """What is not understood here is not passed on unread."""
    if (version := foreign_version(exchange.path)) is not None:
        detail = _VERSION.format(version.decode("ascii", "replace")[:32])
        return refused(Refusal(Reason.BAD_REQUEST, 400, detail), exchange)
    if asks_for_script(exchange.path):
        return refused(Refusal(Reason.BAD_REQUEST, 400, _SCRIPT), exchange)
    return None
