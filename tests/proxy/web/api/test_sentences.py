"""What the description of the API says of each member is what stands under it."""

from typing import Generic, TypeVar

from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from proxy.web.api.sentences import Told, sentences

T = TypeVar("T")


class Base(BaseModel):
    kept: int
    """Kept as it is."""
    anew: int
    """Replaced."""
    silent: int


class Below(Base, Generic[T]):
    """A model."""

    anew: int
    own: T = Field(alias="Own")
    """Two
    lines."""
    base: Base
    """Elsewhere described."""
    said: int = Field(description="In so many words.")
    """Not this."""


def test_a_field_is_described_by_the_text_under_it_where_it_is_declared_last() -> None:
    assert sentences(Below[int]) == {
        "kept": "Kept as it is.",
        "own": "Two\nlines.",
        "base": "Elsewhere described.",
        "said": "Not this.",
    }


def test_descriptions_stand_in_the_schema_by_the_names_that_are_sent() -> None:
    _, made = models_json_schema([(Below[int], "validation")], schema_generator=Told)
    told = made["$defs"]["Below_int_"]["properties"]
    assert {name: each.get("description") for name, each in told.items()} == {
        "kept": "Kept as it is.",
        "anew": None,
        "silent": None,
        "Own": "Two\nlines.",
        "base": "Elsewhere described.",
        "said": "In so many words.",
    }
