"""Events as they leave the gateway: one JSON object each, the same in the API, on the command line and at a SIEM; and CSV."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from proxy.model.audit import Event, Phase, Recorded, Source
from proxy.services.audit_secrets import readable

COLUMNS: Final = (
    "id", "createdAt", "event", "source", "scopeType", "scopeId", "triggerType", "triggerId", "triggerName", "tokenId",
    "address", "userId", "error", "phase", "intent", "details", "hash",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def as_json(recorded: Recorded) -> dict[str, object]:
    """An event as an object; what is empty is left out."""
    event = recorded.event
    body: dict[str, object] = {
        **event.body,
        **({"user": {"id": event.user, **_described(event.body.get("user"))}} if event.user else {}),
        **({"error": event.error} if event.error else {}),
        **(
            {"updates": [{"key": one.key, "old": one.old, "new": one.new} for one in event.updates]}
            if event.updates
            else {}
        ),
    }
    told: dict[str, object] = {
        "id": recorded.id,
        "createdAt": moment(event.at),
        "event": event.event,
        "source": str(event.source),
        "sourceContext": {"tokenId": event.token} if event.token else None,
        "scope": {"type": event.scope_kind, "id": event.scope_id or None},
        "within": list(event.within) or None,
        "trigger": {"type": _trigger(event), "id": event.actor, "name": event.actor_name or None},
        "address": event.address or None,
        "phase": None if event.phase is Phase.DONE else event.phase.value,
        "intent": event.intent,
        "body": body or None,
        "hash": recorded.hash,
    }
    return {name: _without_nothing(value) for name, value in told.items() if value is not None}


def as_line(recorded: Recorded) -> str:
    """An event as a line of JSON, without the line end."""
    return json.dumps(as_json(recorded), ensure_ascii=False, separators=(",", ":"))


def as_csv(rows: Sequence[Recorded]) -> str:
    """Rows below `COLUMNS`, by RFC 4180. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    return table([[_cell(value) for value in _values(row)] for row in rows])


def table(rows: Sequence[Sequence[str]]) -> str:
    """Cells as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def moment(at: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _described(user: object) -> Mapping[str, object]:
    match user:
        case Mapping():
            return user
        case str():
            return {"name": user}
        case _:
            return {}


def _trigger(event: Event) -> str:
    if event.token:
        return "token"
    if event.actor:
        return "user"
    return {Source.GATEWAY: "gateway", Source.CLI: "command-line", Source.FILE: "file"}.get(
        Source(event.source), "nobody"
    )


def _without_nothing(value: object) -> object:
    """Without null members of the outermost objects; what changed to or from nothing keeps them."""
    return {name: each for name, each in value.items() if each is not None} if isinstance(value, dict) else value


def _values(recorded: Recorded) -> Sequence[object]:
    event = recorded.event
    told = as_json(recorded)
    details = told.get("body")
    return (
        recorded.id, moment(event.at), event.event, event.source, event.scope_kind, event.scope_id, _trigger(event),
        event.actor, event.actor_name, event.token, event.address, event.user, event.error, event.phase, event.intent,
        json.dumps(details, ensure_ascii=False) if details else "", recorded.hash,
    )  # fmt: skip


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = readable(str(value))
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
