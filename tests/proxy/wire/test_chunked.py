"""The chunked coding, read strictly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.wire.chunked import LAST, BadChunk, ChunkedBody, chunk


def read(data: bytes, *cuts: int) -> tuple[bytes, bytes, bool]:
    """Content, what follows, and whether it ended; the bytes come in pieces."""
    body, content, rest, at = ChunkedBody(), b"", b"", 0
    for cut in (*sorted(min(cut, len(data)) for cut in cuts), len(data)):
        found, left = body.feed(data[at:cut])
        content, rest, at = content + b"".join(found), rest + left, cut
    return content, rest, body.done


@given(st.lists(st.binary(max_size=40), max_size=5), st.binary(max_size=10), st.lists(st.integers(0, 200), max_size=6))
def test_what_was_sent_is_read_however_it_is_cut(parts: list[bytes], after: bytes, cuts: list[int]) -> None:
    data = b"".join(map(chunk, parts)) + LAST + after
    assert read(data, *cuts) == (b"".join(parts), after, True)


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (b"0\r\n\r\n", b""),
        (b"5\r\nhello\r\n000\r\n\r\n", b"hello"),
        (b'A;x="y z";q\r\n0123456789\r\n0\r\n\r\n', b"0123456789"),
        (b"1 \t;a\r\nx\r\n0\r\n\r\n", b"x"),
        (b"1\r\nx\r\n0\r\nX-Trailer: dropped\r\nB: c\r\n\r\n", b"x"),
    ],
)
def test_extensions_and_trailers_are_read_over(data: bytes, content: bytes) -> None:
    assert read(data) == (content, b"", True)
    assert read(data, *range(1, len(data))) == (content, b"", True)


def test_an_unfinished_body_is_not_done() -> None:
    assert read(b"5\r\nhel") == (b"hel", b"", False)
    assert read(b"5\r\nhello\r") == (b"hello", b"", False)
    assert read(b"0\r\nX: ") == (b"", b"", False)


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"x\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b" 1\r\n",
        b"1\n",
        b"1\rx\r\n",
        b"1;a\x00\r\n",
        b"1;a\rb\r\n",
        b"1 x\r\n",
        b"f" * 16 + b"\r\n",
        b"1\r\nxy\r\n",
        b"1\r\nx\n",
        b"1;" + b"a" * 2000,
        b"0\r\nX: y\n",
        b"0\r\n" + (b"X: " + b"y" * 1000 + b"\r\n") * 9,
    ],
)
def test_a_body_that_two_parsers_could_read_differently_is_refused(data: bytes) -> None:
    with pytest.raises(BadChunk):
        read(data)


def test_nothing_is_no_chunk_since_an_empty_one_would_end_the_body() -> None:
    assert chunk(b"") == b""
    assert chunk(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"
