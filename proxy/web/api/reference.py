"""Writes docs/reference/api.md from the operations: `python -m proxy.web.api.reference [--check]`."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import orjson

from config.publish import publish
from proxy.access.catalogue import CATALOGUE
from proxy.web.api.openapi import description
from proxy.web.api.operation import About, Operation
from proxy.web.api.table import OPERATIONS

PATH: Final = Path("docs/reference/api.md")
_INTRODUCTION: Final = """\
# API

Written by `python -m proxy.web.api.reference` from the operations themselves; do not edit it by hand. How to use the API
is told in [the API](../api.md); every gateway describes its own at `/-/api/v1/openapi.json` (OpenAPI 3.1).

Addresses are below `/-/api/v1`. `{space}` is an id or slug, `{resource}`, `{application}`, `{instance}` and so on an id or
an address with `%2F` for each slash, such as `acme%2Fplant%2Fline-3`, `{user}` an id or username. A permission marked
**session** takes a person who proved who they are within the last ten minutes; no token has it.
"""
_ABOUT: Final[Mapping[About, str]] = {
    About.PLATFORM: "",
    About.NOBODY: "",
    About.SPACE: " in the space",
    About.RESOURCE: " on the resource",
    About.SENT: " at what the body names",
    About.EACH: " for each item",
}


def document() -> str:
    """The reference as it should be."""
    schemas: dict[str, dict[str, object]] = orjson.loads(description())["components"]["schemas"]
    return "\n".join([_INTRODUCTION, *_operations(), *_models(schemas)])


def _operations() -> Iterator[str]:
    for tag in dict.fromkeys(operation.tag for operation in OPERATIONS):
        yield from (f"## {tag}", "")
        for operation in OPERATIONS:
            if operation.tag == tag:
                yield from _one(operation)


def _one(operation: Operation) -> Iterator[str]:
    yield from (f"### {operation.method} {operation.path}", "", f"{operation.summary}.", "")
    yield from (f"- {line}" for line in _facts(operation))
    yield ""


def _facts(operation: Operation) -> Iterator[str]:
    yield f"who: {_who(operation)}"
    fields = operation.query.model_fields
    if fields:
        yield "query: " + ", ".join(f"`{name}`" for name in fields)
    if operation.body is not None:
        yield f"body: {_linked(operation.body.__name__)}"
    answer = operation.answer
    yield f"answer: {operation.status}" + (f", {_linked(answer.__name__)}" if answer else _plain(operation))
    if operation.preview is not None:
        yield f"with `preview=1` nothing is done; answer: 200, {_linked(operation.preview.answer.__name__)}"
    if operation.audit:
        yield "on record: " + ", ".join(f"`{name}`" for name in operation.audit)


def _plain(operation: Operation) -> str:
    return "" if operation.kind == "application/json" else f", `{operation.kind}`"


def _who(operation: Operation) -> str:
    if operation.greet is not None:
        return "anybody"
    if operation.permission is None:
        return "whoever is logged in"
    session = ", **session**" if CATALOGUE[operation.permission].session_only else ""
    return f"`{operation.permission}`{_ABOUT[operation.where.about]}{session}"


def _linked(name: str) -> str:
    """A model by name; of a page, what is on it."""
    inner = name.removeprefix("Page[").removesuffix("]")
    link = f"[{inner}](#{inner.lower()})"
    return f"a page of {link}" if inner != name else link


def _models(schemas: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    yield from ("## Models", "")
    for name, schema in sorted(schemas.items()):
        properties = schema.get("properties")
        if name.startswith("Page_") or not isinstance(properties, Mapping) or not properties:
            continue
        yield from (f"### {name}", "", str(schema.get("description", "")), "")
        yield from ("| member | type | meaning |", "| --- | --- | --- |")
        required = schema.get("required", ())
        for member, told in properties.items():
            there = isinstance(required, list) and member in required
            yield f"| `{member}` | {_type(told)}{'' if there else ', optional'} | {_cell(told.get('description', ''))} |"
        yield ""


def _type(told: Mapping[str, object]) -> str:
    match told:
        case {"$ref": str(reference)}:
            return reference.rpartition("/")[2]
        case {"anyOf": list(choices)}:
            return " or ".join(_type(each) for each in choices)
        case {"enum": list(values)} | {"const": str() as values}:
            return " or ".join(f"`{value}`" for value in ([values] if isinstance(values, str) else values))
        case {"type": "array", "items": dict(items)}:
            return f"list of {_type(items)}"
        case _:
            return str(told.get("type", "any"))


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Writes the reference, or with --check says that it is not as the operations have it; exit code 1 if so."""
    return publish({PATH: document()}, arguments, command="python -m proxy.web.api.reference")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
