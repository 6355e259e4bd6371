"""Websockets pass bit for bit, and end within a second when the session, the role or the instance does."""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from proxy.model.access import Reason
from proxy.model.audit import Event
from proxy.model.identity import Person, User
from proxy.services.clock import Clock
from proxy.store import PutPerson
from tests.lanes.stage import HOST, Stage, stage
from tests.peers.answers import by_path, echo, head, plain
from tests.peers.frames import BINARY, CLOSE, PING, PONG, TEXT, accept_key
from tests.peers.talk import Line
from tests.peers.upstream import Exchange

AT_ONCE = 1.0
"""Seconds within which an open socket ends: our first promise."""
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
SOCKETS = by_path({"/ws": echo(), "*": plain(b"ok")})


def upgrade(gate: Stage, path: bytes = b"/ws", *more: bytes, cookie: bytes | None = None) -> bytes:
    fields = b"Connection: keep-alive, Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"
    origin = [] if any(line.startswith(b"Origin") for line in more) else [b"Origin: " + gate.origin]
    return gate.head(b"GET " + path, *fields, b"Sec-WebSocket-Key: " + KEY, *origin, *more, cookie=cookie)


async def opened(gate: Stage, line: Line, path: bytes = b"/ws", *more: bytes, cookie: bytes | None = None) -> None:
    await line.send(upgrade(gate, path, *more, cookie=cookie))
    assert (await line.response()).status == 101


async def closed(line: Line) -> int:
    """The code it is closed with, heard at once."""
    async with asyncio.timeout(AT_ONCE):
        frame = await line.hear()
        assert frame.opcode == CLOSE
        assert await line.rest() == b""
    return int.from_bytes(frame.payload[:2])


