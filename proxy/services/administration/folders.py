"""What folders hold."""

from collections.abc import Sequence
from dataclasses import replace

from proxy.access.decide import decide
from proxy.access.visible import position
from proxy.model.access import Permission
from proxy.model.audit import Update
from proxy.model.estate import Estate, Resource, ResourceKind
from proxy.services.administration.kinds import KINDS
from proxy.services.administration.references import resource_named, unknown
from proxy.services.administration.resources import refuse_kept
from proxy.services.authority import require, resource_at, told
from proxy.services.problems import Invalid, NotThere, Wrong
from proxy.services.writer import Moment, Step


async def set_items(moment: Moment, key: str, items: Sequence[str]) -> Step[Resource]:
    """Let a folder hold exactly these, and what it holds that whoever acts may not see.

    It holds only what its own space owns. A folder that is shared shares what it holds, so there it takes the right to
    share something to put it in.
    """
    estate = moment.estate
    folder = resource_at(estate, key, ResourceKind.FOLDER)
    require(moment, Permission.FOLDER_EDIT, folder)
    named = [_item(moment, folder, f"items/{at}", item) for at, item in enumerate(items)]
    hidden = {at for at in folder.members if not _seen(moment, estate.resources[at])}
    after = replace(folder, members=frozenset({each.id for each in named} | hidden))
    if after == folder:
        return Step(result=folder)
    refuse_kept(folder)
    updates = (Update(key="items", old=_names(estate, folder), new=_names(estate, after)),)
    return Step(result=after, edits=[after], events=[told(moment, "folder.items-changed", after, updates=updates)])


def seen_items(moment: Moment, folder: Resource) -> Sequence[Resource]:
    """What a folder holds of which whoever acts may know, in the order of names."""
    held = (moment.estate.resources[at] for at in folder.members)
    return sorted((each for each in held if _seen(moment, each)), key=position)


def _item(moment: Moment, folder: Resource, field: str, key: str) -> Resource:
    """Something that may go into the folder, or is there. Raises Invalid and Denied."""
    estate = moment.estate
    item = _found(moment, field, key)
    if item.kind is ResourceKind.FOLDER or estate.owner(item) != estate.owner(folder):
        message = "is a folder, or belongs to another space than the folder"
        raise Invalid(Wrong(field=field, message=message, remedy="A folder in a folder is made there."))
    if item.id not in folder.members and any(at.id in estate.shares for at in estate.path(folder)):
        require(moment, Permission.SHARE_CREATE, item)
    return item


def _found(moment: Moment, field: str, key: str) -> Resource:
    """Of what is hidden not even the kind is told."""
    try:
        kind = resource_at(moment.estate, key).kind
    except NotThere:
        raise unknown(field, "resource") from None
    return resource_named(moment, field, key, KINDS[kind].read)


def _seen(moment: Moment, item: Resource) -> bool:
    return decide(moment.estate, moment.actor, KINDS[item.kind].read, item, now=moment.now).allowed


def _names(estate: Estate, folder: Resource) -> list[str]:
    return sorted(estate.address(estate.resources[at]) for at in folder.members)
