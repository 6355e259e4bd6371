"""The websocket clients: echo as fast as it comes back, or hold connections open and say nothing.

Prints JSON (echo), or the number of open connections, and then waits for a line (hold).
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import secrets
import statistics
import sys
import time
from typing import cast

import uvloop
from typing_extensions import override

from benchmarks.harness import raise_open_files

PAYLOAD = 64
_MASK = b"\x5a\xa5\x3c\xc3"
_FRAME = bytes((0x82, 0x80 | PAYLOAD)) + _MASK + bytes(b ^ _MASK[i % 4] for i, b in enumerate(b"x" * PAYLOAD))
_ANSWER = 2 + PAYLOAD
_OPENING = 64
"""How many connections are opened at a time."""


class Socket(asyncio.Protocol):
    """One client's websocket: opened by `head`, then silent until `talk` is called."""

    def __init__(self, head: bytes) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.latencies: list[float] = []
        self.lost = False
        self._head = head
        self._received = b""
        self._due = 0
        self._until = 0.0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._head)

    @override
    def data_received(self, data: bytes) -> None:
        if self.opened.done():
            self._count(len(data))
            return
        self._received += data
        if b"\r\n\r\n" in self._received:
            if self._received.startswith(b"HTTP/1.1 101"):
                self.opened.set_result(None)
            else:
                self.opened.set_exception(ConnectionError(f"no 101: {self._received[:300]!r}"))

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if not self.opened.done():
            self.opened.set_exception(ConnectionError(f"closed before the 101: {exc}"))

    def talk(self, until: float) -> None:
        self._until = until
        self._send()

    def close(self) -> None:
        self._transport.abort()

    def _send(self) -> None:
        self._due, self._sent = _ANSWER, time.perf_counter()
        self._transport.write(_FRAME)

    def _count(self, length: int) -> None:
        self._due -= length
        if self._due:
            return
        now = time.perf_counter()
        self.latencies.append(now - self._sent)
        if now < self._until:
            self._send()


def upgrade(host: str, path: str, credential: str) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        f"Origin: http://{host}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: " + base64.b64encode(secrets.token_bytes(16)).decode(),
        credential,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def open_sockets(options: argparse.Namespace) -> list[Socket]:
    loop, room = asyncio.get_running_loop(), asyncio.Semaphore(_OPENING)

    async def one() -> Socket:
        head = upgrade(options.host, options.path, options.credential)
        async with room, asyncio.timeout(30):
            _, socket = await loop.create_connection(lambda: Socket(head), "127.0.0.1", options.port)
            await socket.opened
        return socket

    return await asyncio.gather(*(one() for _ in range(options.connections)))


async def echo(sockets: list[Socket], seconds: float) -> None:
    begun = time.perf_counter()
    for socket in sockets:
        socket.talk(begun + seconds)
    await asyncio.sleep(seconds)
    took = time.perf_counter() - begun
    latencies = [each for socket in sockets for each in socket.latencies]
    result = {"messages": len(latencies), "seconds": took, "p50": statistics.median(latencies) * 1000}
    print(json.dumps(result), flush=True)


async def hold(sockets: list[Socket]) -> None:
    await asyncio.sleep(1)
    print(sum(not socket.lost for socket in sockets), flush=True)
    await asyncio.to_thread(sys.stdin.readline)


async def main(options: argparse.Namespace) -> None:
    sockets = await open_sockets(options)
    if options.hold:
        await hold(sockets)
    else:
        await echo(sockets, options.seconds)
    for socket in sockets:
        socket.close()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--credential", required=True, help="a whole header line")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--hold", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    raise_open_files()
    uvloop.run(main(arguments()))
