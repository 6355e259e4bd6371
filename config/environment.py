"""Settings from the environment: FLOWWARD_SECTION__KEY stands above the file, ..._FILE names a file with the value."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args, get_origin

from pydantic import BaseModel

from config.document import Document
from config.problems import Problem
from config.schema import Settings
from config.shape import section_in, suggestion
from config.source import Key

_PREFIX = "FLOWWARD_"
_FROM_FILE = "_FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What a variable sets: the key, and the annotation of the setting there (None for an option of a plugin)."""

    key: Key
    annotation: object = None


class _Unknown(Exception):
    """No setting has this name; the text is the remedy."""


def overlay(document: Document, environ: Mapping[str, str]) -> Document:
    """The document of flowward.yaml with all that the environment sets above it."""
    problems = list(document.problems)
    data: dict[str, object] = document.data
    variables: dict[Key, str] = {}
    for variable in sorted(environ):
        if not _is_setting(variable):
            continue
        try:
            place = _place(variable, data)
            _claim(place.key, variable, variables)
            data = _with(data, place.key, _value(variable, environ[variable], place))
        except _Unknown as error:
            problems.append(
                Problem(file="environment", key=variable, message="names no setting to set", remedy=str(error))
            )
        except (OSError, UnicodeDecodeError):
            remedy = "Create the file it names or correct the path."
            problems.append(Problem(file="environment", key=variable, message="cannot be read", remedy=remedy))
    source = replace(document.source, variables=variables)
    return Document(data=data, source=source, problems=tuple(problems))


def _claim(key: Key, variable: str, variables: dict[Key, str]) -> None:
    if key in variables:
        raise _Unknown(f"Set either {variables[key]} or {variable}.")
    variables[key] = variable


def _is_setting(variable: str) -> bool:
    """Whether a variable is meant for the settings; others with our prefix, such as FLOWWARD_CONFIG, are not."""
    name = variable.removeprefix(_PREFIX)
    return variable.startswith(_PREFIX) and ("__" in name or name.lower() in Settings.model_fields)


def _place(variable: str, data: Mapping[str, object]) -> _Place:
    first, *rest = variable.removeprefix(_PREFIX).lower().split("__")
    if first == "auth" and len(rest) == 2:
        return _option(rest[0], rest[1], data)
    section: type[BaseModel] | None = Settings
    annotation: object = Settings
    key: list[str] = []
    for part in (first, *rest):
        if section is None:
            raise _Unknown(f"{'.'.join(key)} holds a value, not a section.")
        name = part if part in section.model_fields else part.removesuffix(_FROM_FILE.lower())
        if name not in section.model_fields:
            raise _Unknown(suggestion(part, section.model_fields))
        annotation = section.model_fields[name].annotation
        section = section_in(annotation) if "Mapping" not in str(annotation) else None
        key.append(name)
    if section is not None:
        raise _Unknown(f"{'.'.join(key)} is a section; add __ and one of: {', '.join(sorted(section.model_fields))}.")
    return _Place(key=tuple(key), annotation=annotation)


def _option(entry: str, option: str, data: Mapping[str, object]) -> _Place:
    """FLOWWARD_AUTH__CORP__BIND_PASSWORD: an option of the entry of that name, dashes written as underscores."""
    entries = data.get("auth")
    listed = entries if isinstance(entries, tuple) else ()
    names = [one.get("name") if isinstance(one, Mapping) else None for one in listed]
    for index, name in enumerate(names):
        if isinstance(name, str) and name.replace("-", "_") == entry:
            return _Place(key=("auth", index, option.removesuffix(_FROM_FILE.lower())))
    raise _Unknown(f"Add an entry named {entry} to auth first.")


def _value(variable: str, text: str, place: _Place) -> object:
    last = place.key[-1]
    if variable.endswith(_FROM_FILE) and not variable.lower().endswith(f"_{last}"):
        text = Path(text).read_text(encoding="utf-8").rstrip("\r\n")
    return text if place.annotation is None else _typed(text, place.annotation)


def _typed(text: str, annotation: object) -> object:
    if get_origin(annotation) is tuple:
        return tuple(_typed(part.strip(), get_args(annotation)[0]) for part in text.split(",") if part.strip())
    kinds = get_args(annotation) or (annotation,)
    if Path in kinds:
        return str(Path(text).absolute())
    if type(None) in kinds and text in {"", "null"}:
        return None
    if bool in kinds:
        return {"true": True, "false": False}.get(text.lower(), text)
    if int in kinds and text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    return text


def _with(node: object, key: Key, value: object) -> dict[str, object]:
    """A copy of a mapping with one value set; sections on the way are made."""
    head, rest = str(key[0]), key[1:]
    data = dict(node) if isinstance(node, dict) else {}
    if not rest:
        data[head] = value
    elif isinstance(rest[0], int):
        items = list(data[head])
        items[rest[0]] = _with(items[rest[0]], rest[1:], value)
        data[head] = tuple(items)
    else:
        data[head] = _with(data.get(head), rest, value)
    return data
