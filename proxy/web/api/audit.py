"""The audit log, as far as whoever asks may read it."""

from typing import Annotated, Final

from aiohttp import web
from pydantic import ConfigDict, Field, JsonValue

from proxy.model.access import Permission
from proxy.model.audit import AuditQuery, Recorded
from proxy.services.audit_catalogue import Level
from proxy.services.audit_chain import verify_log
from proxy.services.audit_format import COLUMNS, as_csv, as_json, table
from proxy.services.audit_reading import log, read
from proxy.services.writer import Moment
from proxy.store import Page as Found
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Line, Meta, Page, PageQuery
from proxy.web.api.operation import PLATFORM, Call, Operation
from proxy.web.api.paging import cursor, number_of

TAG: Final = "audit"
EXPORTED: Final = 10_000
"""Events in one export; further ones are behind its cursor."""
_AT_ONCE: Final = 200

Moments = Annotated[float, Field(ge=0, le=253402300799)]


class AuditFilter(PageQuery):
    """Which events are wanted."""

    scope: Level = Level.PLATFORM
    id: Line = ""
    """Of the space, resource or user whose log it is; a slug or an address will do."""
    children: bool = True
    """With what lies below."""
    event: Annotated[tuple[Line, ...], Field(max_length=50)] = ()
    """Names of the events wanted, such as flows.set, each in an `event` of its own; none for all."""
    user: Line = ""
    """Username of who acted."""
    query: Line = ""
    """Looked for in event, names and details, without case."""
    since: Moments | None = None
    """Seconds since the epoch."""
    until: Moments | None = None
    """Seconds since the epoch."""


class AuditItem(Answer):
    """An event, as it is also exported and sent to a SIEM."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, serialize_by_alias=True)

    id: int
    created_at: str = Field(alias="createdAt")
    event: str
    source: str
    source_context: dict[str, str | None] | None = Field(default=None, alias="sourceContext")
    scope: dict[str, str | None]
    within: list[str] | None = None
    trigger: dict[str, str | None]
    address: str | None = None
    phase: str | None = None
    intent: int | None = None
    body: dict[str, JsonValue] | None = None
    hash: str


class Verified(Answer):
    """What looking at every row has shown."""

    sound: bool
    count: int
    """Rows that were looked at."""
    last: int
    """Number of the last sound row."""
    hash: str
    """Its hash. Whoever notes both elsewhere knows later that nothing before was changed."""
    broken: str | None
    """What does not fit; null where all does."""


async def find(_: Api, call: Call) -> Page[AuditItem]:
    asked = call.asked(AuditFilter)
    found = await _read(call.moment, asked, before=number_of(asked), limit=asked.limit)
    items = tuple(AuditItem.model_validate(as_json(each)) for each in found.items)
    return Page[AuditItem](meta=Meta(total=found.total, next_cursor=_onward(found)), items=items)


def _onward(found: Found[Recorded]) -> str | None:
    return cursor(found.items[-1].id) if found.more and found.items else None


async def _read(
    moment: Moment, asked: AuditFilter, *, before: int | None, limit: int, counted: bool = True
) -> Found[Recorded]:
    query = AuditQuery(
        children=asked.children,
        events=asked.event,
        actor=asked.user or None,
        text=asked.query,
        since=asked.since,
        until=asked.until,
        before=before,
        limit=limit,
    )
    return await read(log(moment, asked.scope, asked.id, query), counted=counted)


async def export(_: Api, call: Call) -> web.StreamResponse:
    """Up to EXPORTED events; a Link leads to the next ones (RFC 8288)."""
    asked = call.asked(AuditFilter)
    before, more, count, parts = number_of(asked), True, 0, [table([COLUMNS])]
    while more and count < EXPORTED:
        found = await _read(call.moment, asked, before=before, limit=_AT_ONCE, counted=False)
        parts.append(as_csv(found.items))
        count, more = count + len(found.items), found.more and bool(found.items)
        before = found.items[-1].id if found.items else before
    fields = {"Cache-Control": "no-store", "Content-Disposition": 'attachment; filename="audit.csv"'}
    if more and before is not None:
        onward = call.request.rel_url.update_query(cursor=cursor(before))
        fields["Link"] = f'<{onward}>; rel="next"'
    return web.Response(text="".join(parts), content_type="text/csv", charset="utf-8", headers=fields)


async def verify(_: Api, call: Call) -> Verified:
    verdict = await verify_log(call.moment.database)
    return Verified(
        sound=verdict.broken is None,
        count=verdict.count,
        last=verdict.last.id,
        hash=verdict.last.hash,
        broken=str(verdict.broken) if verdict.broken else None,
    )


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/audit",
        tag=TAG,
        summary="A log, newest first: the platform's for admins, a space's and application's for owners, an instance's for"
        " viewers, one's own for oneself",
        query=AuditFilter,
        answer=Page[AuditItem],
        perform=find,
    ),
    Operation(
        method="GET",
        path="/audit/export.csv",
        tag=TAG,
        summary="The same as CSV, 10,000 events at a time",
        query=AuditFilter,
        kind="text/csv",
        perform=export,
    ),
    Operation(
        method="GET",
        path="/audit/verify",
        tag=TAG,
        summary="Whether the whole log is as it was written",
        permission=Permission.PLATFORM_AUDIT,
        where=PLATFORM,
        answer=Verified,
        perform=verify,
    ),
)
