"""The client's side of the fast lane: one connection, one exchange at a time."""

import asyncio
from enum import IntEnum
from time import monotonic
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from proxy.gate.answers import answer, is_navigation, wants_page, wants_telling
from proxy.gate.caller import Caller
from proxy.gate.principal import Lease, Principal
from proxy.gate.record import CLIENT_GONE, access_line
from proxy.gate.verdict import Missing, Pass, Refusal
from proxy.model.access import Reason
from proxy.plane.head import HEAD_LIMIT, BadHead, HeadReader, Request
from proxy.plane.record import serialised
from proxy.plane.upload import Upload
from proxy.plane.upstream import HIGH_WATER, Pool, Upstream
from proxy.store import StoreUnavailable
from proxy.wire.chunked import BadChunk
from proxy.wire.framing import NO_BODY, Framing

if TYPE_CHECKING:
    from proxy.plane.listener import Plane

_ROUNDS: Final = 3
_DISCARDED: Final = 4 * 1024 * 1024
"""Bytes of a refused upload that are read over, so that a reset does not destroy the refusal."""
_LINGER: Final = 2.0
_IDEMPOTENT: Final = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"})


class State(IntEnum):
    """What a connection is doing."""

    IDLE = 0  # between exchanges, or a head is arriving
    BUSY = 1  # an exchange is going on
    ENDING = 2  # the last answer is written; what still comes is read over
    GONE = 3


_IDLE, _BUSY = State.IDLE, State.BUSY

# Reasons not to read from the client, as bits; plain numbers, since they are looked at on every exchange.
LEARNING: Final = 1
CONNECTING: Final = 2
UPLOAD: Final = 4
PIPELINE: Final = 8


