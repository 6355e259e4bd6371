"""Rows of endpoints: of what an instance answers, visitors get to see what is theirs.

What cannot be read is not shown: answers that are no JSON, are too large or are sent bit by bit.
"""

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Final
from urllib.parse import quote, unquote_to_bytes

import orjson
from aiohttp import ClientError, ClientResponse, web
from multidict import CIMultiDict

from proxy.access.rows import Judged, judge_all, policies_for_path
from proxy.access.tags import Values
from proxy.gate.checks import SAFE
from proxy.gate.tagging import as_told, tags_of
from proxy.gate.verdict import Pass, Refusal
from proxy.gate.world import Station
from proxy.inspection.carrier import WHOLE
from proxy.inspection.desk import InspectionDesk
from proxy.inspection.exchange import Exchange, UpstreamFailed, refused
from proxy.inspection.streams import going_on
from proxy.model.access import Reason
from proxy.model.estate import RowPolicy, Unmatched
from proxy.nodered.surfaces import Surface

WRITTEN: Final = frozenset({Surface.PREFS, Surface.OTHER, Surface.UNLISTED, Surface.TRIGGER, Surface.DEPLOY})
"""Where what is sent is put on record."""
Rule = tuple[RowPolicy, Values]
"""A policy, and the visitor's values of its tag."""

ENDPOINTS: Final = frozenset({Surface.ENDPOINT, Surface.PUBLIC, Surface.UNLISTED})
"""Where policies of kind http hold that name no paths."""
_NOWHERE: Final = frozenset({Surface.PREFLIGHT, Surface.AUTH, Surface.AUTH_LOGIN, Surface.AUTH_REVOKE})
"""Where none does: what is answered there is the gateway's own, or has no rows."""
_AT_ONCE: Final = 64 * 1024
"""Bytes that are judged without a thread of their own."""
_ZIPPED: Final = {"gzip": 47, "x-gzip": 47, "deflate": 47}
"""zlib finds out by itself which of the two it is."""
_OF_THE_BODY: Final = (
    "Accept-Ranges",
    "Age",
    "Cache-Control",
    "Content-Digest",
    "Content-Encoding",
    "Content-Length",
    "Content-MD5",
    "Content-Range",
    "Digest",
    "ETag",
    "Expires",
    "Last-Modified",
    "Repr-Digest",
)
"""Fields that speak of what is no longer there, or of keeping it."""
_CONDITIONS: Final = frozenset(
    {
        b"accept-encoding",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"range",
    }
)
"""Fields by which an instance would answer in part, or in a form that has to be undone."""
_WRAPPED: Final = "callback"
"""The parameter by which Node-RED wraps JSON in a script (JSONP), that nobody could read any more."""


