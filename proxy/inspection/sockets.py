"""Websockets in this lane: the editor's is read message by message, all others are spliced by the plane."""

import asyncio
from typing import Final

import orjson
from aiohttp import ClientError, ClientWebSocketResponse, ClientWSTimeout, WSMsgType, web

from proxy.gate.live import close_code, place_of, rights_of
from proxy.gate.verdict import Missing, Refusal
from proxy.inspection import editor
from proxy.inspection.carrier import Carrier
from proxy.inspection.desk import InspectionDesk
from proxy.inspection.editor import Says, said
from proxy.inspection.exchange import Exchange, Stopped, failure, refused
from proxy.inspection.takeover import Detached, tap_of
from proxy.model.access import Reason
from proxy.nodered.surfaces import Surface
from proxy.nodered.writes import of_message
from proxy.wire.websocket import COME_AGAIN

_FROM_EDITOR: Final = 1024 * 1024
"""Bytes an editor may say at once."""
_FROM_INSTANCE: Final = 16 * 1024 * 1024
_LINGER: Final = 1.0
"""Seconds each side has to take part in closing."""
_OK: Final = '{"auth":"ok"}'
_FAIL: Final = '{"auth":"fail"}'
_TRY_AGAIN: Final = frozenset({Reason.DRAINING, Reason.FACTS_UNAVAILABLE, Reason.UPSTREAM_CHANGED, Reason.NOT_RECORDED})


def splice(desk: InspectionDesk, exchange: Exchange) -> web.StreamResponse:
    """Leave a websocket that nobody reads to the plane, connection and all."""
    tap = tap_of(exchange.request)
    if tap is None:
        raise RuntimeError("a connection came here without a Tap")
    transport, early = tap.transport, tap.take()
    if early is None:
        detail = "open a websocket on a connection of its own: this one just carried a body"
        return refused(Refusal(Reason.BAD_REQUEST, 400, detail), exchange)
    desk.upgrade(transport, early, exchange.caller, exchange.head, exchange.verdict)
    return Detached()


def speaks(request: web.Request) -> bool:
    """Whether an upgrade to websocket is a complete one (RFC 6455 section 4.2.1)."""
    return bool(_socket().can_prepare(request))


async def refuse_comms(request: web.Request, reason: Reason = Reason.SESSION_ENDED) -> web.StreamResponse:
    """Accept an editor's socket to tell it that it may not have it. On an HTTP refusal it would retry without end."""
    client = _socket()
    await client.prepare(request)
    await _dismiss(request, client, reason, tell=True)
    return client


async def comms(desk: InspectionDesk, exchange: Exchange, started: float) -> web.StreamResponse:
    """An editor's socket, from its upgrade to its end. Raises UpstreamFailed while nothing has been sent."""
    open_ = Comms(desk, exchange)
    desk.live.add(open_)  # before the first await: what changes from now on reaches it
    try:
        async with await _connected(desk.carrier, exchange) as instance:
            client = _socket()
            await client.prepare(exchange.request)
            desk.count(exchange, 101, 0, started)
            opened = editor.note_opened(desk, exchange)
            try:
                await open_.relay(client, instance)
            finally:
                editor.note_closed(desk, exchange, opened)
            return client
    finally:
        desk.live.remove(open_)


