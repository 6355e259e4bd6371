"""Writes the JSON Schemas and the configuration reference from the schema: `python -m config.publish [--check]`."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import override

from config.estate_schema import Estate
from config.schema import Settings
from config.shape import section_in

_ROOT = Path(__file__).parent.parent
_INTRODUCTION = """\
# Configuration reference

Written by `python -m config.publish` from the schema in `config/`; do not edit it by hand.

Two kinds of file: `flowward.yaml` says how the gateway runs, the estate files it lists say who may use which Node-RED.
Commented examples are `config/flowward.example.yaml` and `config/estate.example.yaml`; for completion in an editor,
`config/flowward.schema.json` and `config/estate.schema.json`. `flowward check` lists every problem at once.

- **Duration**: `30s`, `5m`, `12h`, `7d`, `1h30m`, or a number of seconds. Units: `ms s m h d w y`.
- **Rate**: a count per duration, `5/30s` or `100/m`.
- **YAML** is read as version 1.2: only `true` and `false` are booleans. Duplicate and unknown keys are errors.
- **Paths** are relative to the file that holds them.
- **Environment**: `FLOWWARD_SECTION__KEY` stands above `flowward.yaml`, for example
  `FLOWWARD_SERVER__PUBLIC_URL=https://gate.example.org`; lists are separated by commas, an empty value is null where
  null is allowed. `FLOWWARD_AUTH__NAME__OPTION` sets an option of the entry of that name in `auth` (dashes as
  underscores). With `_FILE` at the end, the variable names a file that holds the value. Paths in variables are relative
  to the working directory.
- **Secrets** in files of their own: `{file: path}`. Their values are never shown in a message.
"""


class _Quiet(GenerateJsonSchema):
    """JSON Schema without titles made from names: those that are left name a kind of value."""

    @override
    def field_title_should_be_set(self, schema: object) -> bool:
        return False


def _sections(root: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Every section below a root with its key, depth first, in the order of the schema."""
    for name, field in root.model_fields.items():
        section = section_in(field.annotation)
        if section is None:
            continue
        mark = "[]" if "tuple" in str(field.annotation) else ".NAME" if "Mapping" in str(field.annotation) else ""
        key = f"{name}{mark}"
        yield key, section
        yield from ((f"{key}.{below}", inner) for below, inner in _sections(section))


def _defaults(section: type[BaseModel]) -> Mapping[str, object]:
    """The defaults as an operator would write them."""
    return cast("Mapping[str, object]", section.model_construct().model_dump(mode="json"))


def _schema(root: type[BaseModel], title: str) -> dict[str, object]:
    schema = root.model_json_schema(schema_generator=_Quiet)
    for section in (root, *(inner for _, inner in _sections(root))):
        properties = (schema if section is root else schema["$defs"][section.__name__])["properties"]
        for name, default in _defaults(section).items():
            if "default" in properties[name]:
                properties[name]["default"] = default
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": title}


_WORDS = {"integer": "number", "boolean": "true or false", "string": "text", "null": "null"}


def _inner(schema: object) -> str:
    return _kind(cast("Mapping[str, object]", schema))


def _kind(schema: Mapping[str, object]) -> str:
    """The type of a setting in a few words."""
    match schema:
        case {"anyOf": [*options]}:
            return " or ".join(map(_inner, options))
        case {"enum": [*values]}:
            return ", ".join(f"`{value}`" for value in values)
        case {"items": inner}:
            return f"list of {_inner(inner)}"
        case {"const": value}:
            return f"`{value}`"
        case _:
            return _plain(schema)


def _plain(schema: Mapping[str, object]) -> str:
    match schema:
        case {"title": str(title)}:
            return title
        case {"patternProperties": {**patterns}}:
            return f"mapping to {_inner(next(iter(patterns.values())))}"
        case {"additionalProperties": inner}:
            return f"mapping to {_inner(inner)}"
        case _:
            return _WORDS[str(schema["type"])]


def _table(section: type[BaseModel]) -> Iterator[str]:
    defaults = _defaults(section)
    properties = section.model_json_schema(schema_generator=_Quiet)["properties"]
    yield "| Key | Type | Default | Meaning |"
    yield "| --- | --- | --- | --- |"
    for name, field in section.model_fields.items():
        if section_in(field.annotation) is not None:
            kind, default = "below", ""
        else:
            kind = _kind(properties[name])
            default = "required" if field.is_required() else f"`{json.dumps(defaults[name])}`"
        yield f"| `{name}` | {kind} | {default} | {field.description} |".replace("  ", " ")


def _reference() -> str:
    lines = [_INTRODUCTION]
    for file, root in (("flowward.yaml", Settings), ("estate.yaml", Estate)):
        lines += [f"## {file}", "", *_table(root), ""]
        for key, section in _sections(root):
            lines += [f"### {key}", "", str(section.__doc__), "", *_table(section), ""]
    return "\n".join(lines)


def documents() -> dict[Path, str]:
    """Everything that is written from the schema, by its path below the root of the project."""
    return {
        Path("config/flowward.schema.json"): f"{json.dumps(_schema(Settings, 'flowward.yaml'), indent=2)}\n",
        Path("config/estate.schema.json"): f"{json.dumps(_schema(Estate, 'estate.yaml'), indent=2)}\n",
        Path("docs/reference/configuration.md"): _reference(),
    }


def main(arguments: list[str]) -> int:
    """Writes the documents, or with --check says which are not as the schema has them; exit code 1 if any."""
    return publish(documents(), arguments, command="python -m config.publish")


def publish(pages: Mapping[Path, str], arguments: list[str], *, command: str) -> int:
    """Writes pages, by their path below the root of the project, or with --check says which are not as the code has them.

    The exit code is 1 where the check finds any; `command` is what writes them.
    """
    stale = {path: text for path, text in pages.items() if not _same(_ROOT / path, text)}
    if arguments == ["--check"]:
        for path in stale:
            sys.stderr.write(f"{path} is not as the code has it. Run {command}\n")
        return 1 if stale else 0
    for path, text in stale.items():
        (_ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (_ROOT / path).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")
    return 0


def _same(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
