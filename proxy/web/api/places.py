"""Devices many at once, and what folders hold."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from proxy.model.access import Permission
from proxy.model.estate import Resource, ResourceKind
from proxy.services.administration import devices, folders
from proxy.services.administration.resources import Reference
from proxy.services.authority import resource_at
from proxy.services.problems import Invalid, Wrong
from proxy.services.writer import Step
from proxy.web.api.gathered import Found
from proxy.web.api.items import Eyes, ResourceItem
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Body, Line
from proxy.web.api.operation import SENT, Call, Operation, on_resource
from proxy.web.api.spaces import eyes

MOST: Final = 500
"""Devices or items named at once."""


class DevicePlace(Body):
    """Where a device is to be; neither for by itself, in the space that owns it."""

    application: Line | None = None
    instance: Line | None = None

    def reference(self) -> Reference | None:
        """Raises Invalid for both."""
        if self.application is not None and self.instance is not None:
            message = "must be absent beside application: an instance lies in its application"
            raise Invalid(Wrong(field="instance", message=message, remedy="Send one of the two."))
        if self.application is not None:
            return Reference(field="application", key=self.application)
        return Reference(field="instance", key=self.instance) if self.instance is not None else None


class Bulk(DevicePlace):
    """What is to be done with many devices: with all of them, or with none."""

    action: Literal["assign", "delete"]
    devices: Annotated[tuple[Line, ...], Field(min_length=1, max_length=MOST)]
    """Ids or addresses."""


class Done(Answer):
    """The devices as they are now; those that were deleted are not among them."""

    items: tuple[ResourceItem, ...]


class FolderItems(Answer):
    """What a folder holds, as far as one may know."""

    items: tuple[Found, ...]


class FolderItemsBody(Body):
    """What a folder is to hold: these, and what it holds that one may not see."""

    items: Annotated[tuple[Line, ...], Field(max_length=MOST)]
    """Ids or addresses of what the folder's own space owns."""


async def assign(api: Api, call: Call) -> Step[BaseModel]:
    step = await devices.assign(call.moment, [call.path["device"]], call.sent(DevicePlace).reference())
    return Step(result=eyes(api, call).resource(step.result[0]), edits=step.edits, events=step.events)


async def _show_device(api: Api, call: Call) -> ResourceItem:
    return eyes(api, call).resource(resource_at(call.moment.estate, call.path["device"], ResourceKind.DEVICE))


async def bulk(api: Api, call: Call) -> Step[BaseModel]:
    sent = call.sent(Bulk)
    to = sent.reference()
    if sent.action == "delete":
        if to is not None:
            raise Invalid(Wrong(field=to.field, message="must be absent: what is deleted goes nowhere"))
        step = await devices.delete_all(call.moment, sent.devices)
    else:
        step = await devices.assign(call.moment, sent.devices, to)
    seen = eyes(api, call)
    items = tuple(seen.resource(each) for each in step.result)
    return Step(result=Done(items=items), edits=step.edits, events=step.events)


async def items(api: Api, call: Call) -> FolderItems:
    folder = resource_at(call.moment.estate, call.path["folder"], ResourceKind.FOLDER)
    seen = eyes(api, call)
    return FolderItems(items=tuple(_found(seen, each) for each in folders.seen_items(call.moment, folder)))


def _found(seen: Eyes, resource: Resource) -> Found:
    return Found(
        id=resource.id,
        kind=resource.kind,
        name=resource.name or resource.slug,
        address=seen.address(resource),
        actions=seen.actions(resource),
    )


async def set_items(api: Api, call: Call) -> Step[BaseModel]:
    step = await folders.set_items(call.moment, call.path["folder"], call.sent(FolderItemsBody).items)
    seen = eyes(api, call)
    found = tuple(_found(seen, each) for each in folders.seen_items(call.moment, step.result))
    return Step(result=FolderItems(items=found), edits=step.edits, events=step.events)


OPERATIONS: Final = (
    Operation(
        method="PUT",
        path="/devices/{device}/place",
        tag="devices",
        summary="Put a device under an application, an instance or nothing; who does owns the old place and the new",
        permission=Permission.DEVICE_ASSIGN,
        where=on_resource("device", ResourceKind.DEVICE),
        body=DevicePlace,
        answer=ResourceItem,
        audit=("device.assigned", "device.unassigned"),
        change=assign,
        compared=_show_device,
    ),
    Operation(
        method="POST",
        path="/devices/bulk",
        tag="devices",
        summary="Assign or delete many devices: all of them, or none",
        permission=Permission.DEVICE_ASSIGN,
        where=SENT,
        body=Bulk,
        answer=Done,
        audit=("device.assigned", "device.unassigned", "device.deleted"),
        change=bulk,
    ),
    Operation(
        method="GET",
        path="/folders/{folder}/items",
        tag="folders",
        summary="What a folder holds",
        permission=Permission.DASHBOARD_LIST,
        where=on_resource("folder", ResourceKind.FOLDER),
        answer=FolderItems,
        perform=items,
    ),
    Operation(
        method="PUT",
        path="/folders/{folder}/items",
        tag="folders",
        summary="Say what a folder holds",
        permission=Permission.FOLDER_EDIT,
        where=on_resource("folder", ResourceKind.FOLDER),
        body=FolderItemsBody,
        answer=FolderItems,
        audit=("folder.items-changed",),
        change=set_items,
    ),
)
