"""One connection of a client: heads in, refusals and the end; what happens between is the exchange's."""

import asyncio
from abc import ABC, abstractmethod
from enum import IntEnum
from time import monotonic
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from proxy.gate.answers import answer
from proxy.gate.caller import Caller
from proxy.gate.principal import Lease
from proxy.gate.record import CLIENT_GONE, access_line
from proxy.gate.verdict import Refusal
from proxy.model.access import Reason
from proxy.plane.head import HEAD_LIMIT, BadHead, HeadReader, Request
from proxy.plane.record import serialised
from proxy.plane.upstream import HIGH_WATER, Upstream

if TYPE_CHECKING:
    from proxy.plane.listener import Plane

_DISCARDED: Final = 4 * 1024 * 1024
"""Bytes of a refused upload that are read over, so that a reset does not destroy the refusal."""
_LINGER: Final = 2.0


class State(IntEnum):
    """What a connection is doing."""

    IDLE = 0  # between exchanges, or a head is arriving
    BUSY = 1  # an exchange is going on
    ENDING = 2  # the last answer is written; what still comes is read over
    GONE = 3


IDLE, BUSY = State.IDLE, State.BUSY

# Reasons not to read from the client, as bits; plain numbers, since they are looked at on every exchange.
LEARNING: Final = 1
CONNECTING: Final = 2
UPLOAD: Final = 4
PIPELINE: Final = 8


class Connection(asyncio.Protocol, ABC):
    """Reads one head after the other and answers what never becomes an exchange."""

    # fmt: off
    __slots__ = (
        "_active", "_buffer", "_caller", "_discarded", "_holds", "_lease", "_plane", "_reader", "_received", "_request",
        "_secured", "_sent", "_started", "_status", "_upstream", "deadline", "keep", "method", "old", "peer", "state", "tail",
        "transport",
    )
    # fmt: on

    transport: asyncio.Transport
    method: bytes
    keep: bool
    """Whether the connection may carry another request."""
    old: bool
    """The client speaks HTTP/1.0."""
    deadline: float
    """Steady seconds."""
    _started: float
    _sent: int
    _status: int
    """Of the instance's answer; 0 before its head."""
    _active: bool
    """Something moved since the deadline was last looked at."""

    def __init__(self, plane: "Plane") -> None:
        self._plane = plane
        self._reader = HeadReader(plane.gate.fields)
        self._upstream: Upstream | None = None
        self._lease: Lease | None = None
        self._request: Request
        self._buffer = b""
        self._holds = 0
        self._discarded = 0
        self._received = False
        """Whether the whole request is here."""
        self.state = IDLE
        self.peer = ""
        self.tail = self._secured = b""
        """A line that answers get at their end: HSTS."""

    # -- what an exchange is

    @abstractmethod
    def _begin(self, request: Request) -> None:
        """A whole head is there."""

    @abstractmethod
    def _take_body(self, data: bytes) -> None:
        """More bytes came while an exchange is going on."""

    @abstractmethod
    def look_again(self, now: float) -> None:
        """A long answer goes on only as long as its session and its right do."""

    @abstractmethod
    def _late(self, now: float) -> None:
        """The deadline of the exchange has passed."""

    # -- the connection

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's transport reads and writes
        self.transport.set_write_buffer_limits(HIGH_WATER)
        tls = transport.get_extra_info("ssl_object")
        secure = tls is not None
        peername = transport.get_extra_info("peername")
        self.peer = peername[0] if isinstance(peername, tuple) else "127.0.0.1"
        gate = self._plane.gate
        self._caller = Caller(gate, self.peer, secure=secure, inspects=False, certificate=gate.certificate_of(tls))
        self.tail = self._secured = self._plane.hsts if secure else b""
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
        if was is BUSY:
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
        if state is IDLE:
            self._read(self._buffer + data if self._buffer else data)
        elif state is BUSY:
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

    def _next(self, now: float) -> None:
        self.state = IDLE
        self._lease = None
        self.deadline = now + self._plane.timeouts.idle
        if self._buffer:
            asyncio.get_running_loop().call_soon(self._continue)
        elif self._holds:
            self._release(PIPELINE | UPLOAD)

    def _continue(self) -> None:
        """The next of several requests that came at once."""
        if self.state is IDLE:
            data, self._buffer = self._buffer, b""
            self._release(PIPELINE | UPLOAD)
            self._read(data)

    # -- refusals, ends

    def _refuse(self, refusal: Refusal) -> None:
        """Answer from here."""
        if self.state in (State.ENDING, State.GONE) or self.transport.is_closing():
            return
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.abandon()
        busy = self.state is BUSY
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
        try:
            self.transport.write_eof()
        except OSError:  # the client is gone already
            self.transport.abort()

    def _hand_over(self, *, paid: bool = False) -> None:
        """The other lane gets the connection and every byte of this message. `paid`: limits have been charged for it."""
        self._plane.leave(self)
        self.state = State.GONE
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.abandon()
        if self._holds:
            self._holds = 0
            self.transport.resume_reading()
        self._plane.hand_over(self.transport, self._request.raw + self._own_bytes(), paid)

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
                address=self._caller.address_bytes,
                method=self.method,
                target=self._request.target,
                status=status,
                sent=self._sent,
                micros=micros,
            )
            log.lines.append(line)

    # -- time: what the plane's sweep calls

    def overdue(self, now: float) -> None:
        """The deadline has passed."""
        if self.state is BUSY:
            self._late(now)
        elif self.state is IDLE and self._buffer:
            self._refuse(Refusal(Reason.HEAD_TIMEOUT, 408))
        else:
            self.transport.abort()

    def drain(self) -> None:
        """Close now if nothing is going on; else after this answer."""
        if self.state is IDLE and not self._buffer:
            self.transport.close()
