"""The aiohttp lane's server: aiohttp's protocol behind a Tap, held to the gateway's limits, deadlines and answers."""

import asyncio
from time import monotonic
from typing import Final

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy
from typing_extensions import override

from proxy.gate.answers import answer
from proxy.gate.crowd import Crowd
from proxy.gate.gate import Gate
from proxy.gate.verdict import Refusal
from proxy.inspection.takeover import Detached, Tap, tap_of
from proxy.model.access import Reason
from proxy.plane.listener import SWEEP, Timeouts
from proxy.plane.record import serialised
from proxy.wire.address import trusted

_FORM_LIMIT: Final = 64 * 1024
_READ: Final = 64 * 1024
"""Bytes of a body that wait to be read."""
_LINGERING: Final = 2.0
_CUT: Final = 0.5
"""Seconds for a request that is cut off at the end to notice."""
_REFUSALS: Final = {
    400: Refusal(Reason.BAD_REQUEST, 400),
    408: Refusal(Reason.HEAD_TIMEOUT, 408),
    431: Refusal(Reason.HEAD_TOO_LARGE, 431),
    500: Refusal(Reason.DEFECT, 500),
    503: Refusal(Reason.TOO_MANY_CONNECTIONS, 503, retry_after=5),
    504: Refusal(Reason.UPSTREAM_TIMEOUT, 504),
}


class Lane:
    """The lane's connections; its server is made when the loop runs."""

    def __init__(self, *, gate: Gate, crowd: Crowd, hsts: bytes, app: web.Application | None = None) -> None:
        """`hsts` is a line that last answers by TLS get at their end."""
        self.app = app or web.Application(client_max_size=_FORM_LIMIT)
        self.timeouts = Timeouts()
        self._gate, self._crowd, self._hsts = gate, crowd, hsts
        self._taps: set[Tap] = set()
        self._runner: web.AppRunner | None = None

    async def start(self, timeouts: Timeouts) -> None:
        """Raises OSError where aiohttp has only its Python parser, which lets more pass than the compiled one."""
        if HttpRequestParser is HttpRequestParserPy:
            raise OSError("aiohttp has no compiled parser here. Install aiohttp from a wheel, or with a C compiler.")
        self.timeouts = timeouts
        self._runner = web.AppRunner(self.app, access_log=None, handler_cancellation=True, shutdown_timeout=_CUT)
        await self._runner.setup()

    def protocol(self) -> Tap:
        """A protocol for a new connection: what a listening socket asks for."""
        return Tap(self._handler(), self._enter, self._leave)

    def take_over(self, transport: asyncio.Transport, raw: bytes, paid: bool) -> None:
        """Go on with a connection of the fast lane's; `raw` is every byte of the message that is due.

        `paid`: the limits have been charged for it.
        """
        tap = self.protocol()
        tap.paid = paid
        transport.set_protocol(tap)
        tap.connection_made(transport)
        tap.data_received(raw)

    def _handler(self) -> "Handler":
        runner = self._runner
        if runner is None or runner.server is None:
            raise RuntimeError("the lane is not started")
        return Handler(self, runner.server, loop=asyncio.get_running_loop(), keepalive_timeout=self.timeouts.idle)

    def _enter(self, tap: Tap) -> None:
        self._taps.add(tap)
        tap.deadline = monotonic() + self.timeouts.head
        speaks_for_many = bool(self._gate.trusted) and trusted(tap.peer, self._gate.trusted)
        if not self._crowd.enter(tap.peer, trusted=speaks_for_many):
            self.dismiss(tap, 503)

    def _leave(self, tap: Tap) -> None:
        if tap in self._taps:
            self._taps.discard(tap)
            self._crowd.leave(tap.peer)

    def dismiss(self, tap: Tap, status: int) -> None:
        """Refuse what is no request, and close."""
        refusal = _REFUSALS.get(status, _REFUSALS[500])
        tail = self._hsts if tap.secure else b""
        tap.dismiss(serialised(answer(refusal), close=True, head_only=False, tail=tail))

    async def sweep(self) -> None:
        """Look twice a second for connections that do not get their head together, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP)
            now = monotonic()
            for tap in [tap for tap in self._taps if tap.deadline < now]:
                if tap.begun:
                    self.dismiss(tap, 408)
                else:
                    tap.transport.abort()

    async def drain(self, seconds: float) -> None:
        """Let what is going on finish, for so many seconds at most; then cut what is left."""
        server = self._runner.server if self._runner is not None else None
        if server is not None:
            server.pre_shutdown()
            await server.shutdown(seconds)

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()


class Handler(web.RequestHandler):
    """aiohttp's protocol, but what it refuses by itself is answered as any refusal of the gateway's."""

    __slots__ = ("_lane",)

    def __init__(
        self,
        lane: Lane,
        server: web.Server,
        *,
        loop: asyncio.AbstractEventLoop,
        keepalive_timeout: float,
    ) -> None:
        super().__init__(
            server,
            loop=loop,
            keepalive_timeout=keepalive_timeout,
            auto_decompress=False,
            max_line_size=8190,
            max_field_size=8190,
            max_headers=128,
            lingering_time=_LINGERING,
            read_bufsize=_READ,
        )
        self._lane = lane

    @override
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        tap = tap_of(request)
        if request.writer.output_size > 0 or tap is None:
            raise ConnectionError("an answer that has begun cannot become another one")
        if isinstance(
            exc, UnicodeError
        ):  # it quotes an Expect that cannot be written, before anybody else sees the request
            status = 400
        self._lane.dismiss(tap, 431 if isinstance(exc, LineTooLong) else status)
        return Detached()
