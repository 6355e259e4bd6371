"""What a message holds reaches the other side as it was sent, however it is cut into pieces."""

import asyncio
from pathlib import Path

import pytest

from tests.lanes.stage import stage
from tests.peers import answers
from tests.peers.answers import by_path, in_turn, plain
from tests.peers.upstream import Exchange

MIB = 1024 * 1024


async def tell(exchange: Exchange) -> None:
    """Answer with what came."""
    body = await exchange.body()
    await exchange.send(answers.head(200, (b"Content-Length", b"%d" % len(body))) + body)


# -- requests


@pytest.mark.parametrize("cut", [0, 1, 3, 5], ids=["whole", "after one", "in the middle", "after the head"])
async def test_a_body_with_a_length_arrives_however_it_is_cut(tmp_path: Path, fast_lane: bool, cut: int) -> None:
    async with stage(tmp_path, tell, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"POST /api", b"Content-Length: 5") + b"hello"[:cut])
        await instance.until(lambda: instance.requests or not fast_lane)
        await line.send(b"hello"[cut:])
        assert (await line.response()).body == b"hello"
        assert instance.requests[0].values(b"Content-Length") == [b"5"]


async def test_a_request_may_come_byte_by_byte(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, tell, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        for byte in gate.head(b"POST /api", b"Content-Length: 5") + b"hello":
            await line.send(bytes([byte]))
            await asyncio.sleep(0)
        assert (await line.response()).body == b"hello"


async def test_a_chunked_body_arrives_without_extensions_and_trailers(tmp_path: Path, fast_lane: bool) -> None:
    """And a trailer is no field of the next request, if there is one: aiohttp would take it for that."""
    async with stage(tmp_path, tell, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"POST /api", b"Transfer-Encoding: chunked") + b"3;ext=1\r\nhel\r\n2\r")
        await line.send(b"\nlo\r\n0\r\nX-Flowward-User: root\r\nX-Any: trailer\r\n\r\n" + gate.head(b"GET /next"))
        assert (await line.response()).body == b"hello"
        if fast_lane:
            assert (await line.response()).body == b""
            assert instance.requests[1].target == b"/next"
        else:
            assert await line.rest() == b""
        assert instance.requests[0].values(b"Transfer-Encoding") == [b"chunked"]
        assert instance.requests[0].value(b"Content-Length") is None
        seen = b"".join(bytes(connection.seen) for connection in instance.connections)
        assert not any(word in seen for word in (b"root", b"trailer", b"ext=1"))


async def test_an_empty_chunked_body_is_whole(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, tell, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"POST /api", b"Transfer-Encoding: chunked") + b"0\r\n\r\n")
        assert (await line.response()).body == b""


async def test_a_get_with_a_body_brings_it_and_no_second_request(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, tell, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        inner = gate.head(b"GET /admin/flows")
        await line.send(gate.head(b"GET /api", b"Content-Length: %d" % len(inner)) + inner)
        assert (await line.response()).body == inner
        assert [request.target for request in instance.requests] == [b"/api"]


async def test_a_client_that_waits_for_100_is_told_once(tmp_path: Path, fast_lane: bool) -> None:
    async def continues(exchange: Exchange) -> None:
        if exchange.request.value(b"Expect") is not None:
            await exchange.send(answers.head(100))
        await tell(exchange)

    async with stage(tmp_path, continues, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"POST /api", b"Expect: 100-continue", b"Content-Length: 5"))
        assert (await line.interim()).status == 100
        await line.send(b"hello")
        answer = await line.interim()
        assert answer.status == 200


async def test_r_69_twenty_megabytes_go_up(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        body = bytes(range(256)) * 80 * 1024
        await line.send(gate.head(b"POST /api", b"Content-Length: %d" % len(body)), body)
        assert (await line.response(seconds=30)).body == b"ok"
        assert instance.requests[0].body == body


async def test_eight_megabytes_come_down(tmp_path: Path, fast_lane: bool) -> None:
    body = bytes(range(256)) * 32 * 1024
    async with stage(tmp_path, plain(body), fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"GET /api"))
        assert (await line.response(seconds=30)).body == body


async def test_an_early_answer_ends_the_upload(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, answers.early(413), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"POST /api", b"Content-Length: 1000000"), bytes(70_000))
        answer = await line.response()
        assert (answer.status, answer.body) == (413, b"too much")
        line.half_close()
        assert await line.rest() == b""
        await instance.until(lambda: not instance.open_connections)


async def test_a_client_that_goes_away_ends_the_exchange_with_the_instance(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, answers.never, fast_lane=fast_lane) as (gate, instance):
        async with gate.line() as line:
            await line.send(gate.head(b"GET /api"))
            await instance.until(lambda: instance.requests)
        await instance.until(lambda: not instance.open_connections, seconds=1)


