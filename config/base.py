"""What every section and kind of value shares: how a wrong one is told, and lists and JSON Schema for the right ones."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from pydantic_core import PydanticCustomError

T = TypeVar("T")


class Section(BaseModel):
    """A part of a configuration file: unknown keys are errors, values keep their type, nothing changes afterwards."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def wrong(message: str, remedy: str) -> PydanticCustomError:
    """The error of a validator: `message` follows the key ("must be ..."), `remedy` is a sentence of its own."""
    return PydanticCustomError("setting", "{message}. {remedy}", {"message": message, "remedy": remedy})


def text_of(value: object, message: str, remedy: str) -> str:
    """The value, which must be text."""
    if not isinstance(value, str):
        raise wrong(message, remedy)
    return value


def _sequence(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def schema_of(kind: str, *, pattern: str | None = None, numbers: bool = False) -> WithJsonSchema:
    """The JSON Schema of a kind of value that is written as text (or, with `numbers`, as a number)."""
    schema: dict[str, object] = {"type": ["string", "number"] if numbers else "string", "title": kind}
    return WithJsonSchema(schema if pattern is None else {**schema, "pattern": pattern})


Listing = Annotated[tuple[T, ...], BeforeValidator(_sequence)]