async def test_messages_pass_bit_for_bit(tmp_path: Path, fast_lane: bool) -> None:
    answer = echo(protocol=b"chat", extensions=b"permessage-deflate")
    async with stage(tmp_path, by_path({"/ws": answer}), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        wanted = (
            b"Sec-WebSocket-Protocol: chat",
            b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
        )
        await line.send(upgrade(gate, b"/ws", *wanted))
        switched = await line.response()
        assert switched.value(b"Sec-WebSocket-Accept") == accept_key(KEY)
        assert switched.value(b"Sec-WebSocket-Protocol") == b"chat"
        assert switched.value(b"Sec-WebSocket-Extensions") == b"permessage-deflate"
        asked = instance.requests[0]
        assert asked.value(b"Sec-WebSocket-Extensions") == b"permessage-deflate; client_max_window_bits"
        assert (asked.value(b"Connection"), asked.value(b"Upgrade")) == (b"Upgrade", b"websocket")
        for opcode, payload, rsv in (
            (TEXT, b"\xaaV*\x01", 4),
            (BINARY, bytes(range(256)) * 1000, 0),
            (TEXT, b"", 0),
            (PING, b"are you there", 0),
        ):
            await line.say(opcode, payload, rsv=rsv)
            back = await line.hear()
            assert (back.opcode, back.payload, back.rsv) == (PONG if opcode == PING else opcode, payload, rsv)
        await line.say(CLOSE, b"\x0f\xa1why")
        assert (await line.hear()).payload == b"\x0f\xa1why"
        assert await line.rest() == b""


async def test_bytes_that_come_with_the_heads_are_not_lost(tmp_path: Path, fast_lane: bool) -> None:
    answers = by_path({"/ws": echo(first=b"\x81\x02hi")})
    async with stage(tmp_path, answers, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(upgrade(gate) + b"\x81\x85\x00\x00\x00\x00early")
        assert (await line.response()).status == 101
        assert (await line.hear()).payload == b"hi"
        assert (await line.hear()).payload == b"early"


async def test_a_websocket_behind_a_pipelined_request_loses_nothing(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, SOCKETS, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"GET /") + upgrade(gate) + b"\x81\x85\x00\x00\x00\x00early")
        assert (await line.response()).body == b"ok"
        assert (await line.response()).status == 101
        assert (await line.hear()).payload == b"early"


async def test_a_refusal_of_the_instance_is_the_clients_to_read(tmp_path: Path, fast_lane: bool) -> None:
    answers = by_path({"/ws": plain(b"no", (b"X-Why", b"full"), status=403)})
    async with stage(tmp_path, answers, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(upgrade(gate))
        refused = await line.response()
        assert (refused.status, refused.body, refused.value(b"X-Why")) == (403, b"no", b"full")


@pytest.mark.parametrize("origin", [b"http://evil.example", b"http://line-4.localhost", b"null", b""])
async def test_foreign_pages_open_no_socket(tmp_path: Path, fast_lane: bool, origin: bytes) -> None:
    """A sibling's page sends our cookie along, since it is of the same site."""
    async with stage(tmp_path, SOCKETS, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(upgrade(gate, b"/ws", b"Origin: " + origin))
        assert (await line.response()).status == 403
        assert instance.requests == []


async def test_the_end_of_one_side_is_passed_on(tmp_path: Path, fast_lane: bool) -> None:
    """Half a close is passed on as half a close, and two of them end the socket for good."""

    async def says_after_the_end(exchange: Exchange) -> None:
        fields = (b"Upgrade", b"websocket"), (b"Connection", b"Upgrade"), (b"Sec-WebSocket-Accept", accept_key(KEY))
        await exchange.send(head(101, *fields))
        await exchange.gone()
        await exchange.send(b"\x81\x04last")
        exchange.close()

    answers = by_path({"/ws": says_after_the_end})
    async with stage(tmp_path, answers, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await opened(gate, line)
        line.half_close()
        assert (await line.hear()).payload == b"last"
        assert await line.rest() == b""
        assert len(gate.running.gateway.live) == 0


async def test_an_instance_that_is_gone_ends_its_sockets(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, SOCKETS, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await opened(gate, line)
        instance.writers[-1].transport.abort()
        assert await line.rest(seconds=AT_ONCE) == b""


async def test_a_client_that_is_gone_ends_its_socket_at_the_instance(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, SOCKETS, fast_lane=fast_lane) as (gate, instance):
        async with gate.line() as line:
            await opened(gate, line)
            line.reset()
        await instance.until(lambda: not instance.open_connections, seconds=AT_ONCE)


# -- what ends


async def _session_ends(gate: Stage) -> None:
    await gate.end_sessions("max")


async def _role_is_lowered(gate: Stage) -> None:
    users = gate.site.estate["users"]
    assert isinstance(users, list)
    next(user for user in users if user["username"] == "max")["memberships"] = {}
    gate.site.write()
    await gate.running.reloader.reload()


async def _instance_is_removed(gate: Stage) -> None:
    gate.site.estate["instances"] = []
    gate.site.write()
    await gate.running.reloader.reload()


async def _drained(gate: Stage) -> None:
    gate.running.gateway.live.end_all(Reason.DRAINING)


Ends = Callable[[Stage], Awaitable[None]]


@pytest.mark.parametrize(
    ("ends", "code"),
    [(_session_ends, 4401), (_role_is_lowered, 4403), (_instance_is_removed, 4403), (_drained, 1012)],
    ids=["session ended", "role lowered", "instance removed", "draining"],
)
async def test_s_13_s_14_an_open_socket_ends_within_a_second(
    tmp_path: Path, fast_lane: bool, ends: Ends, code: int
) -> None:
    async with stage(tmp_path, SOCKETS, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await opened(gate, line)
        await line.say(TEXT, b"still here")
        assert (await line.hear()).payload == b"still here"
        await ends(gate)
        assert await closed(line) == code
        await instance.until(lambda: not instance.open_connections, seconds=AT_ONCE)


async def test_a_close_never_comes_within_a_frame(tmp_path: Path, fast_lane: bool) -> None:
    """Where the instance is in the middle of one, the connection is cut instead."""

    async def half_a_frame(exchange: Exchange) -> None:
        fields = (b"Upgrade", b"websocket"), (b"Connection", b"Upgrade"), (b"Sec-WebSocket-Accept", accept_key(KEY))
        await exchange.send(head(101, *fields) + b"\x82\x7e\x10\x00half")
        await exchange.gone()

    answers = by_path({"/ws": half_a_frame})
    async with stage(tmp_path, answers, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await opened(gate, line)
        assert await line.until(b"half") == b"\x82\x7e\x10\x00half"
        await gate.end_sessions("max")
        assert await line.rest(seconds=AT_ONCE) == b""


async def test_a_user_suspended_from_a_terminal_is_out_within_a_second(tmp_path: Path, fast_lane: bool) -> None:
    """By another process, which can tell nobody but the store."""
    async with stage(tmp_path, SOCKETS, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        guest = Person(user=User(id="u-guest", username="guest", admin=True), memberships={})
        await gate.running.store.database.edit([PutPerson(person=guest)], [Event(event="user.added", at=0.0)])
        await opened(gate, line, cookie=await gate.log_in("guest"))
        await _command(gate, "user", "suspend", "guest")
        async with asyncio.timeout(AT_ONCE):
            assert (await line.hear()).opcode == CLOSE
            assert await line.rest() == b""


async def _command(gate: Stage, *words: str) -> None:
    command = [sys.executable, "-m", "proxy.cli", *words, "-c", str(gate.site.path)]
    quiet = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet, env=dict(os.environ))
    out, err = await process.communicate()
    assert process.returncode == 0, (out, err)


class Movable:
    """A clock that a test can put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    @property
    def clock(self) -> Clock:
        return Clock(wall=lambda: time.time() + self.ahead, steady=lambda: time.monotonic() + self.ahead)


@pytest.mark.parametrize("setting", ["absolute", "idle"])
async def test_an_open_socket_ends_with_the_time_of_its_session(tmp_path: Path, fast_lane: bool, setting: str) -> None:
    """An open socket is no activity, whatever goes over it."""
    times = {"absolute": {"absolute": "2h", "idle": "119m"}, "idle": {"absolute": "10h", "idle": "2h"}}[setting]
    movable = Movable()
    arranged = stage(tmp_path, SOCKETS, fast_lane=fast_lane, clock=movable.clock, session=times)
    async with arranged as (gate, _), gate.line() as line:
        await opened(gate, line)
        movable.ahead = 7000.0
        await gate.running.gateway.watch.look()
        await line.say(TEXT, b"still here")
        assert (await line.hear()).payload == b"still here"
        movable.ahead = 7300.0
        assert await closed(line) == 4401


async def test_a_session_on_one_host_opens_no_socket_on_another(tmp_path: Path, fast_lane: bool) -> None:
    other = {"slug": "line-4", "hosts": ["line-4.localhost"], "upstream": "http://127.0.0.1:1"}
    async with stage(tmp_path, SOCKETS, fast_lane=fast_lane, others=(other,)) as (gate, instance), gate.line() as line:
        stolen = await gate.log_in("max", host="line-4.localhost")
        assert HOST != "line-4.localhost"
        await line.send(upgrade(gate, cookie=stolen))
        assert (await line.response()).status == 401
        assert instance.requests == []
