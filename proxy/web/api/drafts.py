"""What is sent to make or change a resource of each kind."""

import json
from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, JsonValue
from typing_extensions import override

from proxy.services.administration.resources import Reference
from proxy.web.api.models import Body, Line, Slug

MOST_BYTES: Final = 16 * 1024
"""Of attributes, as JSON."""
_PLACES: Final = ("space", "application", "instance", "device", "parent")


def _short(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    size = len(json.dumps(value))
    if size > MOST_BYTES:
        raise ValueError(f"must be at most {MOST_BYTES} bytes as JSON, but it has {size}")
    return value


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
    """A page of an instance or device, so that it can be shared by itself."""

    instance: Line | None = None
    device: Line | None = None
    match: Annotated[Line, Field(min_length=1)]
    """Path of the page below the dashboard, such as /page1, or a glob of endpoint paths."""

    @override
    def described(self) -> Mapping[str, object]:
        return {"match": self.match}


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

    match: Annotated[Line, Field(min_length=1)] | None = None

    @override
    def described(self, before: Mapping[str, object]) -> Mapping[str, object]:
        return before if self.match is None else {**before, "match": self.match}
