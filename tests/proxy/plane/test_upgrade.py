"""Websockets of the other lane are carried as the plane carries its own."""

from pathlib import Path

import pytest

from tests.peers.answers import by_path, drop, echo, plain
from tests.peers.frames import BINARY, CLOSE, TEXT
from tests.peers.talk import dial, request
from tests.peers.upstream import Exchange, upstream
from tests.proxy.inspection.house import HOST, House, house

BOTH = pytest.mark.parametrize("fast_lane", [True, False], ids=["fast lane", "aiohttp lane"])
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def upgrade(gate: House, path: str, cookie: str, *more: tuple[str, str]) -> bytes:
    fields = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", KEY)]
    fields += [("Sec-WebSocket-Version", "13"), ("Origin", gate.origin), ("Cookie", cookie), *more]
    return request("GET", path, *fields, host=f"{HOST}:{gate.port}")


@BOTH
async def test_messages_pass_bit_for_bit(tmp_path: Path, fast_lane: bool) -> None:
    wanted = ("Sec-WebSocket-Protocol", "chat"), ("Sec-WebSocket-Extensions", "permessage-deflate")
    answers = by_path({"/ws/echo": echo(protocol=b"chat", extensions=b"permessage-deflate")})
    async with upstream(answers) as instance, house(tmp_path, instance.url, fast_lane=fast_lane) as gate:
        async with dial(gate.port) as line:
            await line.send(upgrade(gate, "/ws/echo", await gate.log_in("dan"), *wanted))
            switched = await line.response()
            assert switched.status == 101
            assert switched.value(b"Sec-WebSocket-Protocol") == b"chat"
            assert switched.value(b"Sec-WebSocket-Extensions") == b"permessage-deflate"
            assert switched.value(b"Sec-WebSocket-Accept") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
            await line.say(TEXT, b"\xaa\xbb", rsv=4)
            assert (await line.hear()).rsv == 4
            await line.say(BINARY, bytes(range(256)) * 300)
            assert (await line.hear()).payload == bytes(range(256)) * 300
            await line.say(CLOSE, b"\x0f\xa1why")
            assert (await line.hear()).payload == b"\x0f\xa1why"
            assert await line.rest() == b""
        [asked] = instance.requests
        assert asked.value(b"X-Flowward-User") == b"dan"
        assert asked.value(b"Cookie") is None


@BOTH
async def test_what_comes_together_with_the_heads_is_not_lost(tmp_path: Path, fast_lane: bool) -> None:
    """Neither a frame the client sends right after its head, nor one the instance sends right after its own."""
    greeting = b"\x81\x02hi"
    async with upstream(by_path({"/ws/echo": echo(first=greeting)})) as instance:
        async with house(tmp_path, instance.url, fast_lane=fast_lane) as gate, dial(gate.port) as line:
            frame = b"\x81\x85\x00\x00\x00\x00early"
            await line.send(upgrade(gate, "/ws/echo", await gate.log_in("dan")) + frame)
            assert (await line.response()).status == 101
            assert (await line.hear()).payload == b"hi"
            assert (await line.hear()).payload == b"early"


@BOTH
async def test_a_refusal_of_the_instance_is_the_clients_to_read(tmp_path: Path, fast_lane: bool) -> None:
    answers = by_path({"/ws/echo": plain(b"upgrade refused", (b"X-Why", b"full"), status=503)})
    async with upstream(answers) as instance, house(tmp_path, instance.url, fast_lane=fast_lane) as gate:
        async with dial(gate.port) as line:
            await line.send(upgrade(gate, "/ws/echo", await gate.log_in("dan")))
            refused = await line.response()
            assert (refused.status, refused.body, refused.value(b"X-Why")) == (503, b"upgrade refused", b"full")
            assert await line.rest() == b""


@BOTH
async def test_an_instance_that_hangs_up_is_a_bad_gateway(tmp_path: Path, fast_lane: bool) -> None:
    async with upstream(drop) as instance, house(tmp_path, instance.url, fast_lane=fast_lane) as gate:
        async with dial(gate.port) as line:
            await line.send(upgrade(gate, "/ws/echo", await gate.log_in("dan")))
            refused = await line.response()
            assert refused.status == 502
            assert refused.value(b"Content-Type") == b"application/problem+json"


@BOTH
async def test_the_end_of_a_session_ends_its_sockets(tmp_path: Path, fast_lane: bool) -> None:
    answers = by_path({"/ws/echo": echo()})
    async with upstream(answers) as instance, house(tmp_path, instance.url, fast_lane=fast_lane) as gate:
        async with dial(gate.port) as line:
            await line.send(upgrade(gate, "/ws/echo", await gate.log_in("dan")))
            assert (await line.response()).status == 101
            assert len(gate.gateway.live) == 1
            [session] = await gate.store.shared.sessions_of("u-dan")
            await gate.store.shared.end_session(session.id)
            ended = await line.hear(seconds=1)
            assert (ended.opcode, ended.payload[:2]) == (CLOSE, (4401).to_bytes(2))
        await instance.until(lambda: not instance.open_connections)
        assert not len(gate.gateway.live)


@BOTH
async def test_a_right_that_is_lost_while_a_socket_is_made_ends_the_socket(tmp_path: Path, fast_lane: bool) -> None:
    """Nobody could close what was not open yet when the change was seen."""

    async def after_the_change(exchange: Exchange) -> None:
        await gate.change("dan", None)
        await gate.gateway.watch.look()
        await echo()(exchange)

    async with upstream(by_path({"/ws/echo": after_the_change})) as instance:
        async with house(tmp_path, instance.url, fast_lane=fast_lane) as gate, dial(gate.port) as line:
            await line.send(upgrade(gate, "/ws/echo", await gate.log_in("dan")))
            assert (await line.response()).status == 101
            ended = await line.hear(seconds=1)
            assert (ended.opcode, ended.payload[:2]) == (CLOSE, (4403).to_bytes(2))


async def test_sockets_of_the_other_lane_count_as_connections_and_are_recorded(tmp_path: Path) -> None:
    async with upstream(by_path({"/ws/echo": echo()})) as instance:
        async with house(tmp_path, instance.url, fast_lane=False) as gate, dial(gate.port) as line:
            await line.send(upgrade(gate, "/ws/echo", await gate.log_in("dan")))
            assert (await line.response()).status == 101
            assert gate.gateway.traffic.tally("acme/plant/line-3", "endpoint").outcomes[1] == 1
            assert not gate.gateway.plane.clients
