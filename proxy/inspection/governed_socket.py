"""The websocket of a governed Dashboard: read message by message in both directions."""

import asyncio
from typing import Final

import structlog
from aiohttp import ClientWebSocketResponse, WSMessage, WSMsgType, web

from proxy.gate.live import close_code, place_of, rights_of
from proxy.inspection.desk import InspectionDesk
from proxy.inspection.exchange import Exchange
from proxy.inspection.governed_polls import attend, found, reporting, unknown
from proxy.inspection.governed_screen import Screen, opened
from proxy.inspection.sockets import client_socket, closed, joined
from proxy.model.access import Reason
from proxy.wire.engineio import Malformed, Packet, packet, sid_of
from proxy.wire.websocket import COME_AGAIN

_PROTOCOL_ERROR: Final = 1002
_AT_FIRST: Final = 1024 * 1024
"""Bytes that a page may say at once before its instance has said how many."""
_MESSAGES: Final = frozenset({WSMsgType.TEXT, WSMsgType.BINARY})
_LAST: Final = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})
_log = structlog.get_logger(__name__)


async def relay(desk: InspectionDesk, exchange: Exchange, started: float) -> web.StreamResponse:
    """One websocket, from its upgrade to its end. Raises UpstreamFailed, StoreUnavailable while nothing has been sent."""
    if sid_of(exchange.path) is None:
        screen = Screen(desk.talks.outlines, exchange.verdict.lease.station.resource.id)
        attend(desk, exchange, screen)
        return await _relay(desk, exchange, Governed(desk, exchange, screen, fresh=True), _AT_FIRST, started)
    talk = await found(desk, exchange)
    if talk is None:
        return unknown()
    try:
        governed = Governed(desk, exchange, talk.screen, fresh=False)
        return await _relay(desk, exchange, governed, talk.most, started)
    finally:
        desk.talks.leave(talk)


async def _relay(
    desk: InspectionDesk, exchange: Exchange, governed: "Governed", most: int, started: float
) -> web.StreamResponse:
    desk.live.add(governed)  # before the next await: what changes from now on reaches it
    try:
        async with await joined(desk.carrier, exchange) as instance:
            client = client_socket(most)
            await client.prepare(exchange.request)
            desk.count(exchange, 101, 0, started)
            with reporting(desk, exchange, governed.screen):
                await governed.run(client, instance)
            return client
    finally:
        desk.live.remove(governed)


class Governed:
    """One open socket."""

    # fmt: off
    __slots__ = (
        "__weakref__", "_desk", "_exchange", "_fresh", "_heard", "_over", "_why", "place", "principal", "resource_id", "rights",
        "screen", "surface",
    )
    # fmt: on

    def __init__(self, desk: InspectionDesk, exchange: Exchange, screen: Screen, *, fresh: bool) -> None:
        """`fresh`: the session begins with this socket, and no polls came before."""
        lease = exchange.verdict.lease
        self._desk, self._exchange, self.screen, self._fresh = desk, exchange, screen, fresh
        self.principal = exchange.verdict.principal
        self.resource_id, self.surface = lease.station.resource.id, lease.surface
        self.rights = rights_of(lease.station, lease.surface, lease.decision)
        self.place = place_of(lease.station, self.principal)
        self._over = asyncio.Event()
        self._why: tuple[int, str] = (COME_AGAIN, "")
        self._heard = 0
        """How many messages the instance has sent."""

    def end(self, reason: Reason) -> None:
        self._end(close_code(reason), reason.value)

    def _end(self, code: int, why: str) -> None:
        if not self._over.is_set():
            self._why = code, why
            self._over.set()

    async def run(self, client: web.WebSocketResponse, instance: ClientWebSocketResponse) -> None:
        """Messages both ways, until one side or the gate ends it. Then the client is told."""
        ways = (self._up(client, instance), self._down(client, instance), self._watch())
        async with asyncio.TaskGroup() as together:
            tasks = [together.create_task(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
        code, why = self._why
        await closed(self._exchange.request, client, code, why.encode()[:120])

    async def _watch(self) -> None:
        """Until it is over, or the instance has been silent for too long: it asks every 25 s whether its page is there."""
        heard, silence = -1, self._desk.carrier.patience.stream
        while heard != self._heard:
            heard = self._heard
            try:
                async with asyncio.timeout(silence):
                    await self._over.wait()
                    return
            except TimeoutError:
                continue

    async def _up(self, client: web.WebSocketResponse, instance: ClientWebSocketResponse) -> None:
        try:  # what was said last is not kept while nothing is said
            while await self._said(await client.receive(), instance):
                pass
        except ConnectionError:
            return
        except Malformed as error:
            self._malformed("page", error)

    async def _said(self, message: WSMessage, instance: ClientWebSocketResponse) -> bool:
        """Pass on what a page says; whether it may say more. Raises ConnectionError, Malformed."""
        if message.type not in _MESSAGES:
            return message.type not in _LAST
        kept = self.screen.up(packet(message.data) if message.type is WSMsgType.TEXT else message.data)
        if kept is not None:
            await _send(instance, kept)
        return True

    async def _down(self, client: web.WebSocketResponse, instance: ClientWebSocketResponse) -> None:
        try:
            while await self._told(await instance.receive(), client):
                pass
        except ConnectionError:
            return
        except Malformed as error:
            self._malformed("instance", error)

    async def _told(self, message: WSMessage, client: web.WebSocketResponse) -> bool:
        """Pass on what an instance says; whether it may say more. Raises ConnectionError, Malformed."""
        self._heard += 1
        if message.type not in _MESSAGES:
            return message.type not in _LAST
        screen = self.screen
        said = packet(message.data) if message.type is WSMsgType.TEXT else message.data
        kept = self._opened(said) if self._fresh else screen.down(said)
        if screen.learned:
            screen.learned = False
            await self._desk.talks.outlines.publish(self.resource_id)
        if kept is not None:
            await _send(client, kept)
        return True

    def _opened(self, said: Packet) -> Packet:
        """The first packet of a session that begins here. Raises Malformed."""
        opened(said)
        self._fresh = False
        return said

    def _malformed(self, by: str, error: Malformed) -> None:
        station = self._exchange.verdict.lease.station
        _log.info("dashboard-malformed", instance=station.name, by=by, reason=error.args[0])
        self._end(_PROTOCOL_ERROR, error.args[0])


async def _send(to: web.WebSocketResponse | ClientWebSocketResponse, said: Packet) -> None:
    """Raises ConnectionError."""
    if isinstance(said, str):
        await to.send_str(said)
    else:
        await to.send_bytes(said)