# -- answers


async def test_early_hints_pass(tmp_path: Path) -> None:
    async with stage(tmp_path, answers.interim(103, then=plain(b"ok")), fast_lane=True) as (gate, _):
        async with gate.line() as line:
            await line.send(gate.head(b"GET /api"))
            hints = await line.interim()
            assert (hints.status, hints.value(b"X-Interim")) == (103, b"103")
            assert (await line.response()).body == b"ok"


async def test_a_client_of_http_1_0_gets_no_interim_answer(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, answers.interim(103, then=plain(b"ok")), fast_lane=fast_lane) as (gate, _):
        async with gate.line() as line:
            await line.send(gate.head(b"GET /api").replace(b"HTTP/1.1", b"HTTP/1.0", 1))
            assert (await line.interim()).status == 200
            assert await line.rest() == b""


async def test_answers_without_a_body_leave_the_connection_in_step(tmp_path: Path, fast_lane: bool) -> None:
    told = by_path(
        {
            "/204": answers.bodiless(204),
            "/304": answers.bodiless(304, (b"Content-Length", b"99"), (b"ETag", b'"x"')),
            "*": plain(b"hello"),
        }
    )
    async with stage(tmp_path, told, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        for start, status, body in (
            (b"HEAD /api", 200, b""),
            (b"GET /204", 204, b""),
            (b"GET /304", 304, b""),
            (b"HEAD /204", 204, b""),
            (b"GET /api", 200, b"hello"),
        ):
            await line.send(gate.head(start))
            answer = await line.response(to=start.split()[0])
            assert (answer.status, answer.body) == (status, body), start
        assert not await line.quiet()


async def test_heads_announce_the_length_of_what_get_would_bring(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"hello"), fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"HEAD /api"))
        assert (await line.response(to=b"HEAD")).value(b"Content-Length") == b"5"


async def test_a_chunked_answer_passes_without_its_trailers(tmp_path: Path, fast_lane: bool) -> None:
    """And a trailer never becomes a field of the next answer."""
    trailing = answers.chunked(b"abc", b"defg", trailers=[(b"X-Sum", b"7"), (b"Set-Cookie", b"a=b")])
    async with stage(tmp_path, by_path({"/": trailing, "*": plain(b"ok")}), fast_lane=fast_lane) as (gate, _):
        async with gate.line() as line:
            await line.send(gate.head(b"GET /"))
            assert (await line.response()).body == b"abcdefg"
            await line.send(gate.head(b"GET /next"))
            answer = await line.response()
            assert answer.body == b"ok"
            assert answer.value(b"X-Sum") is None
            assert answer.value(b"Set-Cookie") is None


async def test_a_chunked_answer_reaches_a_client_of_http_1_0_without_chunks(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, answers.chunked(b"abc", b"defg"), fast_lane=fast_lane) as (gate, _):
        async with gate.line() as line:
            await line.send(gate.head(b"GET /").replace(b"HTTP/1.1", b"HTTP/1.0", 1))
            answer = await line.rest()
        assert answer.endswith(b"\r\n\r\nabcdefg")
        assert b"ransfer-Encoding" not in answer


async def test_an_answer_until_the_connection_closes_is_whole(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, answers.until_close(b"abc", b"defg"), fast_lane=fast_lane) as (gate, _):
        async with gate.line() as line:
            await line.send(gate.head(b"GET /"))
            assert (await line.response()).body == b"abcdefg"


@pytest.mark.parametrize(
    "opening",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
    ],
)
async def test_half_an_answer_is_never_taken_for_a_whole_one(tmp_path: Path, fast_lane: bool, opening: bytes) -> None:
    async with stage(tmp_path, answers.raw(opening, close=True), fast_lane=fast_lane) as (gate, _):
        async with gate.line() as line:
            await line.send(gate.head(b"GET /"))
            answer = await line.rest()
            assert b"0\r\n\r\n" not in answer
            assert b"HTTP/1.1" not in answer[8:]


BROKEN = {
    "length and coding": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",
    "another coding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a coding of its own": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok",
    "negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
    "no HTTP": b"hello\r\n\r\n",
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "an unasked 101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
}


@pytest.mark.parametrize("name", BROKEN)
async def test_an_answer_that_two_parsers_could_read_differently_is_a_bad_gateway(
    tmp_path: Path, fast_lane: bool, name: str
) -> None:
    async with stage(tmp_path, answers.raw(BROKEN[name], close=True), fast_lane=fast_lane) as (gate, _):
        async with gate.line() as line:
            await line.send(gate.head(b"GET /"))
            answer = await line.response()
            assert answer.status == 502
            assert answer.value(b"Content-Type") == b"application/problem+json"


