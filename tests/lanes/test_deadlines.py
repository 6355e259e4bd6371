"""What takes too long ends, what is merely slow goes on, and a slow side costs bounded memory."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lanes.stage import Stage, stage
from tests.peers import answers
from tests.peers.answers import plain
from tests.peers.upstream import Exchange

BOUND = 256 * 1024
"""Bytes that a slow side may cost the gateway, and one read on top."""
ONE_READ = 256 * 1024


def timeouts(**seconds: str) -> dict[str, object]:
    return {"timeouts": {"pooled": "1s", "idle": "20s", **seconds}}


async def test_half_a_head_is_answered_with_408(tmp_path: Path, fast_lane: bool) -> None:
    server = timeouts(head="300ms")
    async with stage(tmp_path, plain(), fast_lane=fast_lane, server=server) as (gate, _), gate.line() as line:
        await line.send(b"GET / HT")
        assert (await line.rest(seconds=5)).startswith(b"HTTP/1.1 408 ")


async def test_a_silent_connection_is_closed(tmp_path: Path, fast_lane: bool) -> None:
    server = timeouts(head="300ms")
    async with stage(tmp_path, plain(), fast_lane=fast_lane, server=server) as (gate, _), gate.line() as line:
        assert await line.rest(seconds=5) == b""


async def test_an_idle_connection_is_closed_after_its_answer(tmp_path: Path, fast_lane: bool) -> None:
    server = timeouts(idle="300ms")
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, server=server) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"GET /"))
        assert (await line.response()).body == b"ok"
        assert await line.rest(seconds=5) == b""


async def test_an_instance_that_does_not_answer_is_a_gateway_timeout(tmp_path: Path, fast_lane: bool) -> None:
    server = timeouts(response="300ms")
    async with stage(tmp_path, answers.never, fast_lane=fast_lane, server=server) as (gate, instance):
        async with gate.line() as line:
            await line.send(gate.head(b"GET /"))
            answer = await line.response(seconds=5)
            assert answer.status == 504
            assert answer.value(b"Content-Type") == b"application/problem+json"
        await instance.until(lambda: not instance.open_connections, seconds=5)


async def test_a_slow_answer_lives(tmp_path: Path, fast_lane: bool) -> None:
    """Longer in all than any of the deadlines, but never still for so long."""
    server = timeouts(response="2s", stream="2s")
    answer = answers.slow(*[b"x"] * 8, gap=0.3)
    async with stage(tmp_path, answer, fast_lane=fast_lane, server=server) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"GET /"))
        assert (await line.response()).body == b"x" * 8


async def test_a_stuck_answer_ends(tmp_path: Path, fast_lane: bool) -> None:
    server = timeouts(response="300ms", stream="300ms")
    answer = answers.raw(answers.head(200, (b"Content-Length", b"8")) + b"x")

    async def stuck(exchange: Exchange) -> None:
        await answer(exchange)
        await exchange.gone()

    async with stage(tmp_path, stuck, fast_lane=fast_lane, server=server) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"GET /"))
        got = await line.rest(seconds=5)
        assert got.endswith(b"\r\n\r\nx")
        await instance.until(lambda: not instance.open_connections, seconds=5)


async def test_events_come_at_once_and_have_a_deadline_of_their_own(tmp_path: Path, fast_lane: bool) -> None:
    """The second is sent when the first was heard, after the deadlines of other answers."""
    server = timeouts(response="300ms", stream="300ms", event_stream="30s")
    heard = asyncio.Event()

    async def events(exchange: Exchange) -> None:
        await exchange.send(answers.head(200, (b"Content-Type", b"text/event-stream")) + b"data: 1\n\n")
        await heard.wait()
        await asyncio.sleep(1.2)  # longer than the other deadlines and a look at them
        await exchange.send(b"data: 2\n\n")
        await exchange.gone()

    async with stage(tmp_path, events, fast_lane=fast_lane, server=server) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"GET /"))
        assert b"200" in await line.until(b"data: 1\n\n")
        heard.set()
        assert await line.until(b"data: 2\n\n")


async def test_an_open_stream_ends_with_its_session(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, answers.events(b"1"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"GET /"))
        await line.until(b"data: 1\n\n")
        await gate.end_sessions("max")
        await line.rest(seconds=1)
        await instance.until(lambda: not instance.open_connections, seconds=1)


async def test_a_client_that_sends_no_more_of_its_body_is_not_waited_for(tmp_path: Path, fast_lane: bool) -> None:
    server = timeouts(response="300ms", stream="300ms")
    async with stage(tmp_path, plain(), fast_lane=fast_lane, server=server) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"POST /", b"Content-Length: 10") + b"half")
        answer = await line.rest(seconds=6)
        assert answer.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 504 "))
        await instance.until(lambda: not instance.open_connections, seconds=5)


# -- backpressure


async def _settled(count: Callable[[], int]) -> None:
    """Until nothing moves any more: that a number stays the same takes a while to see."""
    last, same = -1, 0
    while same < 5:
        await asyncio.sleep(0.05)
        same, last = (same + 1 if count() == last > 0 else 0), count()


def _held(gate: Stage) -> int:
    """Bytes that wait in the gateway, on both of its sides, in the fast lane."""
    held = 0
    for client in gate.running.gateway.plane.clients:
        held += client.transport.get_write_buffer_size() + len(client._buffer)
        if client._upstream is not None:
            held += client._upstream.transport.get_write_buffer_size()
    return held


async def test_a_slow_reader_costs_bounded_memory(tmp_path: Path, fast_lane: bool) -> None:
    """The instance has to wait; nothing is lost when the reader goes on."""
    whole = 30 * 1024 * 1024
    sent = 0

    async def large(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.send(answers.head(200, (b"Content-Length", b"%d" % whole)))
        for _ in range(whole // 65536):
            await exchange.send(bytes(65536))
            sent += 65536

    async with stage(tmp_path, large, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        line.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await line.send(gate.head(b"GET /"))
        await _settled(lambda: sent)
        assert 0 < sent < whole
        assert _held(gate) <= BOUND + ONE_READ
        line.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert len((await line.response(seconds=30)).body) == whole


async def test_a_slow_instance_costs_bounded_memory(tmp_path: Path, fast_lane: bool) -> None:
    """The client has to wait; nothing is lost when the instance goes on."""
    whole = 30 * 1024 * 1024
    go_on = asyncio.Event()

    async def stalls(exchange: Exchange) -> None:
        exchange.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await go_on.wait()
        exchange.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await plain(b"ok")(exchange)

    async with stage(tmp_path, stalls, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"POST /", b"Content-Length: %d" % whole))
        sent = 0

        async def upload() -> None:
            nonlocal sent
            for _ in range(whole // 65536):
                await line.send(bytes(65536))
                sent += 65536

        async with asyncio.TaskGroup() as going:
            going.create_task(upload())
            await _settled(lambda: sent)
            assert 0 < sent < whole
            assert _held(gate) <= BOUND + ONE_READ
            go_on.set()
        assert (await line.response(seconds=30)).body == b"ok"
        assert len(instance.requests[0].body) == whole


# -- limits


async def test_connections_of_one_address_are_limited(tmp_path: Path, fast_lane: bool) -> None:
    server = {"connections_per_address": 2}
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, server=server) as (gate, _):
        async with gate.line() as first, gate.line() as second:
            for line in (first, second):
                await line.send(gate.head(b"GET /"))
                assert (await line.response()).body == b"ok"
            async with gate.line() as third:
                refused = await third.response()
                assert (refused.status, refused.value(b"Retry-After")) == (503, b"5")


@pytest.mark.parametrize("path", [b"/-/login", b"/"])
async def test_connections_in_all_are_limited_whichever_lane_has_them(
    tmp_path: Path, fast_lane: bool, path: bytes
) -> None:
    server = {"connections": 1}
    async with stage(tmp_path, answers.never, fast_lane=fast_lane, server=server) as (gate, instance):
        async with gate.line() as first:
            slow = gate.head(b"POST /-/login", b"Content-Length: 10") if path != b"/" else gate.head(b"GET /")
            await first.send(slow)
            if path == b"/":
                await instance.until(lambda: instance.requests)
            async with gate.line() as second:
                assert (await second.response()).status == 503
