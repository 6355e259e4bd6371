"""What applications, devices, things, folders and pages have in common: lists, and the five things one does with each."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from pydantic import BaseModel, Field

from proxy.access.visible import visible
from proxy.model.access import Permission
from proxy.model.estate import Resource, ResourceKind
from proxy.services.administration import owners, pages, resources
from proxy.services.administration.kinds import KINDS
from proxy.services.administration.resources import Draft
from proxy.services.authority import require, resource_at
from proxy.services.writer import Moment, Step
from proxy.web.api.drafts import (
    DeviceChange,
    Draftable,
    NewApplication,
    NewDevice,
    NewFolder,
    NewPage,
    NewThing,
    PageChange,
    Renaming,
    ThingChange,
)
from proxy.web.api.instance_models import instance_item
from proxy.web.api.items import Eyes, ResourceItem
from proxy.web.api.keys import Api
from proxy.web.api.models import Body, Line, ListQuery, Page, Slug
from proxy.web.api.operation import EACH, SENT, Call, Operation, on_resource
from proxy.web.api.paging import cut
from proxy.web.api.spaces import eyes

PLURALS: Final[Mapping[ResourceKind, str]] = {kind: f"{kind.value}s" for kind in ResourceKind}


class ResourcesQuery(ListQuery):
    """Which of them are wanted."""

    space: Line = ""
    """Id or slug of the owner."""
    parent: Line = ""
    """Id or address of what they lie in."""
    query: Line = ""
    """Looked for in slug and name, without case."""


class NewOwner(Body):
    """The space that something is handed to."""

    owner: Line
    """Id or slug; whoever hands it over owns both."""
    folders: Annotated[tuple[Slug, ...], Field(max_length=20, examples=[["meters"]])] = ()
    """Slugs of folders at the top of that space that it is put into; those that are not there are made."""


def listed(seen: Eyes, kind: ResourceKind, permission: Permission, asked: ResourcesQuery) -> Sequence[Resource]:
    """The resources of a kind that whoever acts may see and that a query asks for."""
    moment, estate = seen.moment, seen.estate
    owner = seen.named(asked.space) if asked.space else None
    parent = _parent(moment, asked.parent) if asked.parent else None
    found = visible(moment.estate, moment.actor, kind, permission, now=moment.now)
    text = asked.query.casefold()
    return [
        each
        for each in found
        if (parent is None or each.parent == parent.id)
        and (not asked.space or (owner is not None and estate.owner(each) == owner))
        and (text in each.slug or text in each.name.casefold())
    ]


def _parent(moment: Moment, key: str) -> Resource:
    """What they lie in. Raises Denied where that is not for whoever acts: its name is no way past it."""
    parent = resource_at(moment.estate, key)
    require(moment, KINDS[parent.kind].list_, parent)
    return parent


def shown(api: Api, call: Call, step: Step[Resource]) -> Step[BaseModel]:
    """A step, with what is answered."""
    return Step(result=eyes(api, call).resource(step.result), edits=step.edits, events=step.events)


def admit(api: Api, call: Call, made: Resource) -> None:
    """Whether a resource may be as it is about to be. Raises Invalid and Denied."""
    if made.kind is ResourceKind.PAGE:
        pages.admit(call.moment, made, api.premises.settings)


def _seen(api: Api, call: Call, resource: Resource) -> ResourceItem:
    """As the GET of its own kind answers it."""
    seen = eyes(api, call)
    return instance_item(seen, resource) if resource.kind is ResourceKind.INSTANCE else seen.resource(resource)


async def _show_any(api: Api, call: Call) -> ResourceItem:
    return _seen(api, call, resource_at(call.moment.estate, call.path["resource"]))


async def set_owner(api: Api, call: Call) -> Step[BaseModel]:
    sent = call.sent(NewOwner)
    step = await owners.set_owner(
        call.moment, call.path["resource"], sent.owner, folders=sent.folders, new_id=api.new_id
    )
    return Step(result=_seen(api, call, step.result), edits=step.edits, events=step.events)


def _operations(
    kind: ResourceKind, new: type[Draftable], change: type[Renaming], *, words: tuple[str, str]
) -> tuple[Operation, ...]:
    """The five operations of a kind; `words` are its singular and plural with article."""
    rules, plural, one = KINDS[kind], PLURALS[kind], kind.value
    many, single = words
    where, tag = on_resource(one, kind), plural
    path = f"/{plural}/{{{one}}}"

    async def find(api: Api, call: Call) -> Page[ResourceItem]:
        asked = call.asked(ResourcesQuery)
        seen = eyes(api, call)
        items, meta = cut(listed(seen, kind, rules.list_, asked), asked)
        return Page[ResourceItem](meta=meta, items=tuple(seen.resource(each) for each in items))

    async def show(api: Api, call: Call) -> ResourceItem:
        return eyes(api, call).resource(resource_at(call.moment.estate, call.path[one], kind))

    async def create(api: Api, call: Call) -> Step[BaseModel]:
        sent = call.sent(new)
        draft = Draft(
            id=api.new_id(),
            kind=kind,
            slug=sent.slug,
            name=sent.name,
            places=sent.places(),
            attributes=sent.described(),
        )
        step = await resources.create(call.moment, draft)
        admit(api, call, step.result)
        return shown(api, call, step)

    async def update(api: Api, call: Call) -> Step[BaseModel]:
        sent, before = call.sent(change), resource_at(call.moment.estate, call.path[one], kind)
        attributes = sent.described(before.attributes)
        step = await resources.update(
            call.moment, before.id, kind, slug=sent.slug, name=sent.name, attributes=attributes
        )
        admit(api, call, step.result)
        return shown(api, call, step)

    async def delete(_: Api, call: Call) -> Step[None]:
        return await resources.delete(call.moment, call.path[one], kind)

    return (
        Operation(
            method="GET",
            path=f"/{plural}",
            tag=tag,
            summary=f"{many.capitalize()} that one may see",
            permission=rules.list_,
            where=EACH,
            query=ResourcesQuery,
            answer=Page[ResourceItem],
            perform=find,
        ),
        Operation(
            method="POST",
            path=f"/{plural}",
            tag=tag,
            summary=f"Make {single}",
            permission=rules.create,
            where=SENT,
            body=new,
            answer=ResourceItem,
            status=201,
            audit=(rules.created,),
            change=create,
        ),
        Operation(
            method="GET",
            path=path,
            tag=tag,
            summary=f"{single.capitalize()}, by id or address",
            permission=rules.read,
            where=where,
            answer=ResourceItem,
            perform=show,
        ),
        Operation(
            method="PUT",
            path=path,
            tag=tag,
            summary=f"Change {single}",
            permission=rules.edit,
            where=where,
            body=change,
            answer=ResourceItem,
            audit=(rules.updated,),
            change=update,
        ),
        Operation(
            method="DELETE",
            path=path,
            tag=tag,
            summary=f"Delete {single} in which nothing lies any more",
            permission=rules.delete,
            where=where,
            status=204,
            audit=(rules.deleted,),
            change=delete,
        ),
    )


OPERATIONS: Final = (
    *_operations(ResourceKind.APPLICATION, NewApplication, Renaming, words=("applications", "an application")),
    *_operations(ResourceKind.DEVICE, NewDevice, DeviceChange, words=("devices", "a device")),
    *_operations(ResourceKind.PAGE, NewPage, PageChange, words=("pages", "a page")),
    *_operations(ResourceKind.THING, NewThing, ThingChange, words=("things", "a thing")),
    *_operations(ResourceKind.FOLDER, NewFolder, Renaming, words=("folders", "a folder")),
    Operation(
        method="PUT",
        path="/resources/{resource}/owner",
        tag="resources",
        summary="Hand something to another space; its shares end, and it leaves the folders of the old owner",
        permission=Permission.RESOURCE_OWNER,
        where=on_resource(),
        body=NewOwner,
        answer=ResourceItem,
        audit=("resource.owner-changed", "folder.created", "folder.items-changed"),
        change=set_owner,
        compared=_show_any,
    ),
)
