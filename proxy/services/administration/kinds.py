"""The kinds of resources: which permissions each asks for, and where it may stand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from proxy.model.access import Permission
from proxy.model.estate import ResourceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What one kind of resource asks for, and its events."""

    list_: Permission
    read: Permission
    create: Permission
    edit: Permission
    delete: Permission
    parents: frozenset[ResourceKind] = field(default_factory=frozenset)
    """What it may lie in."""
    loose: Permission | None = None
    """Asked of a space to make one that lies in nothing else; None where it must lie in something."""
    created: str
    updated: str
    deleted: str


KINDS: Final[Mapping[ResourceKind, Kind]] = MappingProxyType(
    {
        ResourceKind.APPLICATION: Kind(
            list_=Permission.APPLICATION_LIST,
            read=Permission.APPLICATION_READ,
            create=Permission.APPLICATION_CREATE,
            edit=Permission.APPLICATION_EDIT,
            delete=Permission.APPLICATION_DELETE,
            loose=Permission.APPLICATION_CREATE,
            created="application.created",
            updated="application.updated",
            deleted="application.deleted",
        ),
        ResourceKind.INSTANCE: Kind(
            list_=Permission.INSTANCE_LIST,
            read=Permission.INSTANCE_READ,
            create=Permission.INSTANCE_CREATE,
            edit=Permission.INSTANCE_EDIT,
            delete=Permission.INSTANCE_DELETE,
            parents=frozenset({ResourceKind.APPLICATION}),
            created="project.created",
            updated="project.settings.updated",
            deleted="project.deleted",
        ),
        ResourceKind.DEVICE: Kind(
            list_=Permission.DEVICE_LIST,
            read=Permission.DEVICE_READ,
            create=Permission.DEVICE_CREATE,
            edit=Permission.DEVICE_EDIT,
            delete=Permission.DEVICE_DELETE,
            parents=frozenset({ResourceKind.APPLICATION, ResourceKind.INSTANCE}),
            loose=Permission.DEVICE_CREATE,
            created="device.created",
            updated="device.updated",
            deleted="device.deleted",
        ),
        ResourceKind.PAGE: Kind(
            list_=Permission.DASHBOARD_LIST,
            read=Permission.DASHBOARD_LIST,
            create=Permission.INSTANCE_EDIT,
            edit=Permission.INSTANCE_EDIT,
            delete=Permission.INSTANCE_EDIT,
            parents=frozenset({ResourceKind.INSTANCE, ResourceKind.DEVICE}),
            created="page.created",
            updated="page.updated",
            deleted="page.deleted",
        ),
        ResourceKind.THING: Kind(
            list_=Permission.THING_LIST,
            read=Permission.THING_READ,
            create=Permission.THING_CREATE,
            edit=Permission.THING_EDIT,
            delete=Permission.THING_DELETE,
            parents=frozenset({ResourceKind.THING}),
            loose=Permission.THING_CREATE,
            created="thing.created",
            updated="thing.updated",
            deleted="thing.deleted",
        ),
        ResourceKind.FOLDER: Kind(
            list_=Permission.DASHBOARD_LIST,
            read=Permission.DASHBOARD_LIST,
            create=Permission.FOLDER_EDIT,
            edit=Permission.FOLDER_EDIT,
            delete=Permission.FOLDER_EDIT,
            parents=frozenset({ResourceKind.FOLDER}),
            loose=Permission.FOLDER_MANAGE,
            created="folder.created",
            updated="folder.updated",
            deleted="folder.deleted",
        ),
    }
)
