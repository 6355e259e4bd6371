"""The same requests through both lanes: what the instance and the client received is the same.

What may differ, because aiohttp says so: the case and order of fields, whether an answer's framing is by length or by
chunks, a Content-Length of 0, Date and Connection, the reason phrase, interim answers, an empty query (`/x?`), and bytes of a field that are
not UTF-8.
"""

import re
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.lanes.stage import Stage, stage
from tests.peers import answers
from tests.peers.answers import by_path, plain
from tests.peers.upstream import Fields, Request, Upstream

FIELDS = plain(b"{}", (b"Content-Type", b"application/json"), (b"ETag", b'"x"'), (b"X-Two", b"1"), (b"X-Two", b"2"))
ANSWERS = by_path(
    {
        "/fields": FIELDS,
        "/chunked": answers.chunked(b"abc", b"def", fields=[(b"Content-Type", b"text/plain; charset=latin-1")]),
        "/until-close": answers.until_close(b"abc"),
        "/none": answers.bodiless(204),
        "/same": answers.bodiless(304, (b"ETag", b'"x"')),
        "/odd": plain(b"odd", status=299),
        "/teapot": plain(b"teapot", status=418),
        "/moved": plain(b"", (b"Location", b"/here"), (b"Set-Cookie", b"a=b; Domain=x; Path=/p"), status=302),
        "/zipped": plain(b"\x1f\x8b\x08", (b"Content-Encoding", b"gzip"), (b"Vary", b"Accept-Encoding")),
        "/untyped": plain(b"bytes"),
        "/empty": plain(b""),
        "/broken": answers.drop,
        "*": plain(b"ok", (b"Content-Type", b"text/plain")),
    }
)
NAVIGATION = b"Sec-Fetch-Mode: navigate", b"Sec-Fetch-Dest: document"
REQUESTS: list[tuple[bytes, tuple[bytes, ...], bytes]] = [
    *[(b"GET /" + path, (), b"") for path in (b"", b"fields", b"chunked", b"none", b"same", b"odd", b"teapot")],
    *[(b"GET /" + path, (), b"") for path in (b"moved", b"zipped", b"untyped", b"empty", b"until-close")],
    *[(b"HEAD /" + path, (), b"") for path in (b"", b"fields", b"none", b"moved")],
    *[
        (method + b" /x", (b"Content-Length: 5",), b"hello")
        for method in (b"POST", b"PUT", b"PATCH", b"DELETE", b"GET")
    ],
    *[(method + b" /x", (b"Content-Length: 0",), b"") for method in (b"POST", b"PUT", b"DELETE")],
    (b"POST /x", (), b""),
    (b"POST /x", (b"Transfer-Encoding: chunked", b"Content-Type: text/plain"), b"5\r\nhello\r\n0\r\n\r\n"),
    (b"OPTIONS /x", (), b""),
    (b"PROPFIND /x", (), b""),
    (b"GET /a%2fb;c=d//e?f=%20&g=+&h=%zz", (), b""),
    (b"GET /" + quote("ä/ö").encode() + b"?" + quote("ü").encode(), (), b""),
    (b"GET /x", (b"Accept: a", b"accept: b", b"X-Empty:", b"X-Blanks:   a  b   ", b"X-UTF: \xc3\xa4"), b""),
    (b"GET /x", (b"User-Agent: test", b"Accept-Encoding: br", b"Range: bytes=0-1", b'If-None-Match: "x"'), b""),
    (b"GET /x", (b"Connection: X-Named, keep-alive", b"X-Named: 1", b"TE: trailers", b"Via: 1.1 x"), b""),
    (b"GET /x", (b"Connection: Upgrade", b"Upgrade: h2c"), b""),
    (b"GET /x", (b"Cookie: a=b", b"Authorization: Basic eDp5"), b""),
    (b"GET /open/hook", (b"Authorization: Basic eDp5", b"Remote-User: root"), b""),
    (b"GET /x", (b"Origin: http://evil.example",), b""),
    (b"POST /x", (b"Origin: http://evil.example", b"Content-Length: 2"), b"hi"),
    (b"GET /admin/flows", (), b""),
    (b"GET /admin/auth/token", (), b""),
    (b"GET /dashboard/socket.io/?EIO=4&transport=polling", (b"Sec-Fetch-Site: same-origin",), b""),
    (b"GET /dashboard/socket.io/?EIO=4&transport=polling&sid=made-up", (), b""),
    (b"GET /x/../y", (), b""),
    (b"GET /broken", (), b""),
    (b"GET /broken", NAVIGATION, b""),
    (b"GET /-/nothing", (), b""),
]
OF_ONE_GATEWAY = re.compile(rb"[0-9a-f]{32}|eyJ[\w.-]+|(?<=flowward-hop=)[\w-]+")
"""Ids, tokens and one-time values: no two gateways have the same."""
SKIPPED = {b"date", b"connection", b"content-length", b"transfer-encoding"}


def told(value: bytes, port: int) -> bytes:
    return OF_ONE_GATEWAY.sub(b"ITS-OWN", value.replace(b"%d" % port, b"PORT"))


def comparable(fields: Fields, port: int, keep: frozenset[bytes] = frozenset()) -> list[tuple[bytes, bytes]]:
    """Fields without what may differ, and without what differs between any two gateways."""
    return sorted(
        (name.lower(), told(value, port))
        for name, value in fields
        if (name.lower() not in SKIPPED or name.lower() in keep) and not name.lower().endswith(b"assertion")
    )


def received(request: Request, port: int) -> object:
    keep = frozenset({b"content-length", b"transfer-encoding"})
    fields = [pair for pair in comparable(request.headers, port, keep) if pair != (b"content-length", b"0")]
    return request.method, request.target, fields, request.body


async def outcome(gate: Stage, instance: Upstream, sent: bytes, method: bytes) -> object:
    """What one request leads to, on both sides."""
    before = len(instance.requests)
    async with gate.line() as line:
        await line.send(sent)
        answer = await line.response(to=method)
    port = gate.site.port
    reached = [received(request, port) for request in instance.requests[before:]][:1]
    return answer.status, comparable(answer.headers, port), told(answer.body, port), reached


async def outcomes(folder: Path, fast_lane: bool, user: str) -> list[object]:
    async with stage(folder, ANSWERS, fast_lane=fast_lane) as (gate, instance):
        cookie = await gate.log_in(user) if user else b""
        return [
            await outcome(gate, instance, gate.head(start, *fields, cookie=cookie) + body, start.split()[0])
            for start, fields, body in REQUESTS
        ]


@pytest.mark.parametrize("user", ["max", "dora", ""])
async def test_both_lanes_do_the_same(tmp_path: Path, user: str) -> None:
    fast = await outcomes(tmp_path / "fast", True, user)
    other = await outcomes(tmp_path / "other", False, user)
    for asked, one, two in zip(REQUESTS, fast, other, strict=True):
        assert one == two, asked
