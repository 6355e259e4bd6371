"""Carrying one exchange with an instance in the aiohttp lane: streamed as it is, or fetched whole to be changed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

import orjson
from aiohttp import (
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
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


def failure(error: ClientError | TimeoutError) -> UpstreamFailed:
    """What it means that a request could not be sent, or its answer's head not be had."""
    if isinstance(error, TimeoutError):
        return UpstreamFailed(Reason.UPSTREAM_TIMEOUT, 504)
    broken = getattr(error, "os_error", None) is None
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
        for line in lines:
            if line:
                name, _, value = line.partition(b": ")
                fields.add(name.decode("latin-1"), value.decode("utf-8", "surrogateescape"))
        return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An answer that is wholly here."""

    status: int
    fields: CIMultiDict[str]
    body: bytes


class Carrier:
    """The aiohttp client's side: one session per endpoint, without limits, cookies, redirects or decompression."""

    def __init__(self, *, connect: float, response: float, hsts: str = "") -> None:
        """Seconds, for connecting and for the wait between two parts of an answer."""
        self._timeout = ClientTimeout(total=None, sock_connect=connect, sock_read=response)
        self._sessions: dict[Endpoint, ClientSession] = {}
        self._hsts = hsts

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()

    def session(self, endpoint: Endpoint) -> ClientSession:
        """The session for an endpoint."""
        found = self._sessions.get(endpoint)
        if found is None:
            found = self._sessions[endpoint] = self._new_session(endpoint)
        return found

    def _new_session(self, endpoint: Endpoint) -> ClientSession:
        url = urlsplit(endpoint.url)
        connector: TCPConnector | UnixConnector
        if url.scheme == "http+unix":
            connector = UnixConnector(unquote(url.path), limit=0, keepalive_timeout=4)
        else:
            context = tls_context(endpoint.url, endpoint.tls)
            connector = TCPConnector(limit=0, keepalive_timeout=4, ssl=context if context is not None else True)
        return ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            timeout=self._timeout,
            skip_auto_headers=_SKIPPED,
            read_bufsize=2**16,
        )

    def url(self, endpoint: Endpoint, path: bytes) -> URL:
        """Where a target of an instance is, byte for byte."""
        base = "http://unix" if endpoint.url.startswith("http+unix") else endpoint.url.rstrip("/")
        return URL(base + path.decode("latin-1"), encoded=True)

    async def open(self, exchange: Exchange, fields: CIMultiDict[str] | None = None) -> ClientResponse:
        """Send the request; the answer's head is there, its body is the caller's to read. Raises UpstreamFailed."""
        station, request = exchange.verdict.lease.station, exchange.request
        sent = exchange.fields if fields is None else fields
        body: AsyncIterator[bytes] | None = None
        if request.body_exists:
            body = request.content.iter_any()
            if (length := request.headers.get("Content-Length")) is not None:
                sent["Content-Length"] = length
        elif request.headers.get("Content-Length") == "0":
            sent["Content-Length"] = "0"
        try:
            return await self.session(station.endpoint).request(
                request.method,
                self.url(station.endpoint, exchange.path),
                headers=sent,
                data=body,
                allow_redirects=False,
                server_hostname=station.endpoint.tls.server_name,
            )
        except (ClientError, TimeoutError) as error:
            raise failure(error) from error

    def fields(self, exchange: Exchange, answer: ClientResponse) -> CIMultiDict[str]:
        """The end-to-end fields of an answer, rewritten for this host; framing is left out."""
        station, site = exchange.verdict.lease.station, exchange.caller.site
        origin = site.origin_bytes if site is not None else b""
        lines: list[bytes] = []
        connection = b""
        for name, value in answer.raw_headers:
            treatment = RESPONSE[name]
            if isinstance(treatment, bytes):
                lines += (treatment, value)
            elif treatment == "connection":
                connection += b"," + value
            elif treatment == "content-type":
                lines += (b"\r\nContent-Type: ", value)
            elif treatment == "location":
                lines += (b"\r\nLocation: ", location(value, station.endpoint.origins, origin, station.prefix))
            elif treatment == "set-cookie" and (kept := set_cookie(value, station.prefix)) is not None:
                lines += (b"\r\nSet-Cookie: ", kept)
        if connection:
            lines = without_nominated(lines, connection)
        fields: CIMultiDict[str] = CIMultiDict()
        for at in range(0, len(lines), 2):
            fields.add(lines[at][2:-2].decode("latin-1"), lines[at + 1].decode("utf-8", "surrogateescape"))
        if self._hsts and exchange.caller.secure:
            fields["Strict-Transport-Security"] = self._hsts
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
            if exchange.request.method != "HEAD":
                async for part in answer.content.iter_any():
                    await response.write(part)
            await response.write_eof()
        except (ClientError, TimeoutError):
            # The client must not take half an answer for a whole one.
            if exchange.request.transport is not None:
                exchange.request.transport.abort()
            raise
        finally:
            answer.close() if not answer.content.is_eof() else answer.release()
        return response

    async def fetch(self, exchange: Exchange) -> Fetched:
        """The whole answer, uncompressed, at most 8 MiB. Raises UpstreamFailed."""
        fields = exchange.fields
        fields["Accept-Encoding"] = "identity"
        for name in ("If-None-Match", "If-Modified-Since", "Range"):
            fields.popall(name, None)
        answer = await self.open(exchange, fields)
        try:
            body = bytearray()
            async for part in answer.content.iter_any():
                body += part
                if len(body) > WHOLE:
                    raise UpstreamFailed(Reason.UPSTREAM_BROKEN, 502)
        except (ClientError, TimeoutError) as error:
            raise UpstreamFailed(Reason.UPSTREAM_BROKEN, 502) from error
        finally:
            answer.close()
        return Fetched(status=answer.status, fields=self.fields(exchange, answer), body=bytes(body))


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
