"""A client of bytes: it says exactly what a test wants said, and reads what comes back with a deadline."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.peers.changes import DEADLINE, promised
from tests.peers.frames import Frame, read_frame
from tests.peers.upstream import Fields, read_body, reset

MASK = b"\x11\x22\x33\x44"
QUIET = 0.1
"""Seconds of silence after which nothing more is taken to come; only for asserting that nothing does."""
BODILESS = (204, 304)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer; `head` is its head as it came, `body` what its framing says, chunks joined."""

    status: int
    head: bytes
    headers: Fields
    body: bytes

    def values(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def value(self, name: bytes) -> bytes | None:
        """The one value of `name`; a test that meets it twice has found something."""
        values = self.values(name)
        assert len(values) < 2, f"{name!r} came {len(values)} times"
        return values[0] if values else None


@dataclass(kw_only=True)
class Line:
    """One open connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *parts: bytes) -> None:
        """Write each part and wait until it was handed to the network."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def response(self, *, to: bytes = b"GET", seconds: float = DEADLINE) -> Response:
        """The next answer, interim ones (1xx but 101) skipped; `to` names the method it answers."""
        async with promised(seconds):
            while True:
                answer = await self._one(to)
                if answer.status >= 200 or answer.status == 101:
                    return answer

    async def interim(self, *, seconds: float = DEADLINE) -> Response:
        """The next answer, whatever its status, without a body if it is a 1xx."""
        async with promised(seconds):
            return await self._one(b"GET")

    async def until(self, end: bytes, *, seconds: float = DEADLINE) -> bytes:
        """Everything up to and with `end`."""
        async with promised(seconds):
            return await self.reader.readuntil(end)

    async def rest(self, *, seconds: float = DEADLINE) -> bytes:
        """Everything until the other side ends the connection; a reset counts as its end."""
        got = bytearray()
        async with promised(seconds):
            with suppress(ConnectionError):
                while data := await self.reader.read(65536):
                    got += data
        return bytes(got)

    async def quiet(self, *, seconds: float = QUIET) -> bytes:
        """What still comes until the line has been silent for `seconds` or has ended."""
        got = bytearray()
        with suppress(TimeoutError, ConnectionError):
            while True:
                async with asyncio.timeout(seconds):
                    data = await self.reader.read(65536)
                if not data:
                    break
                got += data
        return bytes(got)

    async def say(self, opcode: int, payload: bytes = b"", *, rsv: int = 0, fin: bool = True) -> None:
        """Send one websocket frame, masked as a client's must be."""
        await self.send(Frame(opcode=opcode, payload=payload, rsv=rsv, fin=fin).encode(MASK))

    async def hear(self, *, seconds: float = DEADLINE) -> Frame:
        """The next websocket frame."""
        async with promised(seconds):
            return await read_frame(self.reader)

    def half_close(self) -> None:
        """Say that no more will be sent, and go on listening."""
        self.writer.write_eof()

    def reset(self) -> None:
        reset(self.writer)

    def close(self) -> None:
        self.writer.close()

    async def _one(self, to: bytes) -> Response:
        head = await self.reader.readuntil(b"\r\n\r\n")
        start, *lines = head[:-4].split(b"\r\n")
        status = int(start.split(b" ")[1])
        pairs = (line.partition(b":") for line in lines)
        headers = [(name, value.strip()) for name, _, value in pairs]
        body = b"" if status < 200 or status in BODILESS or to == b"HEAD" else await self._body(headers)
        return Response(status=status, head=head, headers=headers, body=body)

    async def _body(self, headers: Fields) -> bytes:
        names = {name.lower() for name, _ in headers}
        if names & {b"content-length", b"transfer-encoding"}:
            return await read_body(self.reader, headers)
        return await self.reader.read()


@asynccontextmanager
async def dial(
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    unix: Path | None = None,
    tls: ssl.SSLContext | None = None,
    name: str = "",
) -> AsyncIterator[Line]:
    """A connection to the gateway or to anything else; `name` is the server's in the TLS handshake."""
    async with asyncio.timeout(DEADLINE):
        if unix is not None:
            reader, writer = await asyncio.open_unix_connection(unix)
        else:
            server_name = (name or host) if tls else None
            reader, writer = await asyncio.open_connection(host, port, ssl=tls, server_hostname=server_name)
    try:
        yield Line(reader=reader, writer=writer)
    finally:
        writer.close()
        with suppress(ConnectionError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), 1)


def request(method: str, target: str, *fields: tuple[str, str], host: str = "localhost", body: bytes = b"") -> bytes:
    """The bytes of an ordinary request; whatever is not ordinary is better written out in the test."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in fields)]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
