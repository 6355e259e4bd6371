"""Writes to an instance are put on record on the way, and nobody on either side can tell, on either lane."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.lanes.stage import Stage, stage
from tests.lanes.test_comparison import comparable, received, told
from tests.peers import answers
from tests.peers.upstream import Answer, Exchange, Request, Upstream
from tests.proxy.nodered.admin_routes import ROUTES

MIB = 1024 * 1024
JSON = b"Content-Type: application/json"
FLOWS = json.dumps({"flows": [{"id": "a", "type": "comment"}], "rev": "r1"}).encode()


async def node_red(exchange: Exchange) -> None:
    """Answers what reads with flows, and what writes with what was written."""
    body = await exchange.body()
    kind = (b"Content-Type", b"application/json")
    if exchange.request.method == b"GET":
        await answers.plain(FLOWS, kind)(exchange)
    else:
        told = json.dumps({"rev": "r2", "bytes": len(body)}).encode()
        await answers.plain(told, kind, (b"X-Two", b"1"), (b"X-Two", b"2"), (b"ETag", b'"x"'))(exchange)


@asynccontextmanager
async def on_stage(
    folder: Path, answer: Answer, *, fast_lane: bool, **more: object
) -> AsyncIterator[tuple[Stage, Upstream]]:
    async with stage(folder, answer, fast_lane=fast_lane, **more) as both:  # type: ignore[arg-type]
        yield both


def written(instance: Upstream) -> list[Request]:
    """What reached the instance in a visitor's name."""
    return [request for request in instance.requests if request.value(b"X-Flowward-User") is not None]


