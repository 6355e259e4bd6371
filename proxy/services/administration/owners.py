"""Handing a resource to another space."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from proxy.model.access import Permission
from proxy.model.audit import Event, Update
from proxy.model.directory import Space
from proxy.model.estate import Estate, Resource, ResourceKind
from proxy.services.administration.placement import is_among_strangers
from proxy.services.administration.references import space_named
from proxy.services.administration.resources import refuse_kept, refuse_taken
from proxy.services.authority import refuse_declared, require, resource_at, told
from proxy.services.problems import Invalid, Wrong
from proxy.services.writer import Moment, Step
from proxy.store import Edit, RemoveGrant


async def set_owner(
    moment: Moment, key: str, space: str, *, folders: Sequence[str] = (), new_id: Callable[[], str]
) -> Step[Resource]:
    """Let another space own a resource, and with it what lies in it and has no owner of its own.

    Whoever acts owns the old space and the new: a share or a role on the resource alone gives it away to nobody. What the old owner shared is shared no more, and the resource is
    taken out of the old owner's folders. `folders` are slugs of folders at the top of the new owner's space that it is put
    into; those that are not there are made.
    """
    estate = moment.estate
    resource = resource_at(estate, key)
    require(moment, Permission.RESOURCE_OWNER, resource)
    new = space_named(moment, "owner", space, Permission.RESOURCE_OWNER)
    old = estate.owner(resource)
    if old == new:
        filed = _filed(moment, resource, new, folders, new_id)
        return Step(result=resource, edits=filed.edits, events=filed.events)
    require(moment, Permission.RESOURCE_OWNER, old)
    refuse_kept(resource)
    above = estate.resources.get(resource.parent or "")
    inherited = estate.owner(above) if above else None
    _refuse_foreign(estate, inherited, new)
    after = replace(resource, owner=None if inherited == new else new.id)
    refuse_taken(estate, after)
    handed = tuple(_handed(estate, resource))
    _refuse_neighbours(estate, after, handed)
    updates = (Update(key="owner", old=old.slug if old else None, new=new.slug),)
    filed = _filed(moment, after, new, folders, new_id)
    return Step(
        result=after,
        edits=[after, *_unshared(estate, handed), *_emptied(estate, handed, after), *filed.edits],
        events=[told(moment, "resource.owner-changed", resource, updates=updates), *filed.events],
    )


def _filed(
    moment: Moment, resource: Resource, owner: Space, folders: Sequence[str], new_id: Callable[[], str]
) -> Step[None]:
    """The steps that put something into folders of its owner. Raises Invalid, Denied and DeclaredInFile."""
    edits: list[Edit] = []
    events: list[Event] = []
    if folders:
        require(moment, Permission.FOLDER_MANAGE, owner)
    for at, slug in enumerate(dict.fromkeys(folders)):
        before = _at_the_top(moment.estate, owner, slug)
        _refuse_no_folder(resource, before, f"folders/{at}")
        folder = before or Resource(id=new_id(), kind=ResourceKind.FOLDER, slug=slug, owner=owner.id)
        if before is not None and resource.id in before.members:
            continue
        if before is None:
            events.append(told(moment, "folder.created", folder, body={"name": f"{owner.slug}/{slug}", "title": ""}))
        else:
            refuse_kept(before)
        edits.append(replace(folder, members=folder.members | {resource.id}))
        events.append(_held(moment, folder, resource))
    return Step(result=None, edits=edits, events=events)


def _held(moment: Moment, folder: Resource, resource: Resource) -> Event:
    names = sorted(moment.estate.resources[at].slug for at in folder.members)
    updates = (Update(key="items", old=names, new=sorted([*names, resource.slug])),)
    return told(moment, "folder.items-changed", folder, updates=updates)


def _at_the_top(estate: Estate, owner: Space, slug: str) -> Resource | None:
    tops = (each for each in estate.resources.values() if each.parent is None and each.owner == owner.id)
    return next((each for each in tops if each.slug == slug), None)


def _refuse_no_folder(resource: Resource, found: Resource | None, field: str) -> None:
    if resource.kind is ResourceKind.FOLDER:
        message = "must be absent: what is handed over is a folder itself"
        raise Invalid(Wrong(field=field, message=message, remedy="A folder in a folder is made there."))
    if found is not None and found.kind is not ResourceKind.FOLDER:
        message = f"must be the slug of a folder, but {found.slug} is a {found.kind}"
        raise Invalid(Wrong(field=field, message=message, remedy="Choose another slug."))


def _refuse_foreign(estate: Estate, inherited: Space | None, new: Space) -> None:
    """What lies in something stays in the team of that."""
    if inherited is not None and [*estate.lineage(inherited)][-1] != [*estate.lineage(new)][-1]:
        message = "must be of the same team as what the resource lies in"
        raise Invalid(Wrong(field="owner", message=message, remedy="Move the resource out of it first."))


def _refuse_neighbours(estate: Estate, after: Resource, handed: Sequence[Resource]) -> None:
    """Scripts of one instance can act in another on the same host, so no two spaces come to share one."""
    then = replace(estate, resources={**estate.resources, after.id: after})
    for resource in handed:
        if is_among_strangers(then, then.resources[resource.id]):
            message = f"would leave {resource.slug} on a host where an instance of another space is"
            raise Invalid(Wrong(field="owner", message=message, remedy="Give the instance a host of its own first."))


def _handed(estate: Estate, resource: Resource) -> Iterator[Resource]:
    """The resource, and all below it that belongs to its owner because it does."""
    yield resource
    for child in estate.children.get(resource.id, ()):
        if child.owner is None:
            yield from _handed(estate, child)


def _unshared(estate: Estate, handed: Sequence[Resource]) -> Iterator[Edit]:
    for resource in handed:
        for grant in estate.shares.get(resource.id, ()):
            refuse_declared(grant, f"A share of {resource.slug}")
            yield RemoveGrant(target=grant.target, space=grant.space)


def _emptied(estate: Estate, handed: Sequence[Resource], after: Resource) -> Iterator[Edit]:
    """The folders they are taken out of; one that is handed over itself is left empty."""
    gone = {resource.id for resource in handed}
    for folder in estate.by_kind[ResourceKind.FOLDER]:
        if folder.id in gone:
            if folder.members:
                yield replace(after if folder.id == after.id else folder, members=folder.members & gone)
        elif folder.members & gone:
            yield replace(folder, members=folder.members - gone)
