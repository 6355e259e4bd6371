"""Which exchange is inspected how. Everything else is carried as it is."""

import asyncio
from time import monotonic

from aiohttp import ClientError, web

from proxy.gate.record import CLIENT_GONE
from proxy.inspection import dashboard, editor, governed, sockets, viewing
from proxy.inspection.desk import InspectionDesk
from proxy.inspection.exchange import Exchange
from proxy.inspection.rows import carry_rows, is_write, refuse_socket, rules_for
from proxy.inspection.sockets import refuse_comms
from proxy.inspection.streams import going_on
from proxy.nodered.surfaces import Surface
from proxy.wire.framing import request_framing

__all__ = ["InspectionDesk", "inspect", "refuse_comms"]


async def inspect(desk: InspectionDesk, exchange: Exchange) -> web.StreamResponse:
    """Carry one exchange that the gate lets pass. Raises UpstreamFailed and Stopped while nothing has been sent.

    ClientError or ConnectionError: an answer broke off, and the connection with it.
    """
    head, surface, started = exchange.head, exchange.verdict.lease.surface, monotonic()
    websocket = request_framing(head.method, head.noted, old=head.old).websocket
    if websocket and surface is Surface.COMMS and sockets.speaks(exchange.request):
        return await sockets.comms(desk, exchange, started)
    if (websocket or _is_governed(exchange)) and (refusal := refuse_socket(desk, exchange)) is not None:
        return refusal
    if websocket and _is_governed(exchange):
        return _counted(desk, exchange, await governed.socket(desk, exchange, started), started)
    if websocket and surface is not Surface.COMMS:
        return sockets.splice(desk, exchange)
    try:
        rules = rules_for(desk, exchange)
        response = await (carry_rows(desk, exchange, rules) if rules else _answered(desk, exchange, surface))
    except (asyncio.CancelledError, ClientError, ConnectionError, TimeoutError):
        desk.count(exchange, CLIENT_GONE, 0, started)
        raise
    desk.count(exchange, response.status, _size(response), started)
    return response


def _is_governed(exchange: Exchange) -> bool:
    """Whether this is a dashboard's socket that is read packet by packet. None of it may go another way, as rows do."""
    lease, principal = exchange.verdict.lease, exchange.verdict.principal
    return lease.surface is Surface.SOCKET and (lease.station.governed or principal.viewer is not None)


async def _answered(desk: InspectionDesk, exchange: Exchange, surface: Surface) -> web.StreamResponse:
    match surface:
        case Surface.AUTH_LOGIN:
            return editor.login(exchange)
        case Surface.AUTH_REVOKE:
            return await editor.revoke(desk, exchange)
        case Surface.SOCKET if _is_governed(exchange):
            return await governed.poll(desk, exchange)
        case _ if is_write(exchange):
            return await desk.writes.carry(exchange)
        case _:
            async with going_on(desk.live, exchange):
                return await _carried(desk, exchange, surface)


async def _carried(desk: InspectionDesk, exchange: Exchange, surface: Surface) -> web.StreamResponse:
    match surface:
        case Surface.SETTINGS:
            return await editor.settings(desk, exchange)
        case Surface.SETUP:
            return await dashboard.setup(desk, exchange)
        case Surface.DASHBOARD if exchange.verdict.principal.viewer is not None:
            return await viewing.page(desk, exchange)
        case _:
            return await desk.carrier.carry(exchange)


def _counted(
    desk: InspectionDesk, exchange: Exchange, response: web.StreamResponse, started: float
) -> web.StreamResponse:
    """Count what became of an upgrade that was refused; an open socket has been counted."""
    if response.status != 101:
        desk.count(exchange, response.status, _size(response), started)
    return response


def _size(response: web.StreamResponse) -> int:
    """Bytes of the body, whether they are sent already or about to be."""
    if isinstance(response, web.Response) and isinstance(response.body, bytes):
        return len(response.body)
    return response.body_length
