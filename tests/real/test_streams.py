"""What passes unchanged between a client and real Node-RED: streams, large bodies, websockets."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientResponse
from yarl import URL

from tests.peers.changes import DEADLINE
from tests.peers.frames import BINARY, CLOSE, PING, TEXT, Frame
from tests.peers.gateway import Visitor, visitor
from tests.peers.talk import Line, Response, dial, request
from tests.real.place import HOST, Place

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

OF_THE_HOP = {"connection", "keep-alive", "date", "transfer-encoding"}
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
CLOSING = Frame(opcode=CLOSE, payload=(4001).to_bytes(2) + b"done")


@asynccontextmanager
async def streamed(who: Visitor, path: str) -> AsyncIterator[ClientResponse]:
    """An answer whose body is still to be read."""
    headers = {"Host": f"{HOST}:{who.site.port}", "Cookie": who.cookie(HOST)}
    async with who.session.get(URL(f"http://127.0.0.1:{who.site.port}{path}", encoded=True), headers=headers) as answer:
        yield answer


async def stream_more(who: Visitor, where: Place, **words: object) -> bool:
    """Let the flow say one more thing in its stream; whether somebody listens."""
    fields = {"Origin": where.origin, "Content-Type": "application/json"}
    answer = await who.request("POST", where.pages + "/api/stream", headers=fields, data=json.dumps(words))
    return bool((await answer.json())["open"])


async def test_r_69_events_arrive_as_they_are_sent_and_a_client_that_leaves_ends_its_stream(line: Place) -> None:
    async with visitor(line.site, "dora", HOST) as dora:
        async with streamed(dora, "/api/stream") as events:
            assert events.content_type == "text/event-stream"
            assert await events.content.readuntil(b"\n\n") == b"data: first\n\n"
            for word in ("second", "third"):
                assert await stream_more(dora, line, data=word)
                assert await events.content.readuntil(b"\n\n") == f"data: {word}\n\n".encode()
            assert await stream_more(dora, line, data="last", end=True)
            assert await events.content.read() == b"data: last\n\n"
        async with streamed(dora, "/api/stream") as events:
            await events.content.readuntil(b"\n\n")
            events.close()
        while await stream_more(dora, line, data="to nobody"):
            pass


@pytest.mark.parametrize("chunked", [False, True])
async def test_r_69_twenty_megabytes_go_up(line: Place, chunked: bool) -> None:
    body = bytes(range(256)) * 80 * 1024
    parts = [body[at : at + 2**16] for at in range(0, len(body), 2**16)]
    head = f"POST /api/upload HTTP/1.1\r\nHost: {HOST}:{line.site.port}\r\nOrigin: {line.origin}\r\n"
    async with visitor(line.site, "dora", HOST) as dora, dial(line.site.port) as upload:
        head += f"Cookie: {dora.cookie(HOST)}\r\nContent-Type: application/octet-stream\r\n"
        if chunked:
            await upload.send(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
            await upload.send(*(b"%x\r\n%b\r\n" % (len(part), part) for part in parts), b"0\r\n\r\n")
        else:
            await upload.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode(), *parts)
        told = json.loads((await upload.response(seconds=30)).body)
    length = None if chunked else str(len(body))
    assert told == {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest(), "length": length}


async def test_r_69_eight_megabytes_come_down_as_node_red_sent_them(line: Place) -> None:
    path = f"/api/large?bytes={8 * 2**20}"
    async with visitor(line.site, "dora", HOST) as dora:
        through = await dora.request("GET", line.origin + path)
        direct = await dora.session.get(line.node.url + path)
        assert await through.read() == await direct.read()
        assert fields(through) == fields(direct)


def fields(answer: ClientResponse) -> dict[str, str]:
    """What an answer says beyond the connection it came on."""
    return {name.lower(): value for name, value in answer.headers.items() if name.lower() not in OF_THE_HOP}


@asynccontextmanager
async def websocket(where: Place, cookie: str, *offers: tuple[str, str]) -> AsyncIterator[tuple[Line, Response]]:
    """A websocket to the flow that says back what it hears: through the gateway with a cookie, or directly."""
    port = where.site.port if cookie else where.node.settings.port
    host = f"{HOST}:{port}"
    handshake = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
    handshake += [("Sec-WebSocket-Key", KEY), ("Origin", f"http://{host}"), *offers]
    handshake += [("Cookie", cookie)] if cookie else []
    async with dial(port) as talk:
        await talk.send(request("GET", "/ws/echo", *handshake, host=host))
        yield talk, await talk.response()


OFFERS = [
    [],
    [("Sec-WebSocket-Protocol", "chat, superchat")],
    [("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")],
]


@pytest.mark.parametrize("offers", OFFERS, ids=["nothing offered", "subprotocols", "permessage-deflate"])
async def test_a_websocket_is_what_it_is_without_a_gateway(line: Place, offers: list[tuple[str, str]]) -> None:
    """Answer to the offers, text, binary, pings and the closing code, byte for byte."""
    async with visitor(line.site, "dora", HOST) as dora:
        heard = [await _conversation(line, cookie, offers) for cookie in (dora.cookie(HOST), "")]
    assert heard[0] == heard[1]
    answer, frames = heard[0]
    assert [frame.opcode for frame in frames] == [TEXT, BINARY, PING + 1, CLOSE]
    assert frames[1].payload == bytes(range(256)) * 300
    assert frames[-1].payload[:2] == (4001).to_bytes(2)
    if offers and "Protocol" in offers[0][0]:
        assert (b"sec-websocket-protocol", b"chat") in answer


async def _conversation(
    where: Place, cookie: str, offers: list[tuple[str, str]]
) -> tuple[set[tuple[bytes, bytes]], list[Frame]]:
    async with websocket(where, cookie, *offers) as (talk, answer):
        assert answer.status == 101
        frames = []
        for opcode, payload in (
            (TEXT, "grüß dich".encode()),
            (BINARY, bytes(range(256)) * 300),
            (PING, b"are you there"),
        ):
            await talk.say(opcode, payload)
            frames.append(await talk.hear(seconds=DEADLINE))
        await talk.say(CLOSE, CLOSING.payload)
        frames.append(await talk.hear())
        assert await talk.rest() == b""
    return {(name.lower(), value) for name, value in answer.headers if name.lower() != b"date"}, frames
