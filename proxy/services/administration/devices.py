"""Devices: where they belong, one at a time or many at once."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from proxy.model.access import Permission
from proxy.model.audit import Event, Update
from proxy.model.estate import Estate, Resource, ResourceKind
from proxy.services.administration.kinds import KINDS
from proxy.services.administration.references import resource_named
from proxy.services.administration.resources import Reference, deleted, refuse_kept, refuse_taken, removal
from proxy.services.authority import require, told
from proxy.services.problems import Invalid, Wrong
from proxy.services.writer import Moment, Step


async def assign(moment: Moment, keys: Sequence[str], to: Reference | None) -> Step[Sequence[Resource]]:
    """Put devices under an application or instance, or under nothing: all of them, or none.

    Whoever acts owns both where they were and where they go.
    """
    devices = _devices(moment, keys, Permission.DEVICE_ASSIGN)
    parent = _parent(moment, to) if to is not None else None
    moved = [(device, _moved(moment, device, parent)) for device in devices]
    after = [now for was, now in moved if now != was]
    _refuse_alike(moment.estate, after)
    return Step(
        result=[now for _, now in moved],
        edits=after,
        events=[_event(moment, was, now) for was, now in moved if now != was],
    )


async def delete_all(moment: Moment, keys: Sequence[str]) -> Step[Sequence[Resource]]:
    """Delete devices: all of them, or none."""
    devices = _devices(moment, keys, Permission.DEVICE_DELETE)
    edits = [edit for device in devices for edit in removal(moment.estate, device)]
    return Step(result=(), edits=edits, events=[deleted(moment, device) for device in devices])


def _devices(moment: Moment, keys: Iterable[str], permission: Permission) -> Sequence[Resource]:
    """Each of the devices once. Raises Invalid for what is not known, Denied for the first that is not allowed."""
    found = {}
    for at, key in enumerate(keys):
        device = resource_named(moment, f"devices/{at}", key, permission, ResourceKind.DEVICE)
        found[device.id] = device
    return tuple(found.values())


def _parent(moment: Moment, to: Reference) -> Resource:
    kinds = KINDS[ResourceKind.DEVICE].parents
    named = next((kind for kind in kinds if kind.value == to.field), None)
    return resource_named(moment, to.field, to.key, Permission.DEVICE_ASSIGN, named)


def _moved(moment: Moment, device: Resource, parent: Resource | None) -> Resource:
    """The device in its new place. It stays whose it was: handing it to another space is not for who moves it."""
    estate, owner = moment.estate, moment.estate.owner(device)
    if parent is None:
        require(moment, Permission.DEVICE_ASSIGN, owner)
        return replace(device, parent=None, owner=owner.id if owner else None)
    there = estate.owner(parent)
    if owner is None or there is None or _team(estate, device) != _team(estate, parent):
        message = f"belongs to another team than {device.slug}"
        raise Invalid(Wrong(field=parent.kind.value, message=message, remedy="Hand the device to that team first."))
    return replace(device, parent=parent.id, owner=None if owner.id == there.id else owner.id)


def _team(estate: Estate, resource: Resource) -> str | None:
    owner = estate.owner(resource)
    return [space.id for space in estate.lineage(owner)][-1] if owner else None


def _refuse_alike(estate: Estate, after: Sequence[Resource]) -> None:
    """Raises Exists, or DeclaredInFile."""
    slugs: set[str] = set()
    for device in after:
        refuse_kept(estate.resources[device.id])
        refuse_taken(estate, device)
        if device.slug in slugs:
            raise Invalid(Wrong(field="devices", message=f"has two of the slug {device.slug}", remedy="Rename one."))
        slugs.add(device.slug)


def _event(moment: Moment, was: Resource, now: Resource) -> Event:
    estate = moment.estate
    places = (Update(key="place", old=_place(estate, was), new=_place(estate, now)),)
    return told(moment, "device.assigned" if now.parent else "device.unassigned", now, updates=places)


def _place(estate: Estate, device: Resource) -> str:
    return estate.address(device).rpartition("/")[0]
