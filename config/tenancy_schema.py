"""What tells visitors of one instance apart in estate files: tags, pages and row policies."""

import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field, PlainValidator, model_validator

from config.base import Listing, Section, schema_of, text_of, wrong
from config.names import Glob, Slug

_PAGE_PATH: Final = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~@!$&'()+,=:-]+)+/?")
_PAGE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TAG: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_BUILT_IN: Final = frozenset({"@things", "@tenant"})
_OF_HTTP: Final = ("paths", "methods")
_OF_SOCKETS: Final = ("widgets", "types", "pages")


def parse_tag(value: object) -> str:
    """The name of a tag that spaces and users may have a value of."""
    message, remedy = (
        "must be 1 to 32 lower-case letters, digits, _ or -, from a letter on",
        "Write for example tenantid.",
    )
    text = text_of(value, message, remedy)
    if not _TAG.fullmatch(text):
        raise wrong(message, remedy)
    return text


def parse_any_tag(value: object) -> str:
    """The name of a tag, or one that everybody has by where they belong."""
    return value if isinstance(value, str) and value in _BUILT_IN else parse_tag(value)


def parse_field(value: object) -> str:
    """A name, or names with a dot between them."""
    message, remedy = "must be a name, or names with a dot between them", "Write for example device.id."
    text = text_of(value, message, remedy)
    if not all(text.split(".")) or len(text) > 200:
        raise wrong(message, remedy)
    return text


def is_page_match(text: str) -> bool:
    """Whether this is the path of a page below the dashboard, or the id of a ui-page node."""
    return _PAGE_PATH.fullmatch(text) is not None or _PAGE_ID.fullmatch(text) is not None


def parse_page_match(value: object) -> str:
    """A page of a Dashboard, by path or id."""
    message, remedy = (
        "must be the path of a page below the dashboard, or the id of its node",
        "Write for example /page1.",
    )
    text = text_of(value, message, remedy)
    if text and not is_page_match(text):
        raise wrong(message, remedy)
    return text


TagName = Annotated[str, PlainValidator(parse_tag), schema_of("tag")]
AnyTag = Annotated[str, PlainValidator(parse_any_tag), schema_of("tag, @things or @tenant")]
FieldName = Annotated[str, PlainValidator(parse_field), schema_of("field")]
PageMatch = Annotated[str, PlainValidator(parse_page_match), schema_of("path or id")]
Part = Annotated[str, Field(min_length=1, max_length=200)]
Tags = Mapping[TagName, Annotated[str, Field(max_length=200)]]


class PageEntry(Section):
    """A part of an instance that is shared by itself: a page of its Dashboard, endpoints, or both."""

    slug: Slug = Field(description="Name within its instance.")
    title: str = Field(default="", max_length=200, description="Name for people; the slug where empty.")
    match: PageMatch = Field(
        default="", description="Path of a page below the dashboard, such as /page1, or id of its node."
    )
    endpoints: Listing[Glob] = Field(
        default=(), description="Paths of endpoints; * stays within a segment, ** crosses."
    )
    readonly: bool = Field(default=False, description="Only members and owners may press and type; others watch.")
    space: Slug | None = Field(
        default=None, description="Slug of the space that owns it; that of the instance where absent."
    )

    @model_validator(mode="after")
    def _stands_for_something(self) -> Self:
        if not self.match and not self.endpoints:
            raise wrong("stands for nothing", "Add match, for example /page1, or endpoints.")
        return self


class RowEntry(Section):
    """Whose rows a visitor sees: those whose field holds one of the visitor's values of a tag."""

    name: Slug = Field(description="Name within its instance.")
    kind: Literal["http", "socketio"] = Field(
        description="http: what endpoints answer. socketio: what widgets are sent."
    )
    tag: AnyTag = Field(
        description="Name of a tag; @things for what one's things are called, @tenant for one's customers."
    )
    field: FieldName = Field(description="Where a row names whose it is, such as tenant or device.id.")
    rows: str = Field(default="$", max_length=200, description="JSONPath of the array of rows; $ for the whole.")
    paths: Listing[Glob] = Field(default=(), description="Of kind http: endpoint paths; every one where absent.")
    methods: Listing[Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]] = Field(
        default=(), description="Of kind http; every one where absent."
    )
    widgets: Listing[Part] = Field(default=(), description="Of kind socketio: ids of widgets.")
    types: Listing[Part] = Field(default=(), description="Of kind socketio: types of widgets, such as ui-table.")
    pages: Listing[Part] = Field(default=(), description="Of kind socketio: ids or paths of Dashboard pages.")
    mode: Literal["filter", "assert"] = Field(
        default="filter",
        description="filter leaves rows of others out. assert trusts the flow to: one that is there all the same stops all.",
    )
    on_unmatched: Literal["deny", "pass"] = Field(
        default="deny", description="What becomes of what has no rows where the policy looks for them."
    )

    @model_validator(mode="after")
    def _looks_where_its_kind_does(self) -> Self:
        others = _OF_SOCKETS if self.kind == "http" else _OF_HTTP
        if said := [name for name in others if getattr(self, name)]:
            raise wrong(f"has {', '.join(said)}, which kind {self.kind} does not look at", "Remove it or change kind.")
        return self
