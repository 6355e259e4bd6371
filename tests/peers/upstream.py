"""An instance made of bytes: it records exactly what reached it and answers as a test tells it to (see answers.py).

async with upstream(by_path({"/": plain(b"hello"), "/events": events(b"1", b"2")})) as instance:
    ...
assert instance.requests[0].target == b"/"
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import SupportsIndex

from typing_extensions import override

from tests.peers.changes import DEADLINE, Changes
from tests.peers.frames import Frame

Fields = Sequence[tuple[bytes, bytes]]
LIMIT = 64 * 1024 * 1024


class RecordingReader(asyncio.StreamReader):
    """Keeps every byte that arrived, whether or not anybody read it."""

    def __init__(self, changes: Changes) -> None:
        super().__init__(limit=LIMIT)
        self.seen = bytearray()
        self._changes = changes

    @override
    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        arrived = bytes(data)
        self.seen += arrived
        super().feed_data(arrived)
        self._changes.told()

    @override
    def feed_eof(self) -> None:
        super().feed_eof()
        self._changes.told()


@dataclass(kw_only=True)
class Request:
    """One request as this side understood it: a strict reading by RFC 9112, `body` filled once it was read."""

    method: bytes
    target: bytes
    head: bytes
    headers: Fields
    body: bytes = b""

    def values(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def value(self, name: bytes) -> bytes | None:
        """The one value of `name`; a test that meets it twice has found something."""
        values = self.values(name)
        assert len(values) < 2, f"{name!r} came {len(values)} times"
        return values[0] if values else None


@dataclass(kw_only=True)
class Exchange:
    """What an answer works with: the request, the connection it came on, and how to end that connection."""

    request: Request
    reader: RecordingReader
    writer: asyncio.StreamWriter
    instance: "Upstream"
    body_read: bool = False
    reusable: bool = True

    async def body(self) -> bytes:
        """Read the request's body to its end."""
        if not self.body_read:
            self.request.body = await read_body(self.reader, self.request.headers)
            self.body_read = True
            self.instance.changes.told()
        return self.request.body

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def gone(self) -> None:
        """Wait until the other side has closed; what it still sends is recorded."""
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass

    def close(self) -> None:
        self.reusable = False
        self.writer.close()

    def reset(self) -> None:
        """End the connection by RST instead of FIN."""
        self.reusable = False
        reset(self.writer)


Answer = Callable[[Exchange], Awaitable[None]]


@dataclass(kw_only=True)
class Upstream:
    """A running one. `connections` holds what came on each connection so far, byte by byte."""

    answer: Answer
    url: str = ""
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    connections: list[RecordingReader] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)

    async def until(self, holds: Callable[[], object], *, seconds: float = DEADLINE) -> None:
        """Wait for something to have reached this side."""
        await self.changes.until(holds, seconds=seconds)

    @property
    def open_connections(self) -> int:
        return sum(not writer.is_closing() and not reader.at_eof() for reader, writer in self._both())

    def close_idle(self) -> None:
        """Close every connection now, as a server does with those that were idle for too long."""
        for writer in self.writers:
            writer.close()

    def _both(self) -> Sequence[tuple[RecordingReader, asyncio.StreamWriter]]:
        return list(zip(self.connections, self.writers, strict=True))

    async def serve(self, reader: RecordingReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(reader)
        self.writers.append(writer)
        self.changes.told()
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._one(reader, writer):
                    pass
        finally:
            writer.close()

    async def _one(self, reader: RecordingReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; false when the connection is not to be used again."""
        request = await read_request(reader)
        self.requests.append(request)
        self.changes.told()
        exchange = Exchange(request=request, reader=reader, writer=writer, instance=self)
        await self.answer(exchange)
        if exchange.reusable:
            await exchange.body()
        return exchange.reusable and b"close" not in [value.lower() for value in request.values(b"connection")]


@asynccontextmanager
async def upstream(
    answer: Answer, *, tls: ssl.SSLContext | None = None, unix: Path | None = None, port: int = 0
) -> AsyncIterator[Upstream]:
    """Listen on a port of the kernel's choice, on `port`, or on the unix socket `unix`, until the block ends."""
    instance = Upstream(answer=answer)
    serving: set[asyncio.Task[None]] = set()
    loop = asyncio.get_running_loop()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(reader, RecordingReader)
        task = loop.create_task(instance.serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    def protocol() -> asyncio.Protocol:
        return asyncio.StreamReaderProtocol(RecordingReader(instance.changes), accepted)

    if unix is not None:
        server: asyncio.Server = await loop.create_unix_server(protocol, unix)
        instance.url = f"http+unix://{unix}"
    else:
        server = await loop.create_server(protocol, "127.0.0.1", port, ssl=tls)
        instance.port = server.sockets[0].getsockname()[1]
        instance.url = f"https://localhost:{instance.port}" if tls else f"http://127.0.0.1:{instance.port}"
    try:
        yield instance
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def read_request(reader: asyncio.StreamReader) -> Request:
    head = await reader.readuntil(b"\r\n\r\n")
    start, *lines = head[:-4].split(b"\r\n")
    method, target, _ = start.split(b" ")
    return Request(method=method, target=target, head=head, headers=[_field(line) for line in lines])


async def read_body(reader: asyncio.StreamReader, headers: Fields) -> bytes:
    """The body of a message with these fields (RFC 9112 section 6.3), chunks joined, trailers read and dropped."""
    named = {name.lower(): value for name, value in headers}
    if named.get(b"transfer-encoding", b"").lower() == b"chunked":
        return await _read_chunks(reader)
    return await reader.readexactly(int(named.get(b"content-length", b"0")))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += await reader.readexactly(size)
        assert await reader.readexactly(2) == b"\r\n"
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return bytes(body)


def _field(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name, value.strip()


def reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side sees a connection reset: nothing lingers (SO_LINGER with zero seconds)."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