async def test_people_get_a_page_where_the_instance_cannot_be_had(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, answers.drop, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"GET /", b"Sec-Fetch-Mode: navigate", b"Sec-Fetch-Dest: document"))
        answer = await line.response()
        assert answer.status == 502
        assert (answer.value(b"Content-Type") or b"").startswith(b"text/html")


async def test_a_second_answer_that_nobody_asked_for_reaches_nobody(tmp_path: Path, fast_lane: bool) -> None:
    told = by_path({"/": answers.surplus(b"ok", b"poison"), "*": plain(b"next")})
    async with stage(tmp_path, told, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"GET /"))
        assert (await line.response()).body == b"ok"
        await line.send(gate.head(b"GET /next"))
        assert (await line.response()).body == b"next"
        assert b"poison" not in await line.quiet()


async def test_what_an_instance_says_unasked_on_an_idle_connection_reaches_nobody(
    tmp_path: Path, fast_lane: bool
) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"GET /"))
        assert (await line.response()).body == b"ok"
        instance.writers[0].write(answers.head(200, (b"Content-Length", b"6")) + b"poison")
        await instance.until(lambda: not instance.open_connections)
        await line.send(gate.head(b"GET /next"))
        assert (await line.response()).body == b"ok"


# -- order


@pytest.mark.parametrize("count", [3, 20])
async def test_pipelined_requests_are_answered_in_order(tmp_path: Path, fast_lane: bool, count: int) -> None:
    async def path(exchange: Exchange) -> None:
        body = exchange.request.target + await exchange.body()
        await exchange.send(answers.head(200, (b"Content-Length", b"%d" % len(body))) + body)

    async with stage(tmp_path, path, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        heads = [
            gate.head(b"POST /%d" % number, b"Content-Length: 2") + b"%02d" % number
            if number % 3
            else gate.head(b"GET /%d" % number)
            for number in range(count)
        ]
        await line.send(b"".join(heads))
        for number in range(count):
            assert (await line.response()).body == b"/%d" % number + (b"%02d" % number if number % 3 else b"")


@pytest.mark.parametrize("path", [b"/", b"/-/jwks.json"])
async def test_what_follows_connection_close_does_not_turn_the_due_answer_into_a_refusal(
    tmp_path: Path, path: bytes
) -> None:
    """In aiohttp it does, so that nothing may be handed over to it that follows a request."""
    async with stage(tmp_path, plain(b"ok"), fast_lane=True) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"GET " + path, b"Connection: close") + b"rubbish" + gate.head(b"GET /next"))
        assert (await line.response()).status == 200
        assert await line.rest() == b""
        assert len(instance.requests) == (path == b"/")


async def test_connection_close_is_honoured(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"GET /", b"Connection: close"))
        answer = await line.response()
        assert (answer.status, answer.body, answer.value(b"Connection")) == (200, b"ok", b"close")
        assert await line.rest() == b""
        assert len(instance.requests) == 1


async def test_a_client_of_http_1_0_is_closed_after_its_answer(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"GET /").replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        assert (await line.rest()).endswith(b"\r\n\r\nok")


async def test_connections_to_the_instance_are_used_again(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance):
        for _ in range(3):
            async with gate.line() as line:
                await line.send(gate.head(b"GET /"))
                assert (await line.response()).body == b"ok"
        assert (len(instance.requests), len(instance.connections)) == (3, 1)


@pytest.mark.parametrize(
    ("start", "body", "retried"),
    [(b"GET /", b"", True), (b"DELETE /x", b"", True), (b"POST /", b"", False), (b"PUT /x", b"hello", False)],
)
async def test_only_what_can_be_repeated_is_sent_again_when_a_pooled_connection_turns_out_stale(
    tmp_path: Path, fast_lane: bool, start: bytes, body: bytes, retried: bool
) -> None:
    """The instance answers one request and closes when the next one comes, as Node does after its 5 seconds."""
    async with stage(tmp_path, in_turn(plain(b"first"), answers.drop, plain(b"ok")), fast_lane=fast_lane) as (
        gate,
        instance,
    ):
        async with gate.line() as line:
            await line.send(gate.head(b"GET /"))
            assert (await line.response()).body == b"first"
            await line.send(gate.head(start, b"Content-Length: %d" % len(body)) + body)
            answer = await line.response()
            assert answer.status == (200 if retried else 502)
            assert len(instance.requests) == (3 if retried else 2)
            seen = b"".join(bytes(connection.seen) for connection in instance.connections)
            assert seen.count(start) == (2 if retried else 1) + (start == b"GET /")
