"""Connections to instances: one exchange at a time each, kept alive in pools."""

import asyncio
import ssl
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import httptools
from typing_extensions import override

from proxy.gate.gate import Gate
from proxy.gate.world import Endpoint
from proxy.services.border import Border, UpstreamForbidden
from proxy.services.upstreams import tls_context
from proxy.wire.chunked import LAST, chunk
from proxy.wire.headers import RESPONSE, without_nominated
from proxy.wire.response import location, set_cookie

if TYPE_CHECKING:
    from proxy.plane.client import Client

STATUS_LINES: Final = {status: b"HTTP/1.1 %d " % status for status in range(100, 1000)}
HIGH_WATER: Final = 32 * 1024
"""Bytes a transport may hold back before the other side stops reading; what one recv brings comes on top."""
HEAD_LIMIT: Final = 256 * 1024
"""Bytes of an answer's head, interim ones included, that may come in parts: what is incomplete is held."""
_REWRITTEN: Final = frozenset({"location", "set-cookie"})
_BODYLESS: Final = frozenset({204, 304})
_PLAIN_CONNECTION: Final = frozenset({b"keep-alive", b"close", b"Keep-Alive", b"Close"})


class Upstream(asyncio.Protocol):
    """One connection to an instance."""

    __slots__ = (
        "_chunked", "_client", "_done", "_head_open", "_head_size", "_keep", "_noted", "_out", "_parser", "_pool",
        "_surplus", "_until_close", "fresh", "idle_since", "transport", "usable",
    )  # fmt: skip

    transport: asyncio.Transport

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._client: Client | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self.usable = True
        self.fresh = True
        """No exchange has been carried yet: a failure is not staleness."""
        self.idle_since = 0.0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's transport can read and write
        self.transport.set_write_buffer_limits(HIGH_WATER)

    # -- one exchange

    def begin(self, client: "Client", request: bytes) -> None:
        """Send a request's head; its answer goes to the client."""
        self._client = client
        self._out: list[bytes] = [b""]
        self._noted: list[tuple[str, bytes]] = []
        self._done = self._surplus = self._until_close = self._chunked = self._keep = False
        self._head_open = True
        self._head_size = 0
        if self._parser is None:
            self._parser = httptools.HttpResponseParser(self)
        self.transport.write(request)

    def release(self, now: float) -> None:
        """Put back into the pool, for the next exchange."""
        if self._pool.closed:
            self.abandon()
            return
        self._client = None
        self.fresh = False
        self.idle_since = now
        self.transport.resume_reading()  # the last part of an answer may have made it wait for its reader
        self._pool.idle.append(self)

    def abandon(self) -> None:
        """Let go for good; the instance notices that nobody waits any more."""
        self._client = None
        self.usable = False
        self._pool.forget(self)
        self.transport.abort()

    @override
    def data_received(self, data: bytes) -> None:
        client, parser = self._client, self._parser
        if client is None or parser is None:  # nobody asked: this connection says nothing we could trust
            self.abandon()
            return
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._client = None
            self._pool.forget(self)
            client.switch(self, b"".join(self._out), data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self.abandon()
            client.failed(stale=False)
            return
        if self._head_open:
            self._wait_for_head(client, len(data))
            return
        out, self._out = self._out, []
        if out:
            client.send(b"".join(out))
        if self._done:
            reusable = self._keep and not self._surplus and self.usable
            if not reusable:
                self._parser = None
            client.finished(reusable=reusable)

    def _wait_for_head(self, client: "Client", size: int) -> None:
        self._head_size += size
        if self._head_size > HEAD_LIMIT:
            self.abandon()
            client.failed(stale=False)

    @override
    def eof_received(self) -> bool:
        return False

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        self._pool.forget(self)
        client, self._client = self._client, None
        if client is None:
            return
        if self._until_close and not self._head_open and exc is None:
            client.finished(reusable=False)
        else:
            client.failed(stale=not self.fresh and self._head_open)

    @override
    def pause_writing(self) -> None:
        if self._client is not None:
            self._client.hold_upload()

    @override
    def resume_writing(self) -> None:
        if self._client is not None:
            self._client.resume_upload()

    # -- what llhttp calls

    def on_message_begin(self) -> None:
        if self._done:
            self._surplus = True  # a second answer to one request: not to be mixed into the first

    def on_status(self, reason: bytes) -> None:
        if not self._surplus:
            self._out[0] += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head_open:  # trailers, and what nobody asked for, are dropped
            return
        treatment = RESPONSE[name]
        if treatment.__class__ is bytes:  # as for requests
            self._out.append(treatment)
            self._out.append(value)
        elif treatment is not None:
            self._noted.append((treatment, value))  # type: ignore[arg-type]

    def on_headers_complete(self) -> None:
        client, parser = self._client, self._parser
        if self._surplus or not self._head_open or client is None or parser is None:
            return
        status = parser.get_status_code()
        self._out[0] = STATUS_LINES[status] + self._out[0]
        if status < 200:
            self._interim(client, status)
            return
        self._head_open = False
        self._keep = parser.should_keep_alive()  # llhttp clears it after the message
        self._frame(client, status)

    def _interim(self, client: "Client", status: int) -> None:
        """1xx go on to the client (RFC 9110 section 15.2), but not to one that speaks HTTP/1.0; 101 is `switch`."""
        self._noted = []
        if status == 101:
            return
        if not client.old:
            client.send(b"".join(self._out) + b"\r\n\r\n")
        self._out = [b""]

    def _frame(self, client: "Client", status: int) -> None:
        """Close the head: what Connection names goes, framing is written anew."""
        framing: dict[str, bytes] = {}
        stream = False
        for name, value in self._noted:
            if name == "content-type":
                self._out += (b"\r\nContent-Type: ", value)
                stream = value.startswith(b"text/event-stream")
            elif name in _REWRITTEN:
                self._rewritten(client, name, value)
            else:
                framing[name] = framing[name] + b", " + value if name in framing else value
        connection = framing.get("connection")
        if connection is not None and connection not in _PLAIN_CONNECTION:
            self._out = [self._out[0], *without_nominated(self._out[1:], connection)]
        head_only = client.method == b"HEAD"
        self._measure(client, framing, bodyless=head_only or status in _BODYLESS)
        client.answer(status, stream=stream)
        if client.tail:
            self._out.append(client.tail)
        self._out.append(b"\r\n\r\n" if client.keep else b"\r\nConnection: close\r\n\r\n")
        if head_only:
            self._done = True
            self._parser = None  # it would wait for the body that HEAD's answer only announces

    def _measure(self, client: "Client", framing: dict[str, bytes], *, bodyless: bool) -> None:
        """The framing of the answer (RFC 9112 section 6.3). An ambiguous one is a broken answer."""
        length, coding = framing.get("content-length"), framing.get("transfer-encoding")
        if coding is not None:
            if length is not None or coding.lower() != b"chunked":
                raise ValueError("an answer's framing is ambiguous")
            if client.old:
                client.keep = False
            else:
                self._chunked = not bodyless
                self._out.append(b"\r\nTransfer-Encoding: chunked")
        elif length is not None:
            self._out += (b"\r\nContent-Length: ", length)
        elif not bodyless:
            self._until_close = True
            client.keep = self._keep = False

    def _rewritten(self, client: "Client", name: str, value: bytes) -> None:
        if name == "location":
            moved = location(value, self._pool.endpoint.origins, client.origin, client.prefix)
            self._out += (b"\r\nLocation: ", moved)
        elif (kept := set_cookie(value, client.prefix)) is not None:
            self._out += (b"\r\nSet-Cookie: ", kept)

    def on_body(self, part: bytes) -> None:
        if self._surplus or self._done:
            return
        self._out.append(chunk(part) if self._chunked else part)

    def on_message_complete(self) -> None:
        if self._surplus or self._head_open or self._done:
            return
        self._done = True
        if self._chunked:
            self._out.append(LAST)


class Pool:
    """The connections to one endpoint. Last in, first out, so that the longest idle lie at the front."""

    __slots__ = ("_context", "_gate", "closed", "endpoint", "idle", "timeout")

    def __init__(self, endpoint: Endpoint, timeout: float, gate: Gate) -> None:
        self.endpoint, self.timeout, self._gate = endpoint, timeout, gate
        self._context: ssl.SSLContext | None = None
        self.idle: list[Upstream] = []
        self.closed = False

    def take(self) -> Upstream | None:
        """An idle connection, if there is one."""
        while self.idle:
            upstream = self.idle.pop()
            if upstream.usable:
                return upstream
        return None

    async def connect(self) -> Upstream:
        """A new connection. Raises OSError or TimeoutError."""
        loop = asyncio.get_running_loop()
        url = urlsplit(self.endpoint.url)
        async with asyncio.timeout(self.timeout):
            if url.scheme == "http+unix":
                _, upstream = await loop.create_unix_connection(lambda: Upstream(self), unquote(url.path))
                return upstream
            if url.scheme == "https" and self._context is None:
                self._context = await asyncio.to_thread(tls_context, self.endpoint.url, self.endpoint.tls)
            host = url.hostname or ""
            name = (self.endpoint.tls.server_name or host) if self._context else None
            port = url.port or (443 if self._context else 80)
            if self.endpoint.governed:  # what a name leads to is looked at every time: it may change
                return await self._connect_within(self._gate.border, host, port, name)
            _, upstream = await loop.create_connection(
                lambda: Upstream(self), host, port, ssl=self._context, server_hostname=name
            )
            return upstream

    async def _connect_within(self, border: Border, host: str, port: int, name: str | None) -> Upstream:
        """Connect to the first address that the border admits and that answers."""
        loop = asyncio.get_running_loop()
        failure: OSError | None = None
        for address in await border.resolved(host, port):
            try:
                _, upstream = await loop.create_connection(
                    lambda: Upstream(self), address, port, ssl=self._context, server_hostname=name
                )
            except OSError as error:
                failure = error
            else:
                return upstream
        raise failure or UpstreamForbidden(host)

    def forget(self, upstream: Upstream) -> None:
        if upstream in self.idle:
            self.idle.remove(upstream)

    def sweep(self, before: float) -> None:
        """Close what has been idle since before a time: sooner than the server would."""
        stale = 0
        for upstream in self.idle:
            if upstream.idle_since > before:
                break
            stale += 1
        old, self.idle = self.idle[:stale], self.idle[stale:]
        for upstream in old:
            upstream.usable = False
            upstream.transport.close()

    def close(self) -> None:
        """Close what is idle now, and what will be."""
        self.closed = True
        self.sweep(float("inf"))
