"""What two parsers could read differently is refused: one answer, the connection closed, nothing at the instance."""

import json
import re
from pathlib import Path

from tests.lanes.stage import Stage, stage
from tests.peers.answers import plain
from tests.peers.upstream import Upstream

HEADS = {
    # two framings, or one that is not plain
    "length and coding": (b"POST /api HTTP/1.1", [b"Content-Length: 5", b"Transfer-Encoding: chunked"], b"0\r\n\r\n"),
    "coding and length": (b"POST /api HTTP/1.1", [b"Transfer-Encoding: chunked", b"Content-Length: 5"], b"0\r\n\r\n"),
    "length twice": (b"POST /api HTTP/1.1", [b"Content-Length: 5", b"Content-Length: 5"], b"hello"),
    "two lengths": (b"POST /api HTTP/1.1", [b"Content-Length: 5", b"Content-Length: 6"], b"hello"),
    "length with a sign": (b"POST /api HTTP/1.1", [b"Content-Length: +5"], b"hello"),
    "negative length": (b"POST /api HTTP/1.1", [b"Content-Length: -5"], b"hello"),
    "length in hexadecimal": (b"POST /api HTTP/1.1", [b"Content-Length: 0x5"], b"hello"),
    "list of lengths": (b"POST /api HTTP/1.1", [b"Content-Length: 5, 5"], b"hello"),
    "empty length": (b"POST /api HTTP/1.1", [b"Content-Length:"], b""),
    "endless length": (b"POST /api HTTP/1.1", [b"Content-Length: " + b"9" * 40], b"hello"),
    "gzip, chunked": (b"POST /api HTTP/1.1", [b"Transfer-Encoding: gzip, chunked"], b"0\r\n\r\n"),
    "chunked, gzip": (b"POST /api HTTP/1.1", [b"Transfer-Encoding: chunked, gzip"], b"0\r\n\r\n"),
    "chunked twice": (b"POST /api HTTP/1.1", [b"Transfer-Encoding: chunked"] * 2, b"0\r\n\r\n"),
    "chunked, chunked": (b"POST /api HTTP/1.1", [b"Transfer-Encoding: chunked, chunked"], b"0\r\n\r\n"),
    "xchunked": (b"POST /api HTTP/1.1", [b"Transfer-Encoding: xchunked"], b"0\r\n\r\n"),
    "identity": (b"POST /api HTTP/1.1", [b"Transfer-Encoding: identity"], b""),
    "chunked with a tab": (b"POST /api HTTP/1.1", [b"Transfer-Encoding: chunked\x0b"], b"0\r\n\r\n"),
    "coding on HTTP/1.0": (b"POST /api HTTP/1.0", [b"Transfer-Encoding: chunked"], b"0\r\n\r\n"),
    "coding on GET of HTTP/1.0": (b"GET /api HTTP/1.0", [b"Transfer-Encoding: chunked"], b"0\r\n\r\n"),
    # fields that are none
    "blank before the colon": (b"POST /api HTTP/1.1", [b"Transfer-Encoding : chunked"], b"0\r\n\r\n"),
    "blank before the name": (b"GET /api HTTP/1.1", [b" X: a"], b""),
    "folded": (b"GET /api HTTP/1.1", [b"X: a\r\n b"], b""),
    "folded coding": (b"POST /api HTTP/1.1", [b"Transfer-Encoding:\r\n chunked"], b"0\r\n\r\n"),
    "NUL": (b"GET /api HTTP/1.1", [b"X: a\0b"], b""),
    "bare CR": (b"GET /api HTTP/1.1", [b"X: a\rY: b"], b""),
    "bare LF": (b"GET /api HTTP/1.1", [b"X: a\nY: b"], b""),
    "no colon": (b"GET /api HTTP/1.1", [b"X"], b""),
    "no name": (b"GET /api HTTP/1.1", [b": a"], b""),
    "a name with a blank": (b"GET /api HTTP/1.1", [b"X Y: a"], b""),
    # Host
    "Host twice": (b"GET /api HTTP/1.1", [b"Host: line-3.localhost"], b""),
    "another Host": (b"GET /api HTTP/1.1", [b"Host: evil.example"], b""),
    # versions and targets
    "HTTP/2.0": (b"GET /api HTTP/2.0", [], b""),
    "HTTP/1.2": (b"GET /api HTTP/1.2", [], b""),
    "HTTP/0.9": (b"GET /api HTTP/0.9", [], b""),
    "lower case": (b"GET /api http/1.1", [], b""),
    "HTTP/1.10": (b"GET /api HTTP/1.10", [], b""),
    "fragment": (b"GET /api#b HTTP/1.1", [], b""),
    "another host in the target": (b"GET http://evil.example/api HTTP/1.1", [], b""),
    "userinfo in the target": (b"GET http://x@line-3.localhost/api HTTP/1.1", [], b""),
    "asterisk": (b"OPTIONS * HTTP/1.1", [], b""),
    "asterisk for GET": (b"GET * HTTP/1.1", [], b""),
    "CONNECT": (b"CONNECT line-3.localhost:80 HTTP/1.1", [], b""),
    "TRACE": (b"TRACE /api HTTP/1.1", [], b""),
    "no path": (b"GET api HTTP/1.1", [], b""),
    "a blank in the target": (b"GET /a b HTTP/1.1", [], b""),
    "a control character in the target": (b"GET /a\x01b HTTP/1.1", [], b""),
    "dot segments": (b"GET /../admin/flows HTTP/1.1", [], b""),
    "coded dot segments": (b"GET /a/%2e%2e/admin/flows HTTP/1.1", [], b""),
    "coded NUL": (b"GET /a%00b HTTP/1.1", [], b""),
    "a method nobody knows": (b"G\xc3\x8aT /api HTTP/1.1", [], b""),
    # sizes
    "101 fields": (b"GET /api HTTP/1.1", [b"X: a"] * 99, b""),
    "101 fields that are dropped": (b"GET /api HTTP/1.1", [b"CF-X: a"] * 99, b""),
    "a long field": (b"GET /api HTTP/1.1", [b"X: " + b"a" * 8300], b""),
    "a long target": (b"GET /" + b"a" * 9000 + b" HTTP/1.1", [], b""),
    "a long head": (b"GET /api HTTP/1.1", [b"X: " + b"a" * 8000] * 5, b""),
    "a long head that is dropped": (b"GET /api HTTP/1.1", [b"CF-X: " + b"a" * 8000] * 5, b""),
}
WHOLE = {
    "no Host": b"GET /api HTTP/1.1\r\nX: a\r\n\r\n",
    "empty Host": b"GET /api HTTP/1.1\r\nHost:\r\n\r\n",
    "a Host with a blank": b"GET /api HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a Host with userinfo": b"GET /api HTTP/1.1\r\nHost: x@line-3.localhost\r\n\r\n",
    "a Host with a path": b"GET /api HTTP/1.1\r\nHost: line-3.localhost/x\r\n\r\n",
    "a list of Hosts": b"GET /api HTTP/1.1\r\nHost: line-3.localhost, evil.example\r\n\r\n",
    "no Host on HTTP/1.0": b"GET /api HTTP/1.0\r\n\r\n",
    "no version": b"GET /api\r\n\r\n",
    "lines that end with LF": b"GET /api HTTP/1.1\nHost: line-3.localhost\n\n",
    "a head that ends with LF": b"GET /api HTTP/1.1\r\nHost: line-3.localhost\r\n\n",
    "an endless head": b"GET /api HTTP/1.1\r\nHost: line-3.localhost\r\nX: " + b"a" * 70_000,
    "an endless target": b"GET /" + b"a" * 70_000,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 200 + b"\r\n\r\n",
    "nonsense": b"hello\r\n\r\n",
}


