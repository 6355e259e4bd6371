"""Heads that follow one another on a connection: what is remembered of one changes nothing about the next."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.plane.head import BadHead, HeadReader
from proxy.wire.headers import REQUEST

PLAIN = b"Host: line-3.example\r\nCookie: flowward=a; other=b\r\nAccept: */*\r\nVia: 1.1 somebody"
FIELDS = (
    PLAIN,
    PLAIN.replace(b"flowward=a", b"flowward=b"),
    PLAIN + b"\r\nX-More: 1",
    b"X-First: 1\r\n" + PLAIN,
    PLAIN + b"\r\nContent-Length: 0",
    PLAIN + b"\r\nContent-Length: 5",
    PLAIN + b"\r\nTransfer-Encoding: chunked",
    PLAIN + b"\r\nConnection: close",
    PLAIN + b"\r\nConnection: Upgrade\r\nUpgrade: websocket",
    PLAIN + b"\r\nX-Long: " + b"a" * 9000,
    b"Host: line-3.example",
    b"Host: a\r\nHost: b",
    b" folded: 1\r\n" + PLAIN,
)
METHODS = (b"GET", b"HEAD", b"POST", b"OPTIONS", b"PROPFIND", b"CONNECT", b"TRACE", b"get", b"")
TARGETS = (
    b"/api?q=1",
    b"/",
    b"/api?q=2 HTTP/1.1",
    b"http://line-3.example/x",
    b"line-3.example:80",
    b"*",
    b"/%zz",
    b"/\xff",
    b"/\x00",
    b"/a b",
    b"/" + b"a" * 9000,
    b"",
)
VERSIONS = (
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"HTTP/2.0",
    b"HTTP/1.1 ",
    b"HTTP/1.1\nX-Smuggled: 1",
    b"HTTP/1.1\nVia: 1",
    b"HTTP/1.1\nHost: evil",
    b"HTTP/1.1\rX-Smuggled: 1",
    b"HTTP/1.1\nContent-Length: 5",
    b"",
)
REQUEST_LINES = st.builds(
    lambda *parts: b" ".join(parts), st.sampled_from(METHODS), st.sampled_from(TARGETS), st.sampled_from(VERSIONS)
)
FIRST = b"GET /api?q=0 HTTP/1.1\r\n" + PLAIN + b"\r\n\r\n"


def read(reader: HeadReader, raw: bytes) -> object:
    """All that is known of a head, or why it was refused."""
    try:
        found = reader.read(raw)
    except BadHead as bad:
        return bad.args[:2]
    return (
        found.method,
        found.target,
        list(found.lines),
        dict(found.noted),
        found.old,
        found.framing,
        found.keep,
        found.raw,
    )


def as_alone(heads: Sequence[bytes]) -> None:
    """One after the other they are read as each would be as the first of its connection."""
    reader = HeadReader(REQUEST)
    for raw in heads:
        alone = read(HeadReader(REQUEST), raw)
        assert read(reader, raw) == alone, raw
        if len(alone) == 2 or not alone[6]:  # type: ignore[arg-type, index]  # the connection ends with this one
            return


@given(REQUEST_LINES, st.sampled_from(FIELDS), st.sampled_from(FIELDS), REQUEST_LINES)
@example(b"GET / HTTP/1.1\nX-Smuggled: 1", PLAIN, PLAIN, b"GET / HTTP/1.1")
def test_a_head_is_read_as_it_would_be_alone_whatever_came_before(
    line: bytes, fields: bytes, other: bytes, another: bytes
) -> None:
    as_alone([FIRST, FIRST, line + b"\r\n" + fields + b"\r\n\r\n", another + b"\r\n" + other + b"\r\n\r\n", FIRST])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", TARGETS, ids=[str(number) for number in range(len(TARGETS))])
@pytest.mark.parametrize("version", VERSIONS, ids=[str(number) for number in range(len(VERSIONS))])
def test_with_the_same_fields_a_request_line_is_still_read_for_itself(
    method: bytes, target: bytes, version: bytes
) -> None:
    as_alone([FIRST, b" ".join((method, target, version)) + b"\r\n" + PLAIN + b"\r\n\r\n", FIRST])


@given(st.integers(0, len(FIRST) - 1), st.integers(0, 255))
def test_a_byte_that_differs_is_never_overlooked(at: int, byte: int) -> None:
    as_alone([FIRST, FIRST[:at] + bytes([byte]) + FIRST[at + 1 :], FIRST])


def test_the_same_fields_are_read_once() -> None:
    reader = HeadReader(REQUEST)
    first = reader.read(FIRST)
    second = reader.read(FIRST.replace(b"q=0", b"q=1"))
    assert second.target == b"/api?q=1"
    assert second.noted is first.noted
    assert reader.read(FIRST.replace(b"q=0", b"q=2").replace(b"other=b", b"other=c")).noted is not first.noted
