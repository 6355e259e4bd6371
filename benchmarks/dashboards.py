"""Both ends of Dashboard sockets: an instance that answers what is pressed, and pages that press again when they hear of it.

python -m benchmarks.dashboards instance PORT, or pages --help. Pages print JSON, or the number of open sockets and then
wait for a line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time

import uvloop
from aiohttp import ClientSession, ClientWebSocketResponse, TCPConnector, WSMsgType, web

from benchmarks.harness import raise_open_files

PATH = "/dashboard/socket.io/"
PAGES, WIDGETS = 4, 40
"""Of the dashboard, and on each page."""
_OPENING = 32
"""How many sockets are opened at a time."""


def configuration() -> dict[str, object]:
    """What an instance tells a page of its dashboard, about 50 KB of it."""
    widgets = {
        f"widget-{page}-{n}": {
            "id": f"widget-{page}-{n}",
            "type": "ui-text",
            "props": {"group": f"group-{page}", "name": f"Widget {n}", "label": "A label", "format": "{{msg.payload}}"},
            "layout": {"width": 6, "height": 1, "order": n},
            "state": {"enabled": True, "visible": True, "class": ""},
            "hooks": {},
        }
        for page in range(PAGES)
        for n in range(WIDGETS)
    }
    pages = {
        f"page-{n}": {"id": f"page-{n}", "type": "ui-page", "name": f"Page {n}", "ui": "base", "path": f"/page{n}"}
        for n in range(PAGES)
    }
    groups = {f"group-{n}": {"id": f"group-{n}", "name": f"Group {n}", "page": f"page-{n}"} for n in range(PAGES)}
    dashboards = {"base": {"id": "base", "type": "ui-base", "path": "/dashboard"}}
    return {
        "meta": {},
        "dashboards": dashboards,
        "heads": {},
        "pages": pages,
        "themes": {},
        "groups": groups,
        "widgets": widgets,
    }


_CONFIG = "42" + json.dumps(["ui-config", "base", configuration()])
_OPEN = {"upgrades": [], "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 1000000}
_SAID = '42["widget-change","widget-0-7",{"payload":50,"topic":"slider"}]'
_TOLD = '42["msg-input:widget-0-7",{"payload":50,"topic":"slider","_msgid":"0123456789abcdef"}]'


async def _page(request: web.Request) -> web.StreamResponse:
    """One page's socket, seen from the instance."""
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    number = request.app[_COUNT][0] = request.app[_COUNT][0] + 1
    await socket.send_str("0" + json.dumps({"sid": f"engine-{number}", **_OPEN}))
    async for message in socket:
        if message.type is WSMsgType.TEXT and message.data.startswith("40"):
            await socket.send_str("40" + json.dumps({"sid": f"socket-{number}"}))
            await socket.send_str(_CONFIG)
        elif message.type is WSMsgType.TEXT and message.data.startswith("42"):
            await socket.send_str(_TOLD)
    return socket


async def _anything(_: web.Request) -> web.Response:
    return web.Response(text="here")


_COUNT = web.AppKey("count", list[int])


def instance(port: int) -> None:
    app = web.Application()
    app[_COUNT] = [0]
    app.add_routes([web.get(PATH, _page), web.get("/{path:.*}", _anything)])
    uvloop.install()
    web.run_app(app, host="127.0.0.1", port=port, print=lambda _: None, access_log=None, backlog=4096)


async def _opened(session: ClientSession, options: argparse.Namespace) -> ClientWebSocketResponse:
    name, _, value = options.credential.partition(": ")
    headers = {"Host": options.host, "Origin": f"http://{options.host}", name: value}
    url = f"http://127.0.0.1:{options.port}{PATH}?EIO=4&transport=websocket"
    socket = await session.ws_connect(url, headers=headers, max_msg_size=2**22)
    await socket.receive_str()
    await socket.send_str("40")
    while not (await socket.receive_str()).startswith('42["ui-config"'):
        pass
    return socket


async def _press(socket: ClientWebSocketResponse, until: float) -> int:
    count = 0
    while time.perf_counter() < until:
        await socket.send_str(_SAID)
        await socket.receive_str()
        count += 1
    return count


async def pages(options: argparse.Namespace) -> None:
    room = asyncio.Semaphore(_OPENING)
    async with ClientSession(connector=TCPConnector(limit=0)) as session:

        async def one() -> ClientWebSocketResponse:
            async with room, asyncio.timeout(60):
                return await _opened(session, options)

        sockets = await asyncio.gather(*(one() for _ in range(options.connections)))
        print("open", flush=True)
        sys.stdin.readline()
        begun = time.perf_counter()
        counts = await asyncio.gather(*(_press(socket, begun + options.seconds) for socket in sockets))
        print(json.dumps({"messages": sum(counts), "seconds": time.perf_counter() - begun}), flush=True)
        sys.stdin.readline()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    ends = parser.add_subparsers(dest="end", required=True)
    ends.add_parser("instance").add_argument("port", type=int)
    client = ends.add_parser("pages")
    client.add_argument("--port", type=int, required=True)
    client.add_argument("--host", required=True)
    client.add_argument("--credential", required=True, help="a whole header line")
    client.add_argument("--connections", type=int, default=32)
    client.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    raise_open_files()
    if options.end == "instance":
        instance(options.port)
    else:
        uvloop.run(pages(options))


if __name__ == "__main__":
    main()
