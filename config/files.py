"""Paths that files name, and the secrets kept in files of their own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator, SecretStr, ValidationInfo, WithJsonSchema

from config.base import schema_of, text_of, wrong


def _base(info: ValidationInfo) -> Path:
    directory = info.context.get("directory") if isinstance(info.context, Mapping) else None
    return directory if isinstance(directory, Path) else Path()


def parse_path(value: object, info: ValidationInfo) -> Path:
    """A path; a relative one is relative to the file that holds it."""
    if isinstance(value, Path):
        return _base(info) / value
    text = text_of(value, "must be a path", "Write for example certificates/gate.pem.")
    if not text or "\0" in text:
        raise wrong("must be a path", "Write for example certificates/gate.pem.")
    return _base(info) / text


def parse_file(value: object, info: ValidationInfo) -> Path:
    """The path of a file that is there."""
    path = parse_path(value, info)
    if not path.is_file():
        raise wrong("must be a file that exists", "Create it or correct the path, which is relative to this file.")
    return path


def parse_secret_file(value: object, info: ValidationInfo) -> SecretStr:
    """A secret from `{file: path}`: the file's text without the line end."""
    if isinstance(value, SecretStr):
        return value
    if not isinstance(value, Mapping) or set(value) != {"file"}:
        raise wrong("must name a file", "Write {file: secrets/name}; a secret does not stand in this file itself.")
    path = parse_path(value["file"], info)
    try:
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise wrong(f"cannot be read from {path}: {reason}", "Create the file or correct the path.") from None
    if not text:
        raise wrong(f"is empty in {path}", "Write the secret into the file.")
    return SecretStr(text)


FILE_SCHEMA = {
    "type": "object",
    "title": "{file: path}",
    "properties": {"file": {"type": "string", "description": "Path of a file that holds the secret."}},
    "required": ["file"],
    "additionalProperties": False,
}

PathSetting = Annotated[Path, PlainValidator(parse_path), PlainSerializer(str), schema_of("file path")]
ExistingFile = Annotated[Path, PlainValidator(parse_file), PlainSerializer(str), schema_of("file path")]
SecretFile = Annotated[SecretStr, PlainValidator(parse_secret_file), WithJsonSchema(FILE_SCHEMA)]
