"""What is sent to make or change a resource of each kind."""

import json
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, JsonValue
from typing_extensions import override

from config.base import Listing
from config.names import Glob
from config.tenancy_schema import is_page_match
from proxy.services.administration.resources import Reference
from proxy.web.api.models import Body, Line, Slug

MOST_BYTES: Final = 16 * 1024
"""Of attributes, as JSON."""
MOST_PATTERNS: Final = 100
"""Of endpoints, on one page."""
_PLACES: Final = ("space", "application", "instance", "device", "parent")


def _short(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    size = len(json.dumps(value))
    if size > MOST_BYTES:
        raise ValueError(f"must be at most {MOST_BYTES} bytes as JSON, but it has {size}")
    return value


def _page(value: str) -> str:
    if value and not is_page_match(value):
        raise ValueError(
            "must be the path of a page below the dashboard, such as /page1, or the id of its ui-page node; patterns "
            "stand in endpoints"
        )
    return value


Match = Annotated[Line, AfterValidator(_page), Field(examples=["/page1"])]
Globs = Annotated[Listing[Glob], Field(max_length=MOST_PATTERNS)]
Json = Annotated[dict[str, JsonValue], AfterValidator(_short), Field(examples=[{}])]


class Draftable(Body):
    """A resource to be made."""

    slug: Slug
    """Unique in what it lies in, or else in its space."""
    name: Line = ""
    """Name for people; the slug where empty."""

    def places(self) -> tuple[Reference, ...]:
        """What it says of where it belongs."""
        found = {name: getattr(self, name) for name in _PLACES if name in type(self).model_fields}
        return tuple(Reference(field=name, key=key) for name, key in found.items() if key is not None)

    def described(self) -> Mapping[str, object]:
        """Its attributes."""
        return {}


class NewApplication(Draftable):
    """An application to be made."""

    space: Line
    """Id or slug of the owner."""


class NewDevice(Draftable):
    """A device to be made: in an application or instance, or by itself in a space."""

    space: Line | None = None
    application: Line | None = None
    instance: Line | None = None
    attributes: Json = Field(default={})

    @override
    def described(self) -> Mapping[str, object]:
        return self.attributes


class NewThing(Draftable):
    """A sensor, a building, an office: something of the world, in a thing or by itself in a space."""

    space: Line | None = None
    parent: Line | None = None
    """Id or address of the thing it lies in."""
    subtype: Literal["device", "asset"]
    external_id: Line = ""
    """What other systems call it."""
    data: Json = Field(default={})

    @override
    def described(self) -> Mapping[str, object]:
        return {"subtype": self.subtype, "external_id": self.external_id, "data": self.data}


class NewFolder(Draftable):
    """A folder to be made: in a folder, or at the top of a space."""

    space: Line | None = None
    parent: Line | None = None
    """Id or address of the folder it lies in."""


class NewPage(Draftable):
    """A part of an instance or device, so that it can be shared by itself: a page of its Dashboard, endpoints, or both."""

    instance: Line | None = None
    device: Line | None = None
    match: Match = ""
    """A page of the Dashboard: its path below the dashboard, such as /page1, or the id of its ui-page node."""
    endpoints: Globs = ()
    """Patterns of endpoint paths below the node root; * stays within a segment, ** crosses."""
    readonly: bool = False
    """Whether only members and owners may press and type there; others watch."""
    http_auth: Literal["none"] | None = None
    """none: anybody may open it, without a login; that needs server.allow_public_http. null: as the instance is."""

    @override
    def described(self) -> Mapping[str, object]:
        return {
            "match": self.match,
            "endpoints": list(self.endpoints),
            "readonly": self.readonly,
            "http_auth": self.http_auth,
        }


class Renaming(Body):
    """What is to be different; what is absent stays as it is."""

    slug: Slug | None = None
    name: Line | None = None

    def described(self, before: Mapping[str, object]) -> Mapping[str, object]:
        """Its attributes from now on."""
        return before


class DeviceChange(Renaming):
    """What is to be different of a device; what is absent stays as it is."""

    attributes: Json | None = None

    @override
    def described(self, before: Mapping[str, object]) -> Mapping[str, object]:
        return before if self.attributes is None else self.attributes


class ThingChange(Renaming):
    """What is to be different of a thing; what is absent stays as it is."""

    external_id: Line | None = None
    data: Json | None = None

    @override
    def described(self, before: Mapping[str, object]) -> Mapping[str, object]:
        given = {"external_id": self.external_id, "data": self.data}
        return {**before, **{name: value for name, value in given.items() if value is not None}}


class PageChange(Renaming):
    """What is to be different of a page; what is absent stays as it is."""

    match: Match | None = None
    """Empty for no page of the Dashboard."""
    endpoints: Globs | None = None
    readonly: bool | None = None
    http_auth: Literal["none"] | None = None
    """none: anybody may open it, without a login; that needs server.allow_public_http. null: as the instance is."""

    @override
    def described(self, before: Mapping[str, object]) -> Mapping[str, object]:
        given: dict[str, object] = {
            "match": self.match,
            "endpoints": None if self.endpoints is None else list(self.endpoints),
            "readonly": self.readonly,
        }
        after = {**before, **{name: value for name, value in given.items() if value is not None}}
        return {**after, "http_auth": self.http_auth} if "http_auth" in self.model_fields_set else after
