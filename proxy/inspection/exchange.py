"""Carrying one exchange with an instance in the aiohttp lane: streamed as it is, or fetched whole to be changed."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

import orjson
from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    StreamReader,
    TCPConnector,
    TraceConfig,
    TraceRequestRedirectParams,
    UnixConnector,
    web,
)
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from proxy.gate.caller import Caller
from proxy.gate.verdict import Head, Pass
from proxy.gate.world import Endpoint
from proxy.model.access import Reason
from proxy.services.upstreams import tls_context
from proxy.wire.headers import RESPONSE, without_nominated
from proxy.wire.response import location, set_cookie

WHOLE: Final = 8 * 1024 * 1024
"""Bytes of an answer that may be held to be changed."""
_SKIPPED: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class UpstreamFailed(Exception):
    """The instance could not be had: reason and status of the refusal."""

    def __init__(self, reason: Reason, status: int) -> None:
        super().__init__(reason)
        self.reason, self.status = reason, status


def failure(error: ClientError | OSError) -> UpstreamFailed:
    """What it means that a request could not be sent, or its answer's head not be had."""
    if isinstance(error, TimeoutError):
        return UpstreamFailed(Reason.UPSTREAM_TIMEOUT, 504)
    broken = isinstance(error, ClientError) and getattr(error, "os_error", None) is None
    return UpstreamFailed(Reason.UPSTREAM_BROKEN if broken else Reason.UPSTREAM_UNREACHABLE, 502)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One judged request and its passage to the instance."""

    request: web.Request
    head: Head
    verdict: Pass
    caller: Caller

    @property
    def path(self) -> bytes:
        """The target as the instance gets it."""
        return self.verdict.parts[2]

    @property
    def fields(self) -> CIMultiDict[str]:
        """The header for the instance, as the gate composed it; framing is the client's business."""
        lines = b"".join(self.verdict.parts).split(b"\r\n")[1:]
        fields: CIMultiDict[str] = CIMultiDict()
        spelled: dict[str, str] = {}  # aiohttp keeps only the last of fields whose names differ in case alone
        for line in lines:
            if line:
                name, _, value = line.partition(b": ")
                text = name.decode("latin-1")
                fields.add(spelled.setdefault(text.lower(), text), value.decode("utf-8", "surrogateescape"))
        return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An answer that is wholly here."""

    status: int
    fields: CIMultiDict[str]
    body: bytes


Begun = Callable[[Exchange], AbstractContextManager[None]]
"""Entered while the body of an answer is sent."""


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


class Upload:
    """The body of a request on its way to the instance. It can be sent only once."""

    def __init__(self, content: StreamReader, seconds: float) -> None:
        self._content, self._seconds = content, seconds
        self._begun = False
        self.limit: asyncio.Timeout | None = None
        """Ends the wait for an answer, so many seconds after the last part."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._begun:
            raise ClientError("a body that was sent on a stale connection is gone")
        self._begun = True
        async for part in self._content.iter_any():
            yield part
            if self.limit is not None and not self.limit.expired():
                self.limit.reschedule(asyncio.get_running_loop().time() + self._seconds)


