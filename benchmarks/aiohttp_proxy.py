"""What one writes first with aiohttp: a server, a client, no login. Usage: python -m benchmarks.aiohttp_proxy PORT HTTP WS."""

from __future__ import annotations

import asyncio
import sys

import aiohttp
import uvloop
from aiohttp import web
from multidict import CIMultiDict

_HOP_BY_HOP = frozenset(("connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "content-length"))


def end_to_end(headers: CIMultiDict[str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP)


class Proxy:
    """Requests to one upstream, websockets to another."""

    def __init__(self, session: aiohttp.ClientSession, http: str, sockets: str) -> None:
        self._session, self._http, self._sockets = session, http, sockets

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._relay(request)
        headers = end_to_end(CIMultiDict(request.headers))
        url = self._http + request.path_qs
        body = request.content if request.can_read_body else None
        async with self._session.request(
            request.method, url, headers=headers, data=body, allow_redirects=False
        ) as answer:
            response = web.StreamResponse(status=answer.status, headers=end_to_end(CIMultiDict(answer.headers)))
            response.content_length = answer.content_length
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    async def _relay(self, request: web.Request) -> web.WebSocketResponse:
        down = web.WebSocketResponse(compress=False)
        await down.prepare(request)
        async with self._session.ws_connect(self._sockets + request.path_qs) as up, asyncio.TaskGroup() as both:
            both.create_task(pump(down, up))
            both.create_task(pump(up, down))
        return down


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def pump(source: Socket, target: Socket) -> None:
    async for message in source:
        if message.type is aiohttp.WSMsgType.BINARY:
            await target.send_bytes(message.data)
        elif message.type is aiohttp.WSMsgType.TEXT:
            await target.send_str(message.data)
    await target.close()


async def main(port: int, http: int, sockets: int) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        proxy = Proxy(session, f"http://127.0.0.1:{http}", f"http://127.0.0.1:{sockets}")
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", proxy.handle)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(*map(int, sys.argv[1:4])))
