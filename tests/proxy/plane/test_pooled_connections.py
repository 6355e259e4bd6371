"""Connections to an instance that were made to wait carry the next exchange as well."""

import asyncio
import socket
from pathlib import Path

from tests.peers.answers import by_path, plain
from tests.peers.talk import Line, request
from tests.peers.upstream import Answer, upstream
from tests.proxy.inspection.house import HOST, House, house

SIZES = range(2 * 2**20, 6 * 2**20, 2**17)
"""Some of these fill every buffer on the way to within their last part."""


async def narrow_line(gate: House) -> Line:
    """A connection with a small window, so that the gateway soon has to wait for its reader."""
    near = socket.socket()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    near.setblocking(False)
    await asyncio.get_running_loop().sock_connect(near, ("127.0.0.1", gate.port))
    reader, writer = await asyncio.open_connection(sock=near, limit=4096)
    return Line(reader=reader, writer=writer)


async def test_a_slow_reader_leaves_no_connection_behind_that_nobody_reads(tmp_path: Path) -> None:
    """What an instance's connection was made to wait for is over when it goes back into the pool."""
    sizes: dict[str, Answer] = {f"/large/{size}": plain(bytes(size)) for size in SIZES}
    async with (
        upstream(by_path({**sizes, "/small": plain(b"small")})) as instance,
        house(tmp_path, instance.url) as gate,
    ):
        cookie, host = ("Cookie", await gate.log_in("dan")), f"{HOST}:{gate.port}"
        lines = [await narrow_line(gate) for _ in SIZES]
        for line, size in zip(lines, SIZES, strict=True):
            await line.send(request("GET", f"/large/{size}", cookie, host=host))
        await instance.until(lambda: len(instance.requests) == len(SIZES))
        for line, size in zip(lines, SIZES, strict=True):
            assert len((await line.response()).body) == size
        for line in lines:
            await line.send(request("GET", "/small", cookie, host=host))
        for line in lines:
            assert (await line.response(seconds=5)).body == b"small"
            line.close()
