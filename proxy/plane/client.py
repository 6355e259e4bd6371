"""An exchange of the fast lane: the gate is asked, and what passes is carried, one at a time on a connection."""

from time import monotonic
from typing import TYPE_CHECKING, Final

from typing_extensions import override

from proxy.gate.answers import is_navigation, wants_page, wants_telling
from proxy.gate.checks import SAFE
from proxy.gate.judge import view_of
from proxy.gate.live import place_of
from proxy.gate.principal import Principal
from proxy.gate.verdict import Missing, Pass, Refusal
from proxy.model.access import Reason
from proxy.plane.connection import BUSY, CONNECTING, LEARNING, PIPELINE, Connection, State
from proxy.plane.head import Request
from proxy.plane.upload import Upload
from proxy.plane.upstream import Pool, Upstream
from proxy.store import StoreUnavailable
from proxy.wire.chunked import BadChunk
from proxy.wire.framing import NO_BODY, Framing

if TYPE_CHECKING:
    from proxy.plane.listener import Plane

_ROUNDS: Final = 3
_END: Final = b"\r\n\r\n"
_IDEMPOTENT: Final = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"})


class Client(Connection):
    """A connection whose requests are judged and carried."""

    __slots__ = ("_head_bytes", "_pool", "_principal", "_retriable", "_stream", "_upload", "origin", "prefix")

    def __init__(self, plane: "Plane") -> None:
        super().__init__(plane)
        self._upload: Upload | None = None
        self._principal: Principal = plane.gate.nobody
        self._pool: Pool

    # -- the exchange

    @override
    def _begin(self, request: Request) -> None:
        self.state = BUSY
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
        if verdict.__class__ is Pass:  # nearly always
            self._pass(verdict)
        elif isinstance(verdict, Refusal):
            self._lease = verdict.lease
            head = self._request
            if wants_page(head, verdict) or wants_telling(head, verdict):
                self._hand_over(paid=verdict.limit is None)  # one that is used up is looked at again: it costs nothing
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
            if self.state is BUSY:
                self._refuse(Refusal(Reason.FACTS_UNAVAILABLE, 503))
            return
        if self.state is BUSY:
            self._release(LEARNING)  # before the judgement, which may have more to learn
            self._judge(monotonic(), turn + 1)

    def _pass(self, verdict: Pass) -> None:
        if verdict.lease.inspected:
            self._lease, self._principal = verdict.lease, verdict.principal
            self._hand_over()
        else:
            self._carry(verdict)

    def _carry(self, verdict: Pass) -> None:
        """Send what passes on to the instance, as it is."""
        lease, request = verdict.lease, self._request
        self._lease, self._principal = lease, verdict.principal
        framing, station, site = request.framing, lease.station, self._caller.site
        frames = self._caller.frames
        self.tail = self._secured + frames if frames else self._secured
        parts = verdict.parts
        if framing is not NO_BODY:
            self._frame(parts, framing)
        parts.append(_END)
        self._head_bytes = b"".join(parts)
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

    def _frame(self, parts: list[bytes], framing: Framing) -> None:
        """The framing of the request, built anew."""
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

    def _connect(self) -> None:
        self._hold(CONNECTING)
        self._plane.start(self._connected())

    async def _connected(self) -> None:
        name = self._lease.station.name if self._lease is not None else ""
        try:
            upstream = await self._pool.connect()
        except (OSError, TimeoutError):
            if self.state is BUSY:
                self._fail(Reason.UPSTREAM_UNREACHABLE, 502)
            return
        self._plane.traffic.upstream(name, None)
        if self.state is not BUSY:
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

    @override
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
        if self.state is not BUSY:
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
        if not self._request.framing.websocket or lease is None or self.state is not BUSY:
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

    def _fail(self, reason: Reason, status: int) -> None:
        """The instance cannot be had. A navigation gets a page: the other lane tries once more, and shows it."""
        lease = self._lease
        if lease is not None:
            self._plane.traffic.upstream(lease.station.name, reason)
        if self._received and reason is not Reason.UPSTREAM_TIMEOUT and is_navigation(self._request):
            self._hand_over(paid=True)
        else:
            self._refuse(Refusal(reason, status, station=lease.station if lease else None, lease=lease))

    # -- time and change: what the plane's sweep calls

    @override
    def _late(self, now: float) -> None:
        if self._active:
            self._active = False
            timeouts = self._plane.timeouts
            later = timeouts.stream if self._status else timeouts.response
            self.deadline = now + (timeouts.event_stream if self._stream else later)
        elif not self._status:
            self._fail(Reason.UPSTREAM_TIMEOUT, 504)
        else:
            self.transport.abort()

    @override
    def look_again(self, now: float) -> None:
        lease, gate = self._lease, self._plane.gate
        if lease is None:
            return
        principal = self._principal
        alive = principal.alive(now, lease.station.settings)
        if alive and lease.world is gate.world and lease.until > now:
            return
        station = gate.world.stations.get(lease.station.resource.id)
        decision = gate.decide(principal, station, lease.surface) if station is not None and alive else None
        if isinstance(decision, Missing):
            self._plane.start(self._look_after(decision))
        elif station is None:
            self._stop(Reason.NOT_FOUND, 404)
        elif decision is None:
            self._stop(Reason.SESSION_ENDED, 401)
        elif not decision.allowed:
            self._stop(decision.reason, decision.status)
        elif place_of(station, principal) != place_of(lease.station, principal) or view_of(decision) != lease.view:
            self._stop(Reason.UPSTREAM_CHANGED, 503)

    def _stop(self, reason: Reason, status: int) -> None:
        """What goes on is no longer theirs. Before an answer has begun, the client can still be told so."""
        if self._status:
            self.transport.abort()
        elif self._request.framing is NO_BODY and self.method in SAFE:
            self._hand_over(paid=True)  # the other lane judges it anew, and has pages for navigations
        else:
            lease = self._lease
            self.keep = False  # a connection that is still being made must not find another exchange here
            self._refuse(Refusal(reason, status, station=lease.station if lease else None, lease=lease))

    async def _look_after(self, missing: Missing) -> None:
        try:
            await self._plane.gate.learn(missing)
        except StoreUnavailable:
            return  # the next sweep asks again
        # Not at the next sweep: two of them and a look at the version take over a second.
        if self.state is BUSY:
            self.look_again(monotonic())
