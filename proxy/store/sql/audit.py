"""The audit log in SQL: rows, written at the end of the chain, and read back."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, bindparam, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from proxy.model.audit import AuditQuery, Event, Phase, Recorded, Update
from proxy.store import Page
from proxy.store.chain import GENESIS, Link, following
from proxy.store.sql.dialects import holds
from proxy.store.sql.rows import Values, folded, storable
from proxy.store.tables import audit_event, audit_scope, open_intent

_LAST: Final = select(audit_event.c.id, audit_event.c.hash).order_by(audit_event.c.id.desc()).limit(1)
_OLDEST: Final = (
    select(audit_event.c.id, audit_event.c.at, audit_event.c.hash).order_by(audit_event.c.id).limit(bindparam("most"))
)


async def write(connection: AsyncConnection, events: Iterable[Event]) -> list[int]:
    """Put events at the end of the chain and return their numbers; the caller holds the lock of all writers."""
    told = [_storable(event) for event in events]
    return await _chain(connection, told, await _last(connection)) if told else []


async def _last(connection: AsyncConnection) -> Link:
    row = (await connection.execute(_LAST)).one_or_none()
    return GENESIS if row is None else Link(id=row.id, hash=row.hash)


async def _chain(connection: AsyncConnection, events: Sequence[Event], link: Link) -> list[int]:
    rows: list[Values] = []
    scopes: list[Values] = []
    for event in events:
        link = following(link, event)
        rows.append({"id": link.id, "hash": link.hash, **_of_event(event)})
        scopes += ({"scope": scope, "event": link.id} for scope in _scopes(event))
    await connection.execute(insert(audit_event), rows)
    if scopes:
        await connection.execute(insert(audit_scope), scopes)
    return [int(str(row["id"])) for row in rows]


def _scopes(event: Event) -> Collection[str]:
    return dict.fromkeys(scope for scope in (event.scope_id, *event.within) if scope)


async def begin(connection: AsyncConnection, intent: Event, until: float) -> int:
    [number] = await write(connection, [replace(intent, phase=Phase.INTENT)])
    await connection.execute(insert(open_intent), {"event": number, "until": until})
    return number


async def finish(connection: AsyncConnection, outcome: Event) -> None:
    closed = delete(open_intent).where(open_intent.c.event == outcome.intent)
    if (await connection.execute(closed)).rowcount:
        await write(connection, [replace(outcome, phase=Phase.OUTCOME)])


async def unfinished(connection: AsyncConnection, now: float) -> list[Recorded]:
    late = select(audit_event).join(open_intent).where(open_intent.c.until <= now).order_by(audit_event.c.id)
    return [recorded(row) for row in await connection.execute(late)]


async def prune(connection: AsyncConnection, before: float, event: Event, limit: int) -> int:
    """Forget the oldest, at most so many, as long as each is older, and say up to where."""
    last = await _last(connection)
    gone = [*takewhile(lambda row: row.at < before, await connection.execute(_OLDEST, {"most": limit}))]
    if not gone:
        return 0
    await connection.execute(delete(audit_event).where(audit_event.c.id <= gone[-1].id))
    body = {**event.body, "count": len(gone), "last": gone[-1].id, "hash": gone[-1].hash}
    await _chain(connection, [_storable(replace(event, body=body))], last)
    return len(gone)


async def after(connection: AsyncConnection, number: int, limit: int) -> list[Recorded]:
    wanted = select(audit_event).where(audit_event.c.id > number).order_by(audit_event.c.id).limit(limit)
    return [recorded(row) for row in await connection.execute(wanted)]


async def page(connection: AsyncConnection, query: AuditQuery) -> Page[Recorded]:
    conditions = list(_conditions(query))
    total = select(func.count()).select_from(audit_event).where(*conditions)
    if query.before is not None:
        conditions.append(audit_event.c.id < query.before)
    wanted = select(audit_event).where(*conditions).order_by(audit_event.c.id.desc()).limit(query.limit + 1)
    found = [recorded(row) for row in await connection.execute(wanted)]
    return Page(
        items=found[: query.limit],
        total=(await connection.execute(total)).scalar_one(),
        more=len(found) > query.limit,
    )


def _conditions(query: AuditQuery) -> Iterable[ColumnElement[bool]]:
    event = audit_event.c
    if query.scope is not None:
        yield event.id.in_(_within([query.scope])) if query.children else event.scope_id == query.scope
    if query.hidden:
        yield event.id.not_in(_within(query.hidden))
    if len(query.phases) < len(Phase):
        yield event.phase.in_(query.phases)
    yield from _told(query)
    if query.since is not None:
        yield event.at >= query.since
    if query.until is not None:
        yield event.at < query.until


def _told(query: AuditQuery) -> Iterable[ColumnElement[bool]]:
    if query.events:
        yield audit_event.c.event.in_(query.events)
    if query.actor is not None:
        yield audit_event.c.actor_key == folded(query.actor)
    if query.text:
        yield holds(audit_event.c.words, folded(query.text))


def _within(scopes: Collection[str]) -> Select[tuple[int]]:
    return select(audit_scope.c.event).where(audit_scope.c.scope.in_(scopes))


def recorded(row: Row[Any]) -> Recorded:
    return Recorded(
        id=row.id,
        hash=row.hash,
        event=Event(
            event=row.event,
            at=row.at,
            actor=row.actor,
            actor_name=row.actor_name,
            source=row.source,
            token=row.token,
            address=row.address,
            scope_kind=row.scope_kind,
            scope_id=row.scope_id,
            within=tuple(row.within),
            user=row.user,
            error=row.error,
            updates=tuple(Update(**update) for update in row.updates),
            body=row.body,
            phase=Phase(row.phase),
            intent=row.intent,
        ),
    )


def _of_event(event: Event) -> Values:
    updates = [{"key": update.key, "old": update.old, "new": update.new} for update in event.updates]
    details = [json.dumps(each, ensure_ascii=False) for each in (event.body, updates) if each]
    return {
        "event": event.event,
        "at": event.at,
        "actor": event.actor,
        "actor_name": event.actor_name,
        "actor_key": folded(event.actor_name),
        "source": event.source,
        "token": event.token,
        "address": event.address,
        "scope_kind": event.scope_kind,
        "scope_id": event.scope_id,
        "within": event.within,
        "user": event.user,
        "error": event.error,
        "updates": updates,
        "body": event.body,
        "phase": event.phase,
        "intent": event.intent,
        "words": folded("\n".join((event.event, event.actor_name, event.address, event.error, *details))),
    }


def _storable(event: Event) -> Event:
    """The event as it will be read back, so that its hash fits then too."""
    return replace(
        event,
        event=storable(event.event),
        at=float(event.at),
        actor_name=storable(event.actor_name),
        address=storable(event.address),
        error=storable(event.error),
        updates=tuple(
            Update(key=storable(each.key), old=_plain(each.old), new=_plain(each.new)) for each in event.updates
        ),
        body={storable(str(key)): _plain(value) for key, value in event.body.items()},
    )


def _plain(value: object) -> object:
    """As JSON has it."""
    match value:
        case Mapping():
            return {storable(str(key)): _plain(each) for key, each in value.items()}
        case str() | bytes():
            return storable(str(value))
        case Iterable():
            return [_plain(each) for each in value]
        case _:
            return value if value is None or _is_number(value) else storable(str(value))


def _is_number(value: object) -> bool:
    """One that every database and every reader of JSON can hold."""
    return isinstance(value, int | float) and abs(value) < 2**63
