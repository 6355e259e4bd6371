"""The JSON Schema of events as they leave the gateway: in the API, on the command line and at a SIEM."""

import json
from typing import Final

from proxy.model.audit import Phase, Source
from proxy.services.audit_catalogue import EVENTS

_TEXT: Final = {"type": "string", "minLength": 1}
_SCOPES: Final = ("platform", "space", "application", "instance", "device", "page", "thing", "folder", "user")
_TRIGGERS: Final = ("user", "token", "gateway", "command-line", "file", "nobody")
_OF_TOKENS: Final = {"properties": {"trigger": {"properties": {"type": {"const": "token"}}}}}
_OUTCOME: Final = {"properties": {"phase": {"const": Phase.OUTCOME.value}}, "required": ["phase"]}


def event_schema() -> dict[str, object]:
    """The schema (JSON Schema 2020-12). What an event says of itself in `body`, beyond what all share, is its own."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Flowward audit event",
        **_object(_properties(), required=("id", "createdAt", "event", "source", "scope", "trigger", "hash")),
        "allOf": [
            {"if": {"required": ["sourceContext"]}, "then": _OF_TOKENS, "else": {"not": _OF_TOKENS}},
            {"if": _OUTCOME, "then": {"required": ["intent"]}, "else": {"not": {"required": ["intent"]}}},
        ],
    }


def _properties() -> dict[str, object]:
    return {
        "id": {"type": "integer", "minimum": 1},
        "createdAt": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"},
        "event": {"enum": sorted(EVENTS)},
        "source": {"enum": [source.value for source in Source]},
        "sourceContext": _object({"tokenId": _TEXT}, required=("tokenId",)),
        "scope": _object({"type": {"enum": list(_SCOPES)}, "id": _TEXT}, required=("type",)),
        "within": {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True},
        "trigger": _object({"type": {"enum": list(_TRIGGERS)}, "id": _TEXT, "name": _TEXT}, required=("type",)),
        "address": _TEXT,
        "phase": {"enum": [Phase.INTENT.value, Phase.OUTCOME.value]},
        "intent": {"type": "integer", "minimum": 1},
        "body": {"type": "object", "minProperties": 1, "properties": _body()},
        "hash": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    }


def _body() -> dict[str, object]:
    update = _object({"key": _TEXT, "old": True, "new": True}, required=("key", "old", "new"))
    return {
        "error": {"type": "string", "pattern": "^[a-z0-9_]+$"},
        "updates": {"type": "array", "items": update, "minItems": 1},
        "user": {"type": "object", "properties": {"id": _TEXT}, "required": ["id"]},
    }


def _object(properties: dict[str, object], *, required: tuple[str, ...]) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def text() -> str:
    """The schema as it is published."""
    return json.dumps(event_schema(), indent=2, ensure_ascii=False) + "\n"