WRITES = [
    (method.encode(), path.encode()) for method, path, _ in ROUTES if method != "GET" and not path.startswith("auth/")
]
BODIES: list[tuple[tuple[bytes, ...], bytes]] = [
    ((JSON, b"Content-Length: %d" % len(FLOWS)), FLOWS),
    ((JSON, b"Transfer-Encoding: chunked"), b"%x;a=b\r\n%b\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(FLOWS), FLOWS)),
    ((b"Content-Length: 0",), b""),
    ((b"Content-Encoding: gzip", b"Content-Length: 10"), gzip.compress(FLOWS)[:10]),
    ((JSON, b"Node-RED-API-Version: v2", b"Node-RED-Deployment-Type: reload", b"Content-Length: 2"), b"{}"),
]


async def outcomes(folder: Path, fast_lane: bool) -> list[object]:
    found: list[object] = []
    async with on_stage(folder, node_red, fast_lane=fast_lane) as (gate, instance):
        for method, path in WRITES:
            for fields, body in BODIES:
                before, port = len(written(instance)), gate.site.port
                async with gate.line() as line:
                    await line.send(gate.head(method + b" /admin/" + path, *fields) + body)
                    answer = await line.response(to=method)
                reached = [received(request, port) for request in written(instance)[before:]]
                seen = answer.status, comparable(answer.headers, port), told(answer.body, port)
                found.append((method, path, fields, seen, reached))
                assert len(reached) == 1, (method, path)
    return found


async def test_both_lanes_carry_every_write_alike(tmp_path: Path) -> None:
    fast, other = await outcomes(tmp_path / "fast", True), await outcomes(tmp_path / "other", False)
    for one, two in zip(fast, other, strict=True):
        assert one == two


async def test_a_deploy_reaches_the_instance_byte_for_byte(tmp_path: Path, fast_lane: bool) -> None:
    async with on_stage(tmp_path, node_red, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        odd = b' {"rev" : "r1",\r\n "flows":[ {"id":"a", "x":1.0, "name":"\\u00e4\xc3\xa4" } ] }\n'
        fields = (JSON, b"Content-Length: %d" % len(odd), b"Node-RED-API-Version: v2")
        await line.send(gate.head(b"POST /admin/flows", *fields) + odd)
        answer = await line.response()
        assert (answer.status, answer.body) == (200, b'{"rev": "r2", "bytes": %d}' % len(odd))
        assert answer.values(b"X-Two") == [b"1", b"2"]
        [request] = written(instance)
        assert (request.body, request.values(b"Content-Length")) == (odd, [b"%d" % len(odd)])


@pytest.mark.parametrize("path", [b"flows", b"library/local/flows/x.json"])
async def test_twenty_megabytes_go_up_and_are_not_held_in_memory(tmp_path: Path, fast_lane: bool, path: bytes) -> None:
    """While an instance takes nothing, little more than 8 MiB is taken from the client."""
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        if exchange.request.method == b"GET":
            await answers.plain(FLOWS)(exchange)
            return
        transport = exchange.writer.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        reached.set()
        await go_on.wait()
        transport.resume_reading()
        await node_red(exchange)

    async with on_stage(tmp_path, slow, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        body = bytes(range(256)) * 80 * 1024
        await line.send(gate.head(b"POST /admin/" + path, b"Content-Length: %d" % len(body)))
        line.writer.write(body)
        await reached.wait()
        await _stalls(line.writer)
        held = len(body) - _waiting(line.writer)
        assert held < 20 * MIB
        go_on.set()
        await line.writer.drain()
        assert (await line.response(seconds=30)).status == 200
        assert written(instance)[0].body == body


def _waiting(writer: asyncio.StreamWriter) -> int:
    return writer.transport.get_write_buffer_size()


async def _stalls(writer: asyncio.StreamWriter) -> None:
    """Wait until no more is taken of what is being sent."""
    before = -1
    while _waiting(writer) != before:
        before = _waiting(writer)
        await asyncio.sleep(0.3)  # silence is what is waited for
    assert before > 0


async def test_a_client_that_waits_for_100_is_told_once(tmp_path: Path, fast_lane: bool) -> None:
    async with on_stage(tmp_path, node_red, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        fields = (b"Expect: 100-continue", JSON, b"Content-Length: %d" % len(FLOWS))
        await line.send(gate.head(b"POST /admin/flows", *fields))
        assert (await line.interim()).status == 100
        await line.send(FLOWS)
        assert (await line.interim()).status == 200
        assert written(instance)[0].body == FLOWS


async def test_an_early_answer_ends_the_upload(tmp_path: Path, fast_lane: bool) -> None:
    async with on_stage(tmp_path, answers.early(413), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"POST /admin/flows", b"Content-Length: 1000000"), bytes(70_000))
        answer = await line.response()
        assert (answer.status, answer.body) == (413, b"too much")
        line.half_close()
        assert await line.rest() == b""
        await instance.until(lambda: not instance.open_connections)


@pytest.mark.parametrize("path", [b"flows", b"library/local/flows/x.json"])
async def test_a_client_that_goes_away_ends_its_upload(tmp_path: Path, fast_lane: bool, path: bytes) -> None:
    async with on_stage(tmp_path, node_red, fast_lane=fast_lane) as (gate, instance):
        async with gate.line() as line:
            await line.send(gate.head(b"POST /admin/" + path, b"Content-Length: 1000") + b"hello")
            await instance.until(lambda: written(instance))
        await instance.until(lambda: all(reader.at_eof() for reader in _writing(instance)), seconds=1)


def _writing(instance: Upstream) -> list[asyncio.StreamReader]:
    return [reader for reader in instance.connections if b"hello" in bytes(reader.seen)]


@pytest.mark.parametrize(
    "opening",
    [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{half",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{half",
    ],
)
async def test_half_an_answer_is_never_taken_for_a_whole_one(tmp_path: Path, fast_lane: bool, opening: bytes) -> None:
    async with on_stage(tmp_path, answers.raw(opening, close=True), fast_lane=fast_lane) as (gate, _):
        async with gate.line() as line:
            await line.send(gate.head(b"POST /admin/inject/a", b"Content-Length: 0"))
            answer = await line.rest()
            assert b"0\r\n\r\n" not in answer
            assert b"HTTP/1.1" not in answer[8:]


async def test_an_answer_that_goes_on_for_long_is_passed_on_as_it_comes(tmp_path: Path, fast_lane: bool) -> None:
    """Only its beginning is looked at, and not waited for beyond two seconds."""
    kind = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    go_on = asyncio.Event()

    async def long(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.send(kind, b"1\r\n[\r\n")
        await go_on.wait()
        await exchange.send(b"%x\r\n" % MIB + b" " * MIB + b"\r\n1\r\n]\r\n0\r\n\r\n")

    async with on_stage(tmp_path, long, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"POST /admin/inject/a", b"Content-Length: 0", b"Connection: close"))
        assert b"[" in await line.until(b"[", seconds=4)
        go_on.set()
        assert (await line.rest(seconds=10)).count(b" ") >= MIB
