"""The description of the API (OpenAPI 3.1), made from the operations and their models."""

import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Final

import orjson
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from proxy.web.api.dispatch import twin_of
from proxy.web.api.models import Page, ProblemDocument, Query
from proxy.web.api.operation import BELOW, Operation
from proxy.web.api.sentences import Told
from proxy.web.api.table import OPERATIONS, by_path

Json = dict[str, object]
Model = tuple[type[BaseModel], JsonSchemaMode]

_VERSION: Final = version("flowward")  # reads files, so not while others wait
_PLACE: Final = "#/components/schemas/{model}"
_PART: Final = re.compile(r"\{(\w+)\}")
_SAFE: Final = frozenset({"GET"})
_SECURITY: Final[Json] = {
    "session": {"type": "apiKey", "in": "cookie", "name": "__Host-flowward", "description": "Set by logging in."},
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Flowward-CSRF",
        "description": "Beside the session, for all that changes something: the value `csrf` of GET /me.",
    },
    "token": {"type": "http", "scheme": "bearer", "description": "An API token `fwp_` or a service account's `fws_`."},
}
_SAID: Final[Mapping[int, str]] = {
    304: "It is as If-None-Match says.",
    400: "The request is no such request.",
    401: "Nobody is logged in, or the token is good for nothing.",
    403: "Whoever asks may not do this; `code` says why.",
    404: "There is nothing here, or whoever asks may not know of it.",
    409: "Not as things are; `code` and `detail` say why.",
    412: "Somebody has changed it since it was read.",
    413: "The body is too long.",
    414: "The address is too long.",
    415: "The body is of another type.",
    422: "Something that was sent cannot be taken; `errors` says what.",
    428: "If-Match is missing.",
    429: "Too often; Retry-After says when.",
    431: "The head of the request is too long.",
    503: "The gateway cannot reach what it needs to answer.",
}


def description() -> bytes:
    """The whole document."""
    models = sorted(_models(), key=lambda each: (each[0].__name__, each[1]))
    made, defined = models_json_schema(models, ref_template=_PLACE, schema_generator=Told)
    known: dict[Model, Json] = {model: made[model] for model in models}
    schemas: Json = dict(defined.get("$defs", {}))
    paths = {
        path: {method.lower(): _described(operation, methods, known, schemas) for method, operation in methods.items()}
        for path, methods in by_path().items()
    }
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": "Flowward", "version": _VERSION, "license": {"name": "Apache-2.0"}},
            "servers": [{"url": BELOW}],
            "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in OPERATIONS)],
            "paths": paths,
            "components": {"schemas": schemas, "securitySchemes": _SECURITY},
        },
        option=orjson.OPT_INDENT_2,
    )


def _models() -> Iterator[Model]:
    found: set[Model] = {(ProblemDocument, "serialization")}
    for operation in OPERATIONS:
        found.add((operation.query, "validation"))
        found |= {(operation.body, "validation")} if operation.body else set()
        found |= {(answer, "serialization") for answer in _answered(operation)}
    yield from found


def _answered(operation: Operation) -> list[type[BaseModel]]:
    """What it may answer with 200 or its own status."""
    preview = operation.preview.answer if operation.preview else None
    return [answer for answer in (operation.answer, preview) if answer is not None]


def _described(
    operation: Operation,
    methods: Mapping[str, Operation],
    known: Mapping[Model, Json],
    schemas: Mapping[str, object],
) -> Json:
    compared = twin_of(operation, methods) is not None
    told: Json = {
        "operationId": operation.name,
        "tags": [operation.tag, *(["picker"] if operation.picker else [])],
        "summary": operation.summary,
        "parameters": [*_parameters(operation, known, schemas), *_if_match(operation, compared=compared)],
        "security": _security(operation),
        "responses": _answers(operation, known, compared=compared or operation.overwrites),
    }
    if operation.permission is not None:
        told["x-permission"] = operation.permission
        told["x-session-only"] = operation.session_only
    if operation.audit:
        told["x-audit"] = operation.audit
    if operation.body is not None:
        content = {"application/json": {"schema": known[operation.body, "validation"]}}
        told["requestBody"] = {"required": True, "content": content}
    return told


_IF_MATCH: Final[Json] = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag that GET of the thing answered, or * to overwrite whatever is there. A PUT that makes something has none.",
    "schema": {"type": "string"},
    "example": "*",
}


def _if_match(operation: Operation, *, compared: bool) -> Iterator[Json]:
    if compared:
        yield _IF_MATCH
    elif operation.overwrites:
        described = "Where what is sent is there already and would change: the ETag that GET of it answered, or * whatever it is."
        yield {**_IF_MATCH, "required": False, "description": described}


def _parameters(
    operation: Operation,
    known: Mapping[Model, Json],
    schemas: Mapping[str, object],
) -> Iterator[Json]:
    for name in _PART.findall(operation.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    if operation.query is Query:
        return
    name = str(known[operation.query, "validation"]["$ref"]).rpartition("/")[2]
    model = schemas[name]
    if not isinstance(model, dict):
        raise TypeError(name)
    for field, schema in model["properties"].items():
        told = {"name": field, "in": "query", "required": field in model.get("required", ()), "schema": schema}
        yield told | ({"description": schema["description"]} if "description" in schema else {})


def _security(operation: Operation) -> list[Json]:
    if operation.greet is not None:
        return []
    by_session: Json = {"session": []} if operation.method in _SAFE else {"session": [], "csrf": []}
    return [by_session] if operation.session_only else [by_session, {"token": []}]


def _answers(operation: Operation, known: Mapping[Model, Json], *, compared: bool) -> Json:
    problem = {"application/problem+json": {"schema": known[ProblemDocument, "serialization"]}}
    answers: Json = dict(_successes(operation, known))
    for status in statuses(operation, compared=compared):
        content = {} if status == HTTPStatus.NOT_MODIFIED else {"content": problem}
        answers[str(status)] = {"description": _SAID[status], **content}
    return answers


def _successes(operation: Operation, known: Mapping[Model, Json]) -> Iterator[tuple[str, Json]]:
    """Status and answer of what was done, and of what would be."""
    done: Json = {"description": "Done."}
    found = [known[answer, "serialization"] for answer in _answered(operation)]
    together = operation.status == HTTPStatus.OK
    if operation.kind != "application/json" and operation.answer is None:
        done["content"] = {operation.kind: {"schema": {"type": "string"}}}
    elif operation.answer is not None:
        schema = {"anyOf": found} if together and len(found) > 1 else found[0]
        done["content"] = {operation.kind: {"schema": schema}}
    yield str(operation.status), done
    if operation.preview is not None and not together:
        content = {"application/json": {"schema": known[operation.preview.answer, "serialization"]}}
        yield "200", {"description": "With preview: what would happen.", "content": content}


def statuses(operation: Operation, *, compared: bool) -> Iterable[int]:
    """Every status but that of success."""
    found = {400, 414, 422, 429, 431, 503}
    if operation.greet is None:
        found |= {401, 403}
    if operation.method == "GET" and operation.answer is not None and not issubclass(operation.answer, Page):
        found.add(304)
    if _PART.search(operation.path) or operation.body is not None or operation.query is not Query:
        found.add(404)
    if operation.method not in _SAFE:
        found |= {403, 409}
    if operation.depends:
        found.add(409)
    if operation.body is not None:
        found |= {413, 415}
    if operation.greet is not None:
        found.add(401)
    return sorted(found | ({412, 428} if compared else set()))
