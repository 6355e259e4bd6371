"""The peers of bytes keep their promises to each other: client, network and instance, without a gateway."""

import ssl
from pathlib import Path

import pytest

from tests.peers import answers
from tests.peers.faults import faults
from tests.peers.frames import BINARY, CLOSE, PING, PONG, TEXT, Frame
from tests.peers.talk import dial, request
from tests.peers.upstream import Answer, upstream

GET = request("GET", "/")
UPGRADE = request(
    "GET",
    "/ws",
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
)


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (answers.plain(b"hello"), 200, b"hello"),
        (answers.plain(b"", status=503), 503, b""),
        (answers.chunked(b"hel", b"lo", trailers=[(b"X-Sum", b"5")]), 200, b"hello"),
        (answers.until_close(b"hel", b"lo"), 200, b"hello"),
        (answers.bodiless(204), 204, b""),
        (answers.bodiless(304, (b"Content-Length", b"5")), 304, b""),
        (answers.interim(103, then=answers.plain(b"hello")), 200, b"hello"),
        (answers.slow(b"hel", b"lo", gap=0.001), 200, b"hello"),
        (answers.early(), 413, b"too much"),
        (answers.both_framings(b"hello"), 200, b"hello"),
    ],
)
async def test_each_answer_reads_as_its_name_says(answer: Answer, status: int, body: bytes) -> None:
    async with upstream(answer) as instance, dial(instance.port) as line:
        await line.send(GET)
        got = await line.response()
    assert (got.status, got.body) == (status, body)


async def test_a_head_request_gets_the_length_and_no_body() -> None:
    async with upstream(answers.plain(b"hello")) as instance, dial(instance.port) as line:
        await line.send(request("HEAD", "/"), GET)
        assert (await line.response(to=b"HEAD")).value(b"content-length") == b"5"
        assert (await line.response()).body == b"hello"
    assert len(instance.connections) == 1


async def test_every_byte_that_arrived_is_recorded_also_those_that_nobody_read() -> None:
    sent = request("POST", "/up", body=b"x" * 10)
    async with upstream(answers.drop) as instance, dial(instance.port) as line:
        await line.send(sent)
        assert await line.rest() == b""
    assert bytes(instance.connections[0].seen).startswith(sent[:-10])


async def test_a_surplus_answer_and_a_stale_connection_can_be_told_apart() -> None:
    async with upstream(answers.in_turn(answers.surplus(b"one", b"two"), answers.drop)) as instance:
        async with dial(instance.port) as line:
            await line.send(GET)
            assert [(await line.response()).body for _ in range(2)] == [b"one", b"two"]
            await line.send(GET)
            assert await line.rest() == b""


async def test_a_websocket_comes_back_bit_for_bit() -> None:
    async with upstream(answers.echo(protocol=b"chat", extensions=b"permessage-deflate")) as instance:
        async with dial(instance.port) as line:
            await line.send(UPGRADE)
            welcome = await line.response()
            await line.say(TEXT, b"\xca\x48\xcd\xc9\xc9\x07\x00", rsv=4)
            await line.say(BINARY, bytes(70_000), fin=False)
            await line.say(PING, b"?")
            await line.say(CLOSE, b"\x0f\xa0bye")
            heard = [await line.hear() for _ in range(4)]
            assert await line.rest() == b""
    assert welcome.value(b"sec-websocket-accept") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert welcome.value(b"sec-websocket-protocol") == b"chat"
    assert heard == [
        Frame(opcode=TEXT, payload=b"\xca\x48\xcd\xc9\xc9\x07\x00", rsv=4),
        Frame(opcode=BINARY, payload=bytes(70_000), fin=False),
        Frame(opcode=PONG, payload=b"?"),
        Frame(opcode=CLOSE, payload=b"\x0f\xa0bye"),
    ]


async def test_an_instance_listens_at_a_unix_socket(tmp_path: Path) -> None:
    async with (
        upstream(answers.plain(b"hello"), unix=tmp_path / "red") as instance,
        dial(unix=tmp_path / "red") as line,
    ):
        await line.send(GET)
        assert (await line.response()).body == b"hello"
    assert instance.url == f"http+unix://{tmp_path}/red"


async def test_an_instance_speaks_tls_with_a_certificate_of_a_private_authority(
    server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
) -> None:
    async with upstream(answers.plain(b"hello"), tls=server_tls) as instance:
        async with dial(instance.port, tls=client_tls, name="localhost") as line:
            await line.send(GET)
            assert (await line.response()).body == b"hello"


async def test_a_link_cuts_after_the_bytes_it_was_told() -> None:
    async with upstream(answers.plain(bytes(10_000))) as instance, faults("127.0.0.1", instance.port) as link:
        link.cut_after = 5_000
        async with dial(link.port) as line:
            await line.send(GET)
            assert len(await line.rest()) <= 5_000


async def test_a_link_refuses_and_accepts_again_at_the_same_port() -> None:
    async with upstream(answers.plain(b"hello")) as instance, faults("127.0.0.1", instance.port) as link:
        await link.refuse()
        with pytest.raises(ConnectionRefusedError):
            async with dial(link.port):
                pass
        await link.accept()
        async with dial(link.port) as line:
            await line.send(GET)
            assert (await line.response()).body == b"hello"


async def test_a_link_swallows_everything_and_then_resets() -> None:
    async with upstream(answers.plain(b"hello")) as instance, faults("127.0.0.1", instance.port) as link:
        link.black_hole = True
        async with dial(link.port) as line:
            await line.send(GET)
            assert await line.quiet() == b""
            link.reset()
            assert await line.rest() == b""
    assert not instance.requests


async def test_a_link_closes_one_way_and_carries_the_other() -> None:
    async with upstream(answers.never) as instance, faults("127.0.0.1", instance.port) as link:
        async with dial(link.port) as line:
            await line.send(GET)
            await instance.until(lambda: instance.requests)
            link.half_close()
            assert await line.rest() == b""
            await line.send(b"still here")
            await instance.until(lambda: instance.connections[0].seen.endswith(b"still here"))
