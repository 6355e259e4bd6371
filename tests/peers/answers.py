"""What a made-up instance may answer, from the ordinary to the broken."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from tests.peers.frames import CLOSE, PING, PONG, Frame, accept_key, read_frame
from tests.peers.upstream import Answer, Exchange, Fields


def head(status: int, *fields: tuple[bytes, bytes]) -> bytes:
    """A response head of exactly these fields."""
    lines = [b"HTTP/1.1 %d Said" % status, *(b"%b: %b" % pair for pair in fields)]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def by_path(answers: Mapping[str, Answer]) -> Answer:
    """The answer of the request's path, without its query; `*` is the answer of any other."""

    async def answer(exchange: Exchange) -> None:
        path = exchange.request.target.split(b"?")[0].decode()
        await answers.get(path, answers.get("*", plain(b"no such path", status=404)))(exchange)

    return answer


def in_turn(*answers: Answer) -> Answer:
    """One answer after the other, over all connections; the last one goes on."""
    left = list(answers)

    async def answer(exchange: Exchange) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(exchange)

    return answer


def plain(body: bytes = b"", *fields: tuple[bytes, bytes], status: int = 200) -> Answer:
    """Read the request whole, then answer with a Content-Length; to HEAD without the body it announces."""

    async def answer(exchange: Exchange) -> None:
        await exchange.body()
        shown = b"" if exchange.request.method == b"HEAD" else body
        await exchange.send(head(status, *fields, (b"Content-Length", b"%d" % len(body))) + shown)

    return answer


def raw(*parts: bytes, close: bool = False, read: bool = True) -> Answer:
    """Exactly these bytes, each part flushed by itself: for whatever has no answer of its own here."""

    async def answer(exchange: Exchange) -> None:
        if read:
            await exchange.body()
        await exchange.send(*parts)
        if close:
            exchange.close()

    return answer


def bodiless(status: int, *fields: tuple[bytes, bytes]) -> Answer:
    """A 204 or a 304, whose Content-Length, if any, describes a body that does not follow."""
    return raw(head(status, *fields))


def chunked(*parts: bytes, fields: Fields = (), trailers: Fields = ()) -> Answer:
    closing = b"0\r\n" + b"".join(b"%b: %b\r\n" % pair for pair in trailers) + b"\r\n"
    opening = head(200, *fields, (b"Transfer-Encoding", b"chunked"))
    return raw(opening, *(b"%x\r\n%b\r\n" % (len(part), part) for part in parts), closing)


def until_close(*parts: bytes) -> Answer:
    """A body without a length: the end of the connection ends it."""
    return raw(head(200, (b"Content-Type", b"text/plain")), *parts, close=True)


def events(*messages: bytes) -> Answer:
    """Server-sent events that stay open; each is sent when the one before is surely on its way."""

    async def answer(exchange: Exchange) -> None:
        await exchange.send(head(200, (b"Content-Type", b"text/event-stream"), (b"Cache-Control", b"no-cache")))
        await exchange.send(*(b"data: %b\n\n" % message for message in messages))
        await exchange.gone()
        exchange.close()

    return answer


def interim(*statuses: int, then: Answer) -> Answer:
    """1xx answers before the real one; to 100-continue the body is awaited only after them."""

    async def answer(exchange: Exchange) -> None:
        for status in statuses:
            await exchange.send(head(status, (b"X-Interim", b"%d" % status)))
        await then(exchange)

    return answer


def early(status: int = 413, *, body: bytes = b"too much") -> Answer:
    """Answer before the request's body was read, and take no more of it."""

    async def answer(exchange: Exchange) -> None:
        fields = (b"Content-Length", b"%d" % len(body)), (b"Connection", b"close")
        await exchange.send(head(status, *fields) + body)
        await exchange.gone()
        exchange.close()

    return answer


def half_body(announced: int = 1000, sent: bytes = b"half") -> Answer:
    """Less than was announced, then the end."""
    return raw(head(200, (b"Content-Length", b"%d" % announced)) + sent, close=True)


def both_framings(body: bytes = b"hello") -> Answer:
    """Content-Length beside Transfer-Encoding, as response smuggling has it (RFC 9112 section 6.1)."""
    opening = head(200, (b"Content-Length", b"3"), (b"Transfer-Encoding", b"chunked"))
    return raw(opening + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))


def surplus(body: bytes, extra: bytes) -> Answer:
    """A complete answer with a second one, that nobody asked for, right behind it."""
    response = head(200, (b"Content-Length", b"%d" % len(body))) + body
    return raw(response + head(200, (b"Content-Length", b"%d" % len(extra))) + extra)


def then_close(answer: Answer) -> Answer:
    """A connection that promised to stay and is closed as soon as the answer is sent: the pool holds a stale one."""

    async def and_close(exchange: Exchange) -> None:
        await answer(exchange)
        exchange.close()

    return and_close


async def drop(exchange: Exchange) -> None:
    """No answer: the connection ends once the request's head is there."""
    exchange.close()


async def never(exchange: Exchange) -> None:
    """No answer for as long as the other side can wait."""
    await exchange.gone()
    exchange.close()


def slow(*parts: bytes, gap: float) -> Answer:
    """An answer by Content-Length in parts with `gap` seconds between them: the slowness itself is what is tested."""

    async def answer(exchange: Exchange) -> None:
        await exchange.body()
        await exchange.send(head(200, (b"Content-Length", b"%d" % sum(map(len, parts)))))
        for part in parts:
            await asyncio.sleep(gap)
            await exchange.send(part)

    return answer


def echo(*, protocol: bytes | None = None, extensions: bytes | None = None, first: bytes = b"") -> Answer:
    """A websocket that sends every message back as it came, bit for bit; a close too, and then it ends.

    `first` goes out in the same segment as the 101.
    """

    async def answer(exchange: Exchange) -> None:
        key = exchange.request.value(b"Sec-WebSocket-Key")
        assert key is not None
        fields = [(b"Upgrade", b"websocket"), (b"Connection", b"Upgrade"), (b"Sec-WebSocket-Accept", accept_key(key))]
        fields += [(b"Sec-WebSocket-Protocol", protocol)] if protocol else []
        fields += [(b"Sec-WebSocket-Extensions", extensions)] if extensions else []
        await exchange.send(head(101, *fields) + first)
        await _echo_frames(exchange)
        exchange.close()

    return answer


async def _echo_frames(exchange: Exchange) -> None:
    with suppress(asyncio.IncompleteReadError):
        while True:
            frame = await read_frame(exchange.reader)
            exchange.instance.frames.append(frame)
            exchange.instance.changes.told()
            back = Frame(opcode=PONG, payload=frame.payload) if frame.opcode == PING else frame
            await exchange.send(back.encode())
            if frame.opcode == CLOSE:
                return
