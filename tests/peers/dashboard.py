"""A made-up instance with a dashboard: engine.io 4 by polls and websocket, saying what a test has it say."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from tests.peers.changes import Changes

PATH = "/dashboard/socket.io/"
_APART = "\x1e"
Packet = str | bytes


@dataclass(slots=True)
class Dashboard:
    """`heard` is every packet or body that came in, `asked` the method and sid of every request."""

    url: str = ""
    heard: list[Packet] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    most: int = 1_000_000
    status: int = 200
    opening: str = ""
    """Said in place of the first packet, where it is not empty."""
    told: int = 0
    """How many packets have gone out over websockets."""
    waiting: "asyncio.Queue[Packet]" = field(default_factory=asyncio.Queue)
    changes: Changes = field(default_factory=Changes)

    def say(self, *packets: Packet) -> None:
        """Let a page hear of something; by polls as the body of one, in one piece."""
        for packet in packets:
            self.waiting.put_nowait(packet)

    async def until_heard(self, *packets: Packet) -> None:
        await self.changes.until(lambda: self.heard[-len(packets) :] == list(packets))

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.query.get("sid", "")))
        self.changes.told()
        if request.headers.get("Upgrade") == "websocket":
            return await self._socket(request)
        if request.method == "POST":
            self._note(await request.text())
            return web.Response(text="ok", content_type="text/html")
        if "sid" not in request.query:
            return self._polled(self.opening or self._open())
        packet = await self.waiting.get()
        return self._polled(packet if isinstance(packet, str) else "b")

    def _polled(self, said: str) -> web.Response:
        return web.Response(status=self.status, text=said)

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False, max_msg_size=2**25)
        await socket.prepare(request)
        if "sid" not in request.query:
            await socket.send_str(self.opening or self._open())
        telling = asyncio.create_task(self._tell(socket))
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    self._note(message.data)
        finally:
            telling.cancel()
        self._note(f"closed {socket.close_code}")
        return socket

    async def _tell(self, socket: web.WebSocketResponse) -> None:
        while True:
            packet = await self.waiting.get()
            await (socket.send_str(packet) if isinstance(packet, str) else socket.send_bytes(packet))
            self.told += 1
            self.changes.told()

    def _note(self, packet: Packet) -> None:
        self.heard.append(packet)
        self.changes.told()

    def _open(self) -> str:
        sid = f"engine-{len(self.asked)}"
        told = {
            "sid": sid,
            "upgrades": ["websocket"],
            "pingInterval": 25000,
            "pingTimeout": 20000,
            "maxPayload": self.most,
        }
        return "0" + json.dumps(told)


@asynccontextmanager
async def dashboard(**said: object) -> AsyncIterator[Dashboard]:
    made = Dashboard(**said)  # type: ignore[arg-type]
    app = web.Application(client_max_size=2**25)
    app.router.add_route("*", "/{path:.*}", made._answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield made
    finally:
        await runner.cleanup()
