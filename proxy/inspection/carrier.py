"""Carrying an exchange to an instance and back: streamed as it is, or fetched whole to be changed."""

import asyncio
import ssl
from collections.abc import Callable
from types import SimpleNamespace
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    TraceConfig,
    TraceRequestRedirectParams,
    UnixConnector,
    web,
)
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from proxy.gate.world import Endpoint, World
from proxy.inspection.exchange import Exchange, Fetched, UpstreamFailed, failure
from proxy.inspection.upload import Upload
from proxy.inspection.within import Within
from proxy.model.access import Reason
from proxy.services.border import Border, UpstreamForbidden
from proxy.services.upstreams import tls_context
from proxy.wire.headers import RESPONSE, as_text, without_nominated
from proxy.wire.response import location, set_cookie

WHOLE: Final = 8 * 1024 * 1024
"""Bytes of a message that may be held to be looked at or changed."""
_SWEEP: Final = 0.5
_SKIPPED: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class Patience(Protocol):
    """Seconds: for connecting, until an answer begins, and between two parts of one."""

    @property
    def connect(self) -> float: ...
    @property
    def response(self) -> float: ...
    @property
    def stream(self) -> float: ...
    @property
    def event_stream(self) -> float: ...


class Carrier:
    """The aiohttp client's side: one session per endpoint, without limits, cookies, redirects or decompression."""

    def __init__(self, patience: Patience, border: Callable[[], Border]) -> None:
        self.patience, self._border = patience, border
        self._sessions: dict[Endpoint, ClientSession] = {}

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()

    async def sweep(self, world: Callable[[], World]) -> None:
        """Close the connections to where no instance is any more, and what goes on there; until cancelled."""
        looked_at = world()
        while True:
            await asyncio.sleep(_SWEEP)
            now = world()
            if now is not looked_at:
                looked_at = now
                used = {station.endpoint for station in now.stations.values()}
                for endpoint in self._sessions.keys() - used:
                    await self._sessions.pop(endpoint).close()

    async def session(self, endpoint: Endpoint) -> ClientSession:
        """The session for an endpoint. Raises OSError, UpstreamForbidden where it may not be reached."""
        if endpoint.governed:
            self._refuse_forbidden(endpoint)
        if endpoint not in self._sessions:
            context = await asyncio.to_thread(tls_context, endpoint.url, endpoint.tls)
            if endpoint not in self._sessions:  # another request may have been here meanwhile
                self._sessions[endpoint] = self._new_session(endpoint, context)
        return self._sessions[endpoint]

    def _refuse_forbidden(self, endpoint: Endpoint) -> None:
        """An address needs no looking up, so the connector would not ask about it."""
        url = urlsplit(endpoint.url)
        port = url.port or (443 if url.scheme == "https" else 80)
        if not self._border().admits_host(url.hostname or "", port):
            raise UpstreamForbidden(url.hostname)

    def _new_session(self, endpoint: Endpoint, context: ssl.SSLContext | None) -> ClientSession:
        url = urlsplit(endpoint.url)
        connector: TCPConnector | UnixConnector
        if url.scheme == "http+unix":
            connector = UnixConnector(unquote(url.path), limit=0, keepalive_timeout=4)
        else:
            connector = TCPConnector(
                limit=0,
                keepalive_timeout=4,
                ssl=context if context is not None else True,
                resolver=Within(self._border) if endpoint.governed else None,
                use_dns_cache=not endpoint.governed,
            )
        trace = TraceConfig()
        trace.on_request_redirect.append(_never_followed)
        return ClientSession(
            connector=connector,
            trace_configs=[trace],
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=_SKIPPED,
            read_bufsize=2**16,
        )

    def url(self, endpoint: Endpoint, path: bytes) -> URL:
        """Where a target of an instance is, byte for byte; both parsers refuse targets that are not ASCII."""
        base = "http://unix" if endpoint.url.startswith("http+unix") else endpoint.url.rstrip("/")
        return URL(base + path.decode("ascii"), encoded=True)

    def upload(self, exchange: Exchange, *, keep: int = 0) -> Upload | None:
        """The body of a request, where it has one; `keep` is how much of a copy is wanted."""
        request = exchange.request
        return Upload(request.content, self.patience.response, keep=keep) if request.body_exists else None

    async def open(
        self, exchange: Exchange, fields: CIMultiDict[str] | None = None, *, body: Upload | bytes | None = None
    ) -> ClientResponse:
        """Send the request; the answer's head is there, its body is the caller's to read. Raises UpstreamFailed.

        A `body` of bytes is sent in place of the client's.
        """
        station, request = exchange.verdict.lease.station, exchange.request
        sent = exchange.fields if fields is None else fields
        body = self.upload(exchange) if body is None else body
        upload = body if isinstance(body, Upload) else None
        if (length := _length(request, body)) is not None:
            sent["Content-Length"] = length
        try:
            session = await self.session(station.endpoint)
            async with asyncio.timeout(self.patience.response) as limit:
                if upload is not None:
                    upload.limit = limit
                answer = await session.request(
                    request.method,
                    self.url(station.endpoint, exchange.path),
                    headers=sent,
                    data=body,
                    allow_redirects=False,
                    timeout=ClientTimeout(total=None, sock_connect=self.patience.connect),
                    server_hostname=station.endpoint.tls.server_name,
                )
        except (ClientError, TimeoutError, OSError) as error:
            raise failure(error) from error
        finally:
            if upload is not None:
                upload.limit = None
        if answer.status == 101 or not _plain(answer):
            answer.close()
            raise UpstreamFailed(Reason.UPSTREAM_BROKEN, 502)
        return answer

    def fields(self, exchange: Exchange, answer: ClientResponse) -> CIMultiDict[str]:
        """The end-to-end fields of an answer, rewritten for this host; framing is left out."""
        lines: list[bytes] = []
        connection = b""
        for name, value in answer.raw_headers:
            treatment = RESPONSE[name]
            if isinstance(treatment, bytes):
                lines += (treatment, value)
            elif treatment == "connection":
                connection += b"," + value
            elif treatment is not None:
                lines += _rewritten(exchange, treatment, value)
        if connection:
            lines = without_nominated(lines, connection)
        fields: CIMultiDict[str] = CIMultiDict()
        for at in range(0, len(lines), 2):
            fields.add(lines[at][2:-2].decode("latin-1"), as_text(lines[at + 1]))
        return fields

    async def carry(self, exchange: Exchange) -> web.StreamResponse:
        """Stream the answer through as it is. Raises UpstreamFailed while nothing has been sent."""
        return await self.pass_on(exchange, await self.open(exchange))

    async def pass_on(self, exchange: Exchange, answer: ClientResponse, first: bytes = b"") -> web.StreamResponse:
        """Stream an answer through as it is; `first` is what was read of its body already."""
        try:
            response = web.StreamResponse(
                status=answer.status, reason=answer.reason, headers=self.fields(exchange, answer)
            )
            if "Content-Type" not in response.headers:
                response.headers["Content-Type"] = ""  # aiohttp would invent one
            _measure(exchange.request, response, answer.headers, answer.status)
            await response.prepare(exchange.request)
            await self._copy(exchange.request, answer, response, first)
            await response.write_eof()
        except (ClientError, TimeoutError):
            # The client must not take half an answer for a whole one.
            if exchange.request.transport is not None:
                exchange.request.transport.abort()
            raise
        finally:
            answer.close() if not answer.content.is_eof() else answer.release()
        return response

    async def _copy(
        self, request: web.Request, answer: ClientResponse, response: web.StreamResponse, first: bytes
    ) -> None:
        """The body, part by part. Raises TimeoutError when either side makes a pause that is too long."""
        if request.method == "HEAD":
            return
        streams = answer.headers.get("Content-Type", "").startswith("text/event-stream")
        pause = self.patience.event_stream if streams else self.patience.stream
        async with asyncio.timeout(pause) as limit:
            if first:
                await response.write(first)
            async for part in answer.content.iter_any():
                await response.write(part)
                limit.reschedule(asyncio.get_running_loop().time() + pause)

    async def fetch(self, exchange: Exchange, *, body: bytes | None = None) -> Fetched:
        """The whole answer, uncompressed, at most 8 MiB. Raises UpstreamFailed.

        A `body` is sent in place of the client's.
        """
        fields = exchange.fields
        fields["Accept-Encoding"] = "identity"
        for name in ("If-None-Match", "If-Modified-Since", "Range"):
            fields.popall(name, None)
        answer = await self.open(exchange, fields, body=body)
        try:
            taken = bytearray()
            async with asyncio.timeout(self.patience.response):
                async for part in answer.content.iter_any():
                    taken += part
                    if len(taken) > WHOLE:
                        raise UpstreamFailed(Reason.UPSTREAM_BROKEN, 502)
        except (ClientError, TimeoutError) as error:
            raise UpstreamFailed(Reason.UPSTREAM_BROKEN, 502) from error
        finally:
            answer.close()
        return Fetched(status=answer.status, fields=self.fields(exchange, answer), body=bytes(taken))


