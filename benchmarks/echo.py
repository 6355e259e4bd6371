"""The websocket upstream: sends back what it is sent. Usage: python -m benchmarks.echo PORT."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sys
from typing import cast

import uvloop
from typing_extensions import override

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MASKED = 0x80


class Echo(asyncio.Protocol):
    """One websocket; frames under 126 bytes, which is all the benchmark sends (RFC 6455 section 5.2)."""

    def __init__(self) -> None:
        self._buffer = b""
        self._open = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open:
            self._answer_upgrade()
        if self._open:
            self._echo_frames()

    def _answer_upgrade(self) -> None:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        fields = {
            name.strip().lower(): value.strip() for name, _, value in (x.partition(b":") for x in head.split(b"\r\n"))
        }
        if b"sec-websocket-key" not in fields:
            self._transport.write(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self._transport.close()
            return
        accept = base64.b64encode(hashlib.sha1(fields[b"sec-websocket-key"] + _GUID).digest())
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        self._buffer, self._open = rest, True

    def _echo_frames(self) -> None:
        buffer, answers = self._buffer, []
        while len(buffer) >= 6:
            length = buffer[1] & 0x7F
            if length > 125 or not buffer[1] & _MASKED:
                self._transport.abort()
                return
            if len(buffer) < 6 + length:
                break
            mask = (buffer[2:6] * (length // 4 + 1))[:length]
            plain = int.from_bytes(buffer[6 : 6 + length]) ^ int.from_bytes(mask)
            answers.append(bytes((buffer[0], length)) + plain.to_bytes(length))
            buffer = buffer[6 + length :]
        self._buffer = buffer
        if answers:
            self._transport.write(b"".join(answers))


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