def reached(instance: Upstream) -> bytes:
    return b"".join(bytes(connection.seen) for connection in instance.connections)


def wrong(answer: bytes) -> str:
    """What is wrong with an answer that is to be one refusal, for machines, after which nothing follows."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head[9:12]) if head.startswith(b"HTTP/1.") else 0
    if len(re.findall(rb"HTTP/\d\.\d \d{3} ", answer)) != 1:
        return f"not one answer: {answer[:300]!r}"
    if not (400 <= status < 500 or status == 505):
        return f"not refused: {head!r}"
    if b"\r\nContent-Type: application/problem+json" not in head or json.loads(body)["status"] != status:
        return f"not for machines: {answer!r}"
    closes = b"\r\nConnection: close" in head or head.startswith(b"HTTP/1.0")
    return "" if closes and b"\r\nServer:" not in head else f"a head of another kind: {head!r}"


async def answered(gate: Stage, sent: bytes) -> bytes:
    """Everything until the gateway ends the connection."""
    async with gate.line() as line:
        await line.send(sent)
        try:
            return await line.rest(seconds=5)
        except TimeoutError:
            return b"the connection stays open"


async def test_r_61_what_two_parsers_could_read_differently_is_refused(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"passed"), fast_lane=fast_lane) as (gate, instance):
        failures = {}
        for name, (start, lines, body) in HEADS.items():
            fields = [b"Host: " + gate.host, b"Cookie: " + gate.cookie, *lines]
            sent = b"\r\n".join([start, *fields]) + b"\r\n\r\n" + body + gate.head(b"GET /behind")
            if found := wrong(await answered(gate, sent)):
                failures[name] = found
        assert failures == {}
        assert reached(instance) == b""


async def test_a_head_that_is_none_is_refused(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"passed"), fast_lane=fast_lane) as (gate, instance):
        failures = {}
        for name, sent in WHOLE.items():
            if found := wrong(await answered(gate, sent)):
                failures[name] = found
        assert failures == {}
        assert reached(instance) == b""


BODIES = [
    b"x\r\n",
    b"5\nhello\r\n",
    b"-1\r\n",
    b"0x5\r\nhello\r\n",
    b"5\r\nhelloX\r\n",
    b"5;\x01\r\n",
    b"f" * 17 + b"\r\n",
    b"\r\n",
]


async def test_a_body_that_two_parsers_could_read_differently_is_never_whole(tmp_path: Path, fast_lane: bool) -> None:
    """Its head may be there before the gateway knows; the instance must not see the end of such a message."""
    async with stage(tmp_path, plain(b"passed"), fast_lane=fast_lane) as (gate, instance):
        for number, body in enumerate(BODIES, 1):
            sent = gate.head(b"POST /api", b"Transfer-Encoding: chunked") + body + b"0\r\n\r\n" + gate.head(b"GET /")
            answer = await answered(gate, sent)
            assert b" 200 " not in answer, body
            assert b"0\r\n\r\n" not in reached(instance), body
            assert len(instance.requests) <= number, body


async def test_empty_lines_before_a_request_are_ignored(tmp_path: Path, fast_lane: bool) -> None:
    """RFC 9112 section 2.2."""
    async with stage(tmp_path, plain(b"passed"), fast_lane=fast_lane) as (gate, _):
        async with gate.line() as line:
            await line.send(b"\r\n\r\n" + gate.head(b"GET /api"))
            assert (await line.response()).body == b"passed"


async def test_an_absolute_target_of_the_same_host_reaches_the_instance_as_a_path(
    tmp_path: Path, fast_lane: bool
) -> None:
    async with stage(tmp_path, plain(b"passed"), fast_lane=fast_lane) as (gate, instance):
        async with gate.line() as line:
            await line.send(gate.head(b"GET http://" + gate.host + b"/api?x=1"))
            assert (await line.response()).status == 200
        assert instance.requests[0].target == b"/api?x=1"


TARGETS = [
    b"/a//b/%7Euser;x=1?q=%00%2e%2e",
    b"/@scope%2fname?a+b",
    b"/%C3%A9?%F0%9F%98%80",
    b"/a:b@c?x=//y?z",
    b"/'\"<>{}|^`",
]


async def test_targets_reach_the_instance_byte_for_byte(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"passed"), fast_lane=fast_lane) as (gate, instance):
        for target in TARGETS:
            async with gate.line() as line:
                await line.send(gate.head(b"GET " + target))
                assert (await line.response()).status == 200
            assert instance.requests[-1].target == target