class Carrier:
    """The aiohttp client's side: one session per endpoint, without limits, cookies, redirects or decompression."""

    def __init__(self, patience: Patience, begun: Begun) -> None:
        self.patience, self._begun = patience, begun
        self._sessions: dict[Endpoint, ClientSession] = {}

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()

    async def session(self, endpoint: Endpoint) -> ClientSession:
        """The session for an endpoint."""
        if endpoint not in self._sessions:
            context = await asyncio.to_thread(tls_context, endpoint.url, endpoint.tls)
            if endpoint not in self._sessions:  # another request may have been here meanwhile
                self._sessions[endpoint] = self._new_session(endpoint, context)
        return self._sessions[endpoint]

    def _new_session(self, endpoint: Endpoint, context: ssl.SSLContext | None) -> ClientSession:
        url = urlsplit(endpoint.url)
        connector: TCPConnector | UnixConnector
        if url.scheme == "http+unix":
            connector = UnixConnector(unquote(url.path), limit=0, keepalive_timeout=4)
        else:
            connector = TCPConnector(limit=0, keepalive_timeout=4, ssl=context if context is not None else True)
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

    async def open(self, exchange: Exchange, fields: CIMultiDict[str] | None = None) -> ClientResponse:
        """Send the request; the answer's head is there, its body is the caller's to read. Raises UpstreamFailed."""
        station, request = exchange.verdict.lease.station, exchange.request
        sent = exchange.fields if fields is None else fields
        body = Upload(request.content, self.patience.response) if request.body_exists else None
        if body is not None:
            if (length := request.headers.get("Content-Length")) is not None:
                sent["Content-Length"] = length
        elif request.headers.get("Content-Length") == "0":
            sent["Content-Length"] = "0"
        try:
            session = await self.session(station.endpoint)
            async with asyncio.timeout(self.patience.response) as limit:
                if body is not None:
                    body.limit = limit
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
            if body is not None:
                body.limit = None
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
            fields.add(lines[at][2:-2].decode("latin-1"), lines[at + 1].decode("utf-8", "surrogateescape"))
        return fields

    async def carry(self, exchange: Exchange) -> web.StreamResponse:
        """Stream the answer through as it is. Raises UpstreamFailed while nothing has been sent."""
        answer = await self.open(exchange)
        try:
            response = web.StreamResponse(
                status=answer.status, reason=answer.reason, headers=self.fields(exchange, answer)
            )
            if "Content-Type" not in response.headers:
                response.headers["Content-Type"] = ""  # aiohttp would invent one
            _measure(exchange.request, response, answer.headers, answer.status)
            await response.prepare(exchange.request)
            with self._begun(exchange):
                await self._copy(exchange.request, answer, response)
            await response.write_eof()
        except (ClientError, TimeoutError):
            # The client must not take half an answer for a whole one.
            if exchange.request.transport is not None:
                exchange.request.transport.abort()
            raise
        finally:
            answer.close() if not answer.content.is_eof() else answer.release()
        return response

    async def _copy(self, request: web.Request, answer: ClientResponse, response: web.StreamResponse) -> None:
        """The body, part by part. Raises TimeoutError when either side makes a pause that is too long."""
        if request.method == "HEAD":
            return
        streams = answer.headers.get("Content-Type", "").startswith("text/event-stream")
        pause = self.patience.event_stream if streams else self.patience.stream
        async with asyncio.timeout(pause) as limit:
            async for part in answer.content.iter_any():
                await response.write(part)
                limit.reschedule(asyncio.get_running_loop().time() + pause)

    async def fetch(self, exchange: Exchange) -> Fetched:
        """The whole answer, uncompressed, at most 8 MiB. Raises UpstreamFailed."""
        fields = exchange.fields
        fields["Accept-Encoding"] = "identity"
        for name in ("If-None-Match", "If-Modified-Since", "Range"):
            fields.popall(name, None)
        answer = await self.open(exchange, fields)
        try:
            body = bytearray()
            async with asyncio.timeout(self.patience.response):
                async for part in answer.content.iter_any():
                    body += part
                    if len(body) > WHOLE:
                        raise UpstreamFailed(Reason.UPSTREAM_BROKEN, 502)
        except (ClientError, TimeoutError) as error:
            raise UpstreamFailed(Reason.UPSTREAM_BROKEN, 502) from error
        finally:
            answer.close()
        return Fetched(status=answer.status, fields=self.fields(exchange, answer), body=bytes(body))


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


def _plain(answer: ClientResponse) -> bool:
    """Whether the framing is one that every parser reads alike; aiohttp takes more (RFC 9112 section 6.1)."""
    codings = [value for name, value in answer.raw_headers if name.lower() == b"transfer-encoding"]
    return not codings or [coding.lower() for coding in codings] == [b"chunked"]


def json_object(fetched: Fetched) -> dict[str, object] | None:
    """The object that an answer of 200 holds; None where it holds none."""
    if fetched.status != 200:
        return None
    try:
        found = orjson.loads(fetched.body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def whole(fetched: Fetched, body: bytes) -> web.Response:
    """A fetched answer with another body; what described the old one is left out, and nobody keeps it."""
    fields = fetched.fields.copy()
    for name in ("ETag", "Last-Modified", "Content-MD5", "Digest"):
        fields.popall(name, None)
    fields["Cache-Control"] = "private, no-store"
    return web.Response(status=fetched.status, headers=fields, body=body)


def _measure(request: web.Request, response: web.StreamResponse, answered: CIMultiDictProxy[str], status: int) -> None:
    """The framing of the answer, built anew."""
    length = answered.get("Content-Length")
    if length is not None:
        response.headers["Content-Length"] = length
    elif status not in (204, 304) and request.method != "HEAD" and request.version >= (1, 1):
        response.enable_chunked_encoding()
    elif status not in (204, 304):
        response.force_close()