class Unreadable(Exception):
    """An answer that cannot be looked into; says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def rules_for(desk: InspectionDesk, exchange: Exchange) -> Sequence[Rule]:
    """The policies that hold for an answer to this visitor; none where every row is theirs."""
    lease, principal = exchange.verdict.lease, exchange.verdict.principal
    settings = lease.station.settings
    if lease.surface in _NOWHERE or not settings.rows:
        return ()
    rows = (
        settings.rows if _is_endpoint(lease.surface, lease.station) else [each for each in settings.rows if each.paths]
    )
    policies = policies_for_path(rows, exchange.head.method, exchange.path, settings.node_root)
    person = desk.person(principal.user_id) if principal.user_id is not None else None
    tags = tags_of(lease, principal, person)
    return [(policy, values) for policy in policies if (values := tags.values(policy.tag)) is not None]


def _is_endpoint(surface: Surface, station: Station) -> bool:
    return surface in ENDPOINTS or (surface is Surface.DASHBOARD and station.layout.is_all_dashboard)


async def carry_rows(desk: InspectionDesk, exchange: Exchange, rules: Sequence[Rule]) -> web.StreamResponse:
    """One exchange under policies. Raises UpstreamFailed while nothing has been sent."""
    asked = _asked(exchange, rules)
    finish = partial(_shown, desk, asked, rules)
    if is_write(exchange):
        return await desk.writes.carry(asked, finish)
    async with going_on(desk.live, exchange):
        return await finish(await desk.carrier.open(asked))


def is_write(exchange: Exchange) -> bool:
    """Whether this is put on record."""
    return exchange.verdict.lease.surface in WRITTEN and exchange.head.method not in SAFE


def refuse_socket(desk: InspectionDesk, exchange: Exchange) -> web.StreamResponse | None:
    """The answer to an upgrade where a policy holds, since nobody reads what would be sent; None where none does."""
    if not rules_for(desk, exchange):
        return None
    detail = "a row policy holds here, and nobody would look into what this socket carries"
    response = refused(Refusal(Reason.RLS_NOT_JSON, 403, detail), exchange)
    desk.count(exchange, response.status, 0, monotonic())
    return response


def _asked(exchange: Exchange, rules: Sequence[Rule]) -> Exchange:
    """The exchange as the instance gets it: it is to answer whole and uncompressed, and learns no tag from the client."""
    verdict = exchange.verdict
    method, space, path, *rest = verdict.parts
    version, *lines = b"".join(rest).split(b"\r\n")
    kept = [line for line in lines if line.partition(b":")[0].lower() not in _CONDITIONS]
    head = b"\r\n".join([version, *kept, b"Accept-Encoding: identity"])
    parts = [method, space, _with_verified(path, rules), head]
    return replace(exchange, verdict=Pass(verdict.lease, verdict.principal, parts))


def _with_verified(target: bytes, rules: Sequence[Rule]) -> bytes:
    """The target with what the client says under the names of tags replaced by what is so.

    A tag of which the visitor has no value is said to be empty, so that no flow takes it for not asked about.
    """
    path, mark, query = target.partition(b"?")
    if not mark:
        return target
    verified = {policy.tag: as_told(values) or ("",) for policy, values in rules}
    kept, said = [], list[str]()
    for pair in query.split(b"&"):
        name = _name(pair)
        if name in verified:
            said.append(name)
        elif name != _WRAPPED:
            kept.append(pair)
    for name in dict.fromkeys(said):
        kept += (f"{quote(name)}={quote(value, safe='')}".encode() for value in verified[name])
    return path + b"?" + b"&".join(kept) if kept else path


def _name(pair: bytes) -> str:
    """The name of a parameter as Node-RED comes to read it, which makes `a[]=1` and `[a]=1` the same as `a=1`."""
    name = unquote_to_bytes(pair.partition(b"=")[0].replace(b"+", b" ")).decode("utf-8", "replace")
    return name.lstrip("[").partition("[")[0].partition("]")[0].strip()


async def _shown(
    desk: InspectionDesk, exchange: Exchange, rules: Sequence[Rule], answer: ClientResponse, first: bytes = b""
) -> web.StreamResponse:
    """What the client gets of an answer; `first` is what was read of its body already."""
    try:
        if exchange.head.method == b"HEAD":
            return await _head(desk, exchange, answer)
        if _is_empty(answer):
            return web.Response(status=answer.status, headers=_fields(desk, exchange, answer))
        if _passes_unread(rules, answer):
            return await desk.carrier.pass_on(exchange, answer, first)
        shown = await _judged(desk, rules, answer, first)
        if isinstance(shown, Judged):
            return _withheld(desk, exchange, answer, shown)
        return web.Response(status=answer.status, headers=_fields(desk, exchange, answer), body=shown)
    except Unreadable as unreadable:
        return _unread(desk, exchange, answer, unreadable.reason)
    finally:
        answer.close()


async def _judged(desk: InspectionDesk, rules: Sequence[Rule], answer: ClientResponse, first: bytes) -> bytes | Judged:
    """The body as the client gets it, or why it does not. Raises Unreadable, UpstreamFailed."""
    if not _is_json(answer) or answer.status == 206:
        raise Unreadable(Reason.RLS_NOT_JSON)
    body = await _read(desk, answer, first)
    coding = answer.headers.get("Content-Encoding", "").strip().lower()
    if len(body) <= _AT_ONCE and not coding:
        return _judge(rules, body, coding)
    return await asyncio.to_thread(_judge, rules, body, coding)


def _judge(rules: Sequence[Rule], body: bytes, coding: str) -> bytes | Judged:
    """Also what loses no row is written anew: of two members with one name, another reader might take the other."""
    try:
        document = orjson.loads(_unzipped(body, coding))
        judged = judge_all(rules, document)
        return judged if judged.denied else orjson.dumps(judged.kept)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, zlib.error) as error:
        raise Unreadable(Reason.RLS_NOT_JSON) from error


def _unzipped(body: bytes, coding: str) -> bytes:
    """Raises Unreadable, zlib.error."""
    if coding in {"", "identity"}:
        return body
    if coding not in _ZIPPED:
        raise Unreadable(Reason.RLS_NOT_JSON)
    stream = zlib.decompressobj(_ZIPPED[coding])
    plain = stream.decompress(body, WHOLE + 1)
    if len(plain) > WHOLE:
        raise Unreadable(Reason.RLS_TOO_LARGE)
    if not stream.eof or stream.unused_data:
        raise Unreadable(Reason.RLS_NOT_JSON)
    return plain


def _withheld(desk: InspectionDesk, exchange: Exchange, answer: ClientResponse, judged: Judged) -> web.StreamResponse:
    """The answer in place of one that is not shown."""
    if judged.violation:
        path = exchange.path.partition(b"?")[0].decode("latin-1")
        desk.violations.note(exchange, judged, path=path)
        return refused(Refusal(Reason.RLS_VIOLATION, 502), exchange)
    if judged.left_out:
        return refused(Refusal(Reason.NOT_FOUND, 404), exchange)
    return _unread(desk, exchange, answer, Reason.RLS_UNMATCHED)


def _unread(desk: InspectionDesk, exchange: Exchange, answer: ClientResponse, reason: Reason) -> web.StreamResponse:
    """A redirect or an error says what it has to say by its status and fields; of others, nothing is left."""
    if answer.status >= 300:
        fields = _fields(desk, exchange, answer)
        fields.popall("Content-Type", None)
        return web.Response(status=answer.status, headers=fields)
    return refused(Refusal(reason, 502), exchange)


async def _head(desk: InspectionDesk, exchange: Exchange, answer: ClientResponse) -> web.StreamResponse:
    """How long an answer would be depends on whose it is, and is not said."""
    response = web.StreamResponse(status=answer.status, headers=_fields(desk, exchange, answer))
    if exchange.request.version < (1, 1):
        response.force_close()
    await response.prepare(exchange.request)
    await response.write_eof()
    return response


async def _read(desk: InspectionDesk, answer: ClientResponse, first: bytes) -> bytes:
    """The whole body. Raises Unreadable, UpstreamFailed."""
    body = bytearray(first)
    try:
        async with asyncio.timeout(desk.carrier.patience.response):
            async for part in answer.content.iter_any():
                body += part
                if len(body) > WHOLE:
                    raise Unreadable(Reason.RLS_TOO_LARGE)
    except (ClientError, TimeoutError) as error:
        raise UpstreamFailed(Reason.UPSTREAM_BROKEN, 502) from error
    return bytes(body)


def _fields(desk: InspectionDesk, exchange: Exchange, answer: ClientResponse) -> CIMultiDict[str]:
    fields = desk.carrier.fields(exchange, answer)
    for name in _OF_THE_BODY:
        fields.popall(name, None)
    fields["Cache-Control"] = "private, no-store"
    return fields


def _is_empty(answer: ClientResponse) -> bool:
    return answer.status in {204, 304} or answer.content_length == 0


def _is_json(answer: ClientResponse) -> bool:
    kind = answer.content_type.lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _passes_unread(rules: Sequence[Rule], answer: ClientResponse) -> bool:
    """Whether every policy lets go what is no JSON. Part of something may be part of some JSON."""
    lenient = all(policy.on_unmatched is Unmatched.PASS for policy, _ in rules)
    return lenient and not _is_json(answer) and answer.status != 206