class Comms:
    """One editor's open socket."""

    def __init__(self, desk: InspectionDesk, exchange: Exchange) -> None:
        lease = exchange.verdict.lease
        self._desk, self._exchange = desk, exchange
        self.principal = exchange.verdict.principal
        self.resource_id, self.surface = lease.station.resource.id, lease.surface
        self.rights = rights_of(lease.station, lease.surface, lease.decision)
        self.place = place_of(lease.station, self.principal)
        self._over = asyncio.Event()
        self._reason: Reason | None = None

    def end(self, reason: Reason) -> None:
        if self._reason is None:
            self._reason = reason
            self._over.set()

    async def relay(self, client: web.WebSocketResponse, instance: ClientWebSocketResponse) -> None:
        """Messages both ways, until one side or the gate ends it. Then the client is told."""
        ways = (self._up(client, instance), _down(instance, client), self._told())
        async with asyncio.TaskGroup() as together:
            tasks = [together.create_task(way) for way in ways]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
        if self._reason is not None:
            await _dismiss(self._exchange.request, client, self._reason, tell=self._tells(self._reason))
        else:
            await closed(self._exchange.request, client, COME_AGAIN, b"")

    async def _told(self) -> None:
        await self._over.wait()

    async def _up(self, client: web.WebSocketResponse, instance: ClientWebSocketResponse) -> None:
        async for message in client:
            if message.type is WSMsgType.TEXT:
                try:
                    await self._heard(message.data, client, instance)
                except ConnectionError:
                    return

    async def _heard(self, text: str, client: web.WebSocketResponse, instance: ClientWebSocketResponse) -> None:
        says, told = said(text)
        if says is Says.TOKEN:
            await client.send_str(_OK)
        elif says is Says.PLAIN:
            await instance.send_str(told)
        elif says is Says.WRITE and self._may_write():
            await self._write(told, instance)

    async def _write(self, told: str, instance: ClientWebSocketResponse) -> None:
        """What goes to a node or plugin is on record first. Where it cannot be, the editor is to come again."""
        about = of_message(self._exchange.path, orjson.loads(told)["topic"])
        try:
            await self._desk.writes.say(self._exchange, about, lambda: instance.send_str(told))
        except Stopped as stopped:
            self.end(stopped.refusal.reason)

    def _may_write(self) -> bool:
        """Asked each time: such messages are rare, and what they ask for may change without ending the socket."""
        gate = self._exchange.caller.gate
        station = gate.world.stations.get(self.resource_id)
        decision = gate.decide(self.principal, station, Surface.OTHER) if station is not None else None
        return decision is not None and not isinstance(decision, Missing) and decision.allowed

    def _tells(self, reason: Reason) -> bool:
        """Whether to make the editor ask for the login. Where it finds none, it is better off trying again."""
        return reason not in _TRY_AGAIN and self.resource_id in self._exchange.caller.gate.world.stations


async def _down(instance: ClientWebSocketResponse, client: web.WebSocketResponse) -> None:
    try:
        async for message in instance:
            if message.type is WSMsgType.TEXT:
                await client.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await client.send_bytes(message.data)
    except ConnectionError:
        return


async def joined(carrier: Carrier, exchange: Exchange) -> ClientWebSocketResponse:
    """The instance's end of a websocket that is read, without extensions. Raises UpstreamFailed."""
    station = exchange.verdict.lease.station
    fields = exchange.fields
    for name in [name for name in fields if name.lower().startswith("sec-websocket-")]:
        fields.popall(name, None)
    try:
        async with asyncio.timeout(carrier.patience.connect):
            session = await carrier.session(station.endpoint)
            instance = await session.ws_connect(
                carrier.url(station.endpoint, exchange.path),
                headers=fields,
                max_msg_size=_FROM_INSTANCE,
                timeout=ClientWSTimeout(ws_close=_LINGER),
                server_hostname=station.endpoint.tls.server_name,
            )
    except (ClientError, OSError) as error:
        raise failure(error) from error
    return instance


async def _connected(carrier: Carrier, exchange: Exchange) -> ClientWebSocketResponse:
    """The instance's end of an editor's socket, ready to hear. Raises UpstreamFailed."""
    instance, token = await joined(carrier, exchange), exchange.verdict.lease.station.settings.admin_token
    try:
        if token:
            await _greet(instance, token, carrier.patience.connect)
    except (ClientError, OSError) as error:
        raise failure(error) from error
    return instance


async def _greet(instance: ClientWebSocketResponse, token: str, seconds: float) -> None:
    """Say the gateway's own token where an instance keeps its own accounts: on a socket it does not look at fields."""
    try:
        async with asyncio.timeout(seconds):
            await instance.send_str(orjson.dumps({"auth": token}).decode())
            answered = await instance.receive()
    except TimeoutError:
        await instance.close()
        raise
    if answered.type is not WSMsgType.TEXT or answered.data != _OK:
        await instance.close()
        raise ClientError("the instance does not accept its admin_token on /comms")


def client_socket(most: int) -> web.WebSocketResponse:
    """A client's end of a websocket that is read, which takes so many bytes at once, without extensions."""
    return web.WebSocketResponse(compress=False, max_msg_size=most, timeout=_LINGER)


def _socket() -> web.WebSocketResponse:
    return client_socket(_FROM_EDITOR)


async def _dismiss(request: web.Request, client: web.WebSocketResponse, reason: Reason, *, tell: bool) -> None:
    """End an editor's socket. Told `auth: fail`, it asks for the login, and comes back with the rights it then has."""
    if tell:
        try:
            async with asyncio.timeout(_LINGER):
                await client.send_str(_FAIL)
        except (ConnectionError, TimeoutError):
            _cut(request)
    await closed(request, client, close_code(reason), reason.value.encode())


async def closed(request: web.Request, client: web.WebSocketResponse, code: int, why: bytes) -> None:
    """Close a client's websocket, with a code and at most 123 bytes that say why."""
    try:
        async with asyncio.timeout(2 * _LINGER):
            await client.close(code=code, message=why)
    except (ConnectionError, TimeoutError):
        _cut(request)


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