class Client(asyncio.Protocol):
    """Reads heads, asks the gate, and carries what passes."""

    # fmt: off
    __slots__ = (
        "_active", "_buffer", "_caller", "_discarded", "_head_bytes", "_holds", "_lease", "_plane", "_pool",
        "_principal", "_reader", "_received", "_request", "_retriable", "_sent", "_started", "_status",
        "_stream", "_upload", "_upstream", "deadline", "keep", "method", "old", "origin", "peer", "prefix", "state", "tail",
        "transport",
    )
    # fmt: on

    transport: asyncio.Transport

    def __init__(self, plane: "Plane") -> None:
        self._plane = plane
        self._reader = HeadReader()
        self._upstream: Upstream | None = None
        self._lease: Lease | None = None
        self._upload: Upload | None = None
        self._principal: Principal
        self._pool: Pool
        self._request: Request
        self._buffer = b""
        self._holds = 0
        self._discarded = 0
        self._received = False
        """Whether the whole request is here."""
        self.state = _IDLE
        self.peer = ""
        self.tail = b""
        """A line that answers get at their end: HSTS."""

    # -- the connection

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's transport reads and writes
        self.transport.set_write_buffer_limits(HIGH_WATER)
        secure = transport.get_extra_info("ssl_object") is not None
        peername = transport.get_extra_info("peername")
        self.peer = peername[0] if isinstance(peername, tuple) else "127.0.0.1"
        self._caller = Caller(self._plane.gate, self.peer, secure=secure, inspects=False)
        self.tail = self._plane.hsts if secure else b""
        self.deadline = monotonic() + self._plane.timeouts.head
        if not self._plane.enter(self):
            self._refuse(Refusal(Reason.TOO_MANY_CONNECTIONS, 503, retry_after=5))

    @property
    def trusted(self) -> bool:
        """Whether the peer is a proxy that speaks for many."""
        return self._caller.trusted

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._plane.leave(self)
        was, self.state = self.state, State.GONE
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.abandon()
        if was is _BUSY:
            self._record(CLIENT_GONE, monotonic())

    @override
    def eof_received(self) -> bool:
        return False

    @override
    def pause_writing(self) -> None:
        if self._upstream is not None:
            self._upstream.transport.pause_reading()

    @override
    def resume_writing(self) -> None:
        if self._upstream is not None:
            self._upstream.transport.resume_reading()

    def _hold(self, why: int) -> None:
        if not self._holds and not self.transport.is_closing():
            self.transport.pause_reading()
        self._holds |= why

    def _release(self, why: int) -> None:
        if self._holds & why:
            self._holds &= ~why
            if not self._holds and not self.transport.is_closing():
                self.transport.resume_reading()

    def hold_upload(self) -> None:
        """The instance does not take more for the moment."""
        self._hold(UPLOAD)

    def resume_upload(self) -> None:
        self._release(UPLOAD)

    # -- bytes in

    @override
    def data_received(self, data: bytes) -> None:
        state = self.state
        if state is _IDLE:
            self._read(self._buffer + data if self._buffer else data)
        elif state is _BUSY:
            self._active = True
            self._take_body(data)
        else:
            self._discarded += len(data)
            if self._discarded > _DISCARDED:
                self.transport.abort()

    def _read(self, data: bytes) -> None:
        """A head, as far as it is there."""
        if data[:2] == b"\r\n":  # RFC 9112 section 2.2: empty lines before a request are ignored
            data = data.lstrip(b"\r\n")
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:
            self._wait_for_head(data)
            return
        self._buffer = data[end:] if end < len(data) else b""
        self._received = False
        try:
            request = self._reader.read(data[:end] if end < len(data) else data)
        except BadHead as bad:
            self._refuse(Refusal(*bad.args))
            return
        self._begin(request)

    def _wait_for_head(self, data: bytes) -> None:
        if data and not self._buffer:
            self.deadline = monotonic() + self._plane.timeouts.head
        self._buffer = data
        if len(data) > HEAD_LIMIT:
            self._refuse(Refusal(Reason.HEAD_TOO_LARGE, 431))
        elif b"\n\n" in data or b"\n\r\n" in data.replace(b"\r\n", b""):  # it will never end with CRLF CRLF
            self._refuse(Refusal(Reason.BAD_REQUEST, 400, "lines end with CRLF"))

    # -- the exchange

    def _begin(self, request: Request) -> None:
        self.state = _BUSY
        self._request = request
        framing = request.framing
        self.method, self.old, self.keep = request.method, request.old, request.keep
        self._status = self._sent = 0
        self._lease = None
        self._active = self._stream = False
        self._started = now = monotonic()
        self.deadline = now + self._plane.timeouts.response
        if framing is NO_BODY:
            self._received = True
        else:
            self._received = not framing.body
            self._upload = Upload(framing)
        self._judge(now, 1)

    def _judge(self, now: float, turn: int) -> None:
        verdict = self._caller.judge(self._request, now)
        if isinstance(verdict, Pass):
            self._pass(verdict)
        elif isinstance(verdict, Refusal):
            self._lease = verdict.lease
            head = self._request
            if wants_page(head, verdict) or wants_telling(head, verdict):
                self._hand_over()
            else:
                self._refuse(verdict)
        elif isinstance(verdict, Missing):
            if turn > _ROUNDS:
                self._refuse(Refusal(Reason.FACTS_UNAVAILABLE, 503))
                return
            self._hold(LEARNING)
            self._plane.start(self._learn(verdict, turn))
        else:
            self._hand_over()

    async def _learn(self, missing: Missing, turn: int) -> None:
        try:
            await self._plane.gate.learn(missing)
        except StoreUnavailable:
            if self.state is _BUSY:
                self._refuse(Refusal(Reason.FACTS_UNAVAILABLE, 503))
            return
        if self.state is _BUSY:
            self._judge(monotonic(), turn + 1)
            self._release(LEARNING)

    def _pass(self, verdict: Pass) -> None:
        lease, request = verdict.lease, self._request
        self._lease, self._principal = lease, verdict.principal
        if lease.inspected:
            self._hand_over()
            return
        framing, station, site = request.framing, lease.station, self._caller.site
        self._head_bytes = self._head_for_instance(verdict.parts, framing)
        self.prefix = station.prefix
        self.origin = site.origin_bytes if site is not None else b""
        self._pool = pool = self._plane.pool(station.endpoint)
        self._retriable = self._received and self.method in _IDEMPOTENT
        upstream = None if framing.websocket else pool.take()
        if upstream is None:
            self._connect()
        else:
            self._upstream = upstream
            upstream.begin(self, self._head_bytes)
            if self._buffer:
                self._flush()

    def _head_for_instance(self, parts: list[bytes], framing: Framing) -> bytes:
        """The head with its framing, built anew."""
        if framing is not NO_BODY:
            if framing.websocket:
                parts.append(b"\r\nConnection: Upgrade\r\nUpgrade: websocket")
                self.keep = False
            elif framing.chunked:
                parts.append(b"\r\nTransfer-Encoding: chunked")
            elif not framing.other_upgrade or framing.length:
                parts.append(b"\r\nContent-Length: %d" % framing.length)
            expect = self._request.noted.get("expect")
            if expect is not None and not self.old:
                parts += (b"\r\nExpect: ", expect)
        parts.append(b"\r\n\r\n")
        return b"".join(parts)

    def _connect(self) -> None:
        self._hold(CONNECTING)
        self._plane.start(self._connected())

    async def _connected(self) -> None:
        name = self._lease.station.name if self._lease is not None else ""
        try:
            upstream = await self._pool.connect()
        except (OSError, TimeoutError):
            if self.state is _BUSY:
                self._fail(Reason.UPSTREAM_UNREACHABLE, 502)
            return
        self._plane.traffic.upstream(name, None)
        if self.state is not State.BUSY:
            upstream.abandon()
            return
        self._upstream = upstream
        upstream.begin(self, self._head_bytes)
        if not self._request.framing.websocket:
            self._flush()
            self._release(CONNECTING)

    # -- the request's body

    def _flush(self) -> None:
        """What of the body came together with the head, or while a connection was made."""
        if self._buffer:
            data, self._buffer = self._buffer, b""
            self._take_body(data)

    def _take_body(self, data: bytes) -> None:
        """Body bytes go to the instance at once; what follows the message waits for its turn."""
        upstream = self._upstream
        if self._received or upstream is None:
            self._buffer += data
            if self._received:
                self._hold(PIPELINE)
        elif self._upload is not None:
            self._pass_on(self._upload, upstream, data)

    def _pass_on(self, upload: Upload, upstream: Upstream, data: bytes) -> None:
        try:
            content, rest = upload.feed(data)
        except BadChunk as error:
            if self._status:
                self.transport.abort()
            else:
                self._refuse(Refusal(Reason.BAD_REQUEST, 400, error.args[0]))
            return
        self._received = upload.done
        if content:
            upstream.transport.write(content)
        if rest:
            self._take_body(rest)

    # -- the answer: what the upstream calls

    def answer(self, status: int, *, stream: bool) -> None:
        """The head of the instance's answer is there."""
        self._status = status
        self._stream = stream
        timeouts = self._plane.timeouts
        self.deadline = monotonic() + (timeouts.event_stream if stream else timeouts.stream)

    def send(self, data: bytes) -> None:
        self._sent += len(data)
        self._active = True
        self.transport.write(data)

    def finished(self, *, reusable: bool) -> None:
        """The answer is complete."""
        upstream, self._upstream = self._upstream, None
        now = monotonic()
        self._record(self._status, now)
        if upstream is not None:
            if reusable and self._received:
                upstream.release(now)
            else:
                upstream.abandon()
        if self._received and self.keep and not self._plane.draining:
            self._next(now)
        else:  # an early answer ends the upload
            self._end()

    def failed(self, *, stale: bool) -> None:
        """The instance went away before its answer was complete."""
        self._upstream = None
        if self.state is not State.BUSY:
            return
        if self._status:
            self._record(self._status, monotonic())
            self.state = State.GONE
            self.transport.abort()  # the client must not take half an answer for a whole one
        elif stale and self._retriable:
            self._retriable = False
            self._connect()
        else:
            self._fail(Reason.UPSTREAM_BROKEN, 502)

    def switch(self, upstream: Upstream, head: bytes, rest: bytes) -> None:
        """101: from here on bytes are bytes."""
        lease = self._lease
        if not self._request.framing.websocket or lease is None or self.state is not State.BUSY:
            upstream.abandon()
            self.failed(stale=False)
            return
        self._upstream = None
        self._record(101, monotonic())
        early, self._buffer = self._buffer, b""
        self.state = State.GONE
        self._plane.leave(self)
        self.transport.write(head + self.tail + b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n" + rest)
        self._plane.splice(self, upstream.transport, lease, self._principal, rest)
        if early:
            upstream.transport.write(early)
        self.transport.resume_reading()

    def _next(self, now: float) -> None:
        self.state = _IDLE
        self._lease = None
        self.deadline = now + self._plane.timeouts.idle
        if self._buffer:
            asyncio.get_running_loop().call_soon(self._continue)
        elif self._holds:
            self._release(PIPELINE)

    def _continue(self) -> None:
        """The next of several requests that came at once."""
        if self.state is _IDLE:
            data, self._buffer = self._buffer, b""
            self._release(PIPELINE)
            self._read(data)

    # -- refusals, ends

    def _fail(self, reason: Reason, status: int) -> None:
        """The instance cannot be had. A navigation gets a page: the other lane tries once more, and shows it."""
        lease = self._lease
        if lease is not None:
            self._plane.traffic.upstream(lease.station.name, reason)
        if self._received and reason is not Reason.UPSTREAM_TIMEOUT and is_navigation(self._request):
            self._hand_over()
        else:
            self._refuse(Refusal(reason, status, station=lease.station if lease else None, lease=lease))

    def _refuse(self, refusal: Refusal) -> None:
        """Answer from here."""
        if self.state in (State.ENDING, State.GONE) or self.transport.is_closing():
            return
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.abandon()
        busy = self.state is _BUSY
        made = answer(refusal, self._request if busy else None)
        goes_on = busy and self._received and self.keep and made.status != 400 and not self._plane.draining
        head_only = busy and self.method == b"HEAD"
        self.transport.write(serialised(made, close=not goes_on, head_only=head_only, tail=self.tail))
        self._plane.traffic.refused(refusal.station.name if refusal.station else "", refusal.reason)
        if busy:
            self._sent = len(made.body)
            self._record(made.status, monotonic())
        if goes_on:
            self._release(LEARNING | CONNECTING)
            self._next(monotonic())
        else:
            self._end()

    def _end(self) -> None:
        """The last byte is written. A reset would destroy it while the client still sends, so read over that a while."""
        self.state = State.ENDING
        self._buffer = b""
        if self._received or not self.transport.can_write_eof():
            self.transport.close()
            return
        self.deadline = monotonic() + _LINGER
        self._holds = 0
        self.transport.resume_reading()
        self.transport.write_eof()

    def _hand_over(self) -> None:
        """The other lane gets the connection and every byte of this message."""
        self._plane.leave(self)
        self.state = State.GONE
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.abandon()
        if self._holds:
            self._holds = 0
            self.transport.resume_reading()
        self._plane.hand_over(self.transport, self._request.raw + self._own_bytes())

    def _own_bytes(self) -> bytes:
        """What has come of this message after its head. What follows it is not carried: the other lane closes."""
        framing = self._request.framing
        if framing.websocket or framing.chunked:
            return self._buffer
        return self._buffer[: framing.length]

    def _record(self, status: int, now: float) -> None:
        lease = self._lease
        if lease is None:
            return
        micros = int((now - self._started) * 1e6)
        lease.tally.count(status, micros)
        log = self._plane.log
        if log.enabled:
            line = access_line(
                lease,
                started=self._started,
                address=self._caller.address,
                method=self.method,
                target=self._request.target,
                status=status,
                sent=self._sent,
                micros=micros,
            )
            log.lines.append(line)

    # -- time and change: what the plane's sweep calls

    def overdue(self, now: float) -> None:
        """The deadline has passed."""
        if self.state is _BUSY:
            if self._active:
                self._active = False
                timeouts = self._plane.timeouts
                later = timeouts.stream if self._status else timeouts.response
                self.deadline = now + (timeouts.event_stream if self._stream else later)
            elif not self._status:
                self._fail(Reason.UPSTREAM_TIMEOUT, 504)
            else:
                self.transport.abort()
        elif self.state is _IDLE and self._buffer:
            self._refuse(Refusal(Reason.HEAD_TIMEOUT, 408))
        else:
            self.transport.abort()

    def look_again(self, now: float) -> None:
        """A long answer goes on only as long as its session and its right do."""
        lease, gate = self._lease, self._plane.gate
        if lease is None or not self._status:
            return
        principal = self._principal
        alive = principal.alive(now, lease.station.settings)
        if alive and lease.world is gate.world and (principal.user_id is None or lease.until > now):
            return
        station = gate.world.stations.get(lease.station.resource.id)
        decision = gate.decide(principal, station, lease.surface) if station is not None and alive else None
        if isinstance(decision, Missing):
            self._plane.start(self._look_after(decision))
        elif decision is None or not decision.allowed:
            self.transport.abort()

    async def _look_after(self, missing: Missing) -> None:
        try:
            await self._plane.gate.learn(missing)
        except StoreUnavailable:
            return  # the next sweep asks again

    def drain(self) -> None:
        """Close now if nothing is going on; else after this answer."""
        if self.state is _IDLE and not self._buffer:
            self.transport.close()
