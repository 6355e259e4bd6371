"""The chain of the audit log: every event's hash covers the hash before it, so that no row can be changed, removed or
slipped in unseen. Pure.

hash = sha256(hash of the row before, as hex, then the event as canonical JSON), as hex; before the first row stand 64 zeros.
Canonical JSON (compare RFC 8785): UTF-8, keys sorted, no white space, and what is empty left out, so that a field that
events get one day changes no hash of today.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from proxy.model.audit import Event, Recorded, Update

PRUNED: Final = "audit.pruned"
"""The event that says up to where older ones were forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A row of the chain as the next one needs it."""

    id: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """The first row that does not fit, and why."""

    id: int
    reason: str


GENESIS: Final = Link(id=0, hash="0" * 64)


def canonical(event: Event) -> bytes:
    """The event as the chain sees it."""
    fields: dict[str, object] = {
        "event": event.event,
        "at": float(event.at),
        "actor": event.actor,
        "actor_name": event.actor_name,
        "source": str(event.source),
        "token": event.token,
        "address": event.address,
        "scope_kind": event.scope_kind,
        "scope_id": event.scope_id,
        "within": list(event.within),
        "user": event.user,
        "error": event.error,
        "updates": [_update(update) for update in event.updates],
        "body": dict(event.body),
        "phase": str(event.phase),
        "intent": event.intent,
    }
    told = {name: value for name, value in fields.items() if value not in (None, "", [], {})}
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _update(update: Update) -> dict[str, object]:
    return {"key": update.key, "old": update.old, "new": update.new}


def following(previous: Link, event: Event) -> Link:
    """The link that an event makes after another one."""
    told = sha256(previous.hash.encode() + canonical(event)).hexdigest()
    return Link(id=previous.id + 1, hash=told)


def beginning(pruned: Event | None) -> Link:
    """What stands before the oldest kept row: told by the newest event of pruning, else nothing was ever forgotten."""
    body: Mapping[str, object] = {} if pruned is None else pruned.body
    number, told = body.get("last"), body.get("hash")
    return Link(id=number, hash=told) if isinstance(number, int) and isinstance(told, str) else GENESIS


def verify(rows: Iterable[Recorded], previous: Link) -> Break | None:
    """The first of these rows, oldest first, that does not follow from `previous` and those before it."""
    for row in rows:
        if row.id != previous.id + 1:
            return Break(id=row.id, reason=f"the row before it should be {row.id - 1}, but it is {previous.id}")
        if row.hash != following(previous, row.event).hash:
            return Break(id=row.id, reason="its hash does not fit its content and the row before it")
        previous = Link(id=row.id, hash=row.hash)
    return None