async def _never_followed(_: ClientSession, __: SimpleNamespace, moved: TraceRequestRedirectParams) -> None:
    """aiohttp follows redirects of a websocket's handshake, and would take a visitor's identity anywhere."""
    moved.response.close()
    raise ClientError("an instance does not send the gateway elsewhere")


def _rewritten(exchange: Exchange, name: str, value: bytes) -> tuple[bytes, ...]:
    """A field that speaks of this host, as a line; nothing where it is not for the client."""
    station, site = exchange.verdict.lease.station, exchange.caller.site
    if name == "content-type":
        return b"\r\nContent-Type: ", value
    if name == "location":
        origin = site.origin_bytes if site is not None else b""
        return b"\r\nLocation: ", location(value, station.endpoint.origins, origin, station.prefix)
    kept = set_cookie(value, station.prefix) if name == "set-cookie" else None
    return (b"\r\nSet-Cookie: ", kept) if kept is not None else ()


def _length(request: web.Request, body: Upload | bytes | None) -> str | None:
    """What a request says of how long its body is."""
    if isinstance(body, bytes):
        return str(len(body))
    said = request.headers.get("Content-Length")
    return said if body is not None or said == "0" else None


def _plain(answer: ClientResponse) -> bool:
    """Whether the framing is one that every parser reads alike; aiohttp takes more (RFC 9112 section 6.1)."""
    codings = [value for name, value in answer.raw_headers if name.lower() == b"transfer-encoding"]
    return not codings or [coding.lower() for coding in codings] == [b"chunked"]


def _measure(request: web.Request, response: web.StreamResponse, answered: CIMultiDictProxy[str], status: int) -> None:
    """The framing of the answer, built anew."""
    length = answered.get("Content-Length")
    if length is not None:
        response.headers["Content-Length"] = length
    elif status not in (204, 304) and request.method != "HEAD" and request.version >= (1, 1):
        response.enable_chunked_encoding()
    elif status not in (204, 304):
        response.force_close()
