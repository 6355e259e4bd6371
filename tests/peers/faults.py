"""A network that fails as told: a TCP proxy between the gateway and whatever it talks to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.peers.changes import Changes
from tests.peers.upstream import reset

SLICE = 4096


@dataclass(kw_only=True)
class Wire:
    """One connection through the link, and both of its ends."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    to_client: int = 0
    to_server: int = 0


@dataclass(kw_only=True)
class Link:
    """What happens on the way; each setting holds from the next bytes on and can be changed at any time.

    `delay` is in seconds, for every slice of at most 4 KiB and each way; `rate` in bytes per second each way;
    `cut_after` counts the bytes that reach a client before its connection is reset; `black_hole` swallows both ways.
    """

    target: tuple[str, int]
    port: int = 0
    delay: float = 0
    rate: float | None = None
    cut_after: int | None = None
    black_hole: bool = False
    wires: list[Wire] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)
    listener: asyncio.Server | None = None
    running: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def accept(self) -> None:
        """Listen, again at the same port if it listened before."""
        self.listener = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self.listener.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Refuse new connections; those that are open stay."""
        if self.listener is not None:
            self.listener.close()
            self.listener = None

    def reset(self) -> None:
        """Reset every open connection on both sides."""
        for wire in self.wires:
            reset(wire.client)
            reset(wire.server)

    def half_close(self) -> None:
        """Tell every client that no more will come, while what it sends still passes."""
        for wire in self.wires:
            wire.client.write_eof()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.running.add(task)
        task.add_done_callback(self.running.discard)
        try:
            up_reader, up_writer = await asyncio.open_connection(*self.target)
        except OSError:
            reset(writer)
            return
        wire = Wire(client=writer, server=up_writer)
        self.wires.append(wire)
        self.changes.told()
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._to_server(reader, wire))
                ways.create_task(self._to_client(up_reader, wire))
        finally:
            self.wires.remove(wire)
            writer.close()
            up_writer.close()
            self.changes.told()

    async def _to_server(self, reader: asyncio.StreamReader, wire: Wire) -> None:
        with suppress(ConnectionError):
            while data := await self._slice(reader):
                wire.server.write(data)
                await wire.server.drain()
                wire.to_server += len(data)
                self.changes.told()
            _end(wire.server)

    async def _to_client(self, reader: asyncio.StreamReader, wire: Wire) -> None:
        with suppress(ConnectionError):
            while data := await self._slice(reader):
                if self.cut_after is not None:
                    data = data[: self.cut_after - wire.to_client]
                wire.client.write(data)
                await wire.client.drain()
                wire.to_client += len(data)
                self.changes.told()
                if self.cut_after is not None and wire.to_client >= self.cut_after:
                    reset(wire.client)
                    reset(wire.server)
                    return
            _end(wire.client)

    async def _slice(self, reader: asyncio.StreamReader) -> bytes:
        """The next bytes that may pass, when they may pass; nothing at the end of the stream."""
        while data := await reader.read(SLICE):
            if self.delay:
                await asyncio.sleep(self.delay)
            if self.rate:
                await asyncio.sleep(len(data) / self.rate)
            if not self.black_hole:
                return data
        return b""


def _end(writer: asyncio.StreamWriter) -> None:
    if writer.can_write_eof() and not writer.is_closing():
        writer.write_eof()


@asynccontextmanager
async def faults(host: str, port: int) -> AsyncIterator[Link]:
    """A link to `host:port` that passes everything until it is told otherwise."""
    link = Link(target=(host, port))
    await link.accept()
    try:
        yield link
    finally:
        await link.refuse()
        for task in link.running:
            task.cancel()
        await asyncio.gather(*link.running, return_exceptions=True)
