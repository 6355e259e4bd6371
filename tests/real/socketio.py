"""A socket.io client of bytes, as Dashboard's page is one, for what no page would do (socket.io protocol 5, engine.io 4)."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import ClientResponse, ClientSession, ClientWebSocketResponse, WSMsgType
from yarl import URL

from tests.peers.changes import DEADLINE, Changes
from tests.peers.gateway import Visitor

_PING, _PONG, _UPGRADE = "2", "3", "5"
_APART = "\x1e"


@dataclass(slots=True, kw_only=True)
class SocketIo:
    """One connection to a dashboard: by polls, and after `upgrade` by websocket."""

    visitor: Visitor
    url: str
    headers: Mapping[str, str]
    sid: str = ""
    """engine.io's name for the connection."""
    socket_id: str = ""
    """socket.io's, which is the one that flows see."""
    events: list[list[object]] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    """All that came, as it came."""
    ended: bool = False
    socket: ClientWebSocketResponse | None = None
    changes: Changes = field(default_factory=Changes)

    async def poll(self, sid: str = "") -> ClientResponse:
        """One GET poll, answered when the instance has something to say."""
        sent = {"Accept-Encoding": "identity", **self.headers}
        return await self.visitor.request("GET", self._address("polling", sid or self.sid), headers=sent)

    async def post(self, packet: str, sid: str = "", **headers: str) -> ClientResponse:
        """One packet by POST."""
        sent = {**self.headers, "Origin": self._origin, "Content-Type": "text/plain;charset=UTF-8", **headers}
        return await self.visitor.request("POST", self._address("polling", sid or self.sid), headers=sent, data=packet)

    async def handshake(self, auth: object = None) -> ClientResponse:
        """The first poll, and the CONNECT packet with what the page claims about itself."""
        answer = await self.poll()
        if answer.status == 200:
            self.sid = json.loads((await answer.text())[1:])["sid"]
            await self.post("40" if auth is None else "40" + json.dumps(auth))
            self._heard_all(await (await self.poll()).text())
        return answer

    async def upgrade(self, session: ClientSession) -> None:
        """Change to a websocket, as pages do (engine.io protocol, Upgrade)."""
        self.socket = await open_websocket(self.visitor, session, self._address("websocket", self.sid), self.headers)
        await self.socket.send_str("2probe")
        assert await self.socket.receive_str(timeout=DEADLINE) == "3probe"
        self._heard_all(await (await self.poll()).text())  # held open by the instance until now, and ended by a noop
        await self.socket.send_str(_UPGRADE)

    async def listen(self) -> None:
        """Hear until the connection ends."""
        assert self.socket is not None
        async for message in self.socket:
            if message.type is WSMsgType.TEXT:
                self._heard_all(message.data)
                if message.data == _PING:
                    await self.socket.send_str(_PONG)
        self.ended = True
        self.changes.told()

    async def listen_by_polls(self) -> None:
        """Hear until a poll is not answered as such."""
        while (answer := await self.poll()).status == 200:
            payload = await answer.text()
            self._heard_all(payload)
            if _PING in payload.split(_APART):
                await self.post(_PONG)
        self.ended = True
        self.changes.told()

    async def say(self, event: str, *words: object) -> None:
        packet = "42" + json.dumps([event, *words])
        if self.socket is not None:
            await self.socket.send_str(packet)
        else:
            assert (await self.post(packet)).status == 200

    async def until(self, event: str) -> list[object]:
        """The words of the newest event of this name, waited for."""
        await self.changes.until(lambda: self.of(event))
        return self.of(event)[-1]

    def of(self, event: str) -> list[list[object]]:
        return [heard[1:] for heard in self.events if heard[0] == event]

    def _heard_all(self, payload: str) -> None:
        self.raw.append(payload)
        for packet in payload.split(_APART):
            if packet.startswith("40"):
                self.socket_id = json.loads(packet[2:])["sid"]
            elif packet.startswith("42"):
                self.events.append(json.loads(packet[2:]))
        self.changes.told()

    @property
    def _origin(self) -> str:
        return str(URL(self.url).origin())

    def _address(self, transport: str, sid: str) -> str:
        return f"{self.url}?EIO=4&transport={transport}" + (f"&sid={sid}" if sid else "")


@asynccontextmanager
async def connected(
    visitor: Visitor,
    pages: str,
    *,
    auth: object = None,
    headers: Mapping[str, str] | None = None,
    upgrade: bool = True,
) -> AsyncIterator[SocketIo]:
    """A dashboard's socket after its upgrade, or one that goes on by polls; listening."""
    client = SocketIo(visitor=visitor, url=f"{pages}/dashboard/socket.io/", headers=headers or {})
    assert (await client.handshake(auth)).status == 200
    if upgrade:
        await client.upgrade(visitor.session)
    listening = asyncio.create_task(client.listen() if upgrade else client.listen_by_polls())
    try:
        yield client
    finally:
        listening.cancel()
        if client.socket is not None:
            await client.socket.close()


async def open_websocket(
    visitor: Visitor, session: ClientSession, url: str, headers: Mapping[str, str]
) -> ClientWebSocketResponse:
    """A websocket as a page of the address's own host opens it."""
    address = URL(url, encoded=True)
    origin = f"{address.scheme}://{address.host}:{address.port}"
    sent = {"Host": f"{address.host}:{address.port}", "Origin": origin, **headers}
    if address.host in visitor.cookies:
        sent.setdefault("Cookie", visitor.cookie(address.host))
    local = URL(f"http://127.0.0.1:{address.port}{address.raw_path_qs}", encoded=True)
    return await session.ws_connect(local, headers=sent, max_msg_size=2**25)
