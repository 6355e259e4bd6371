"""What a person may open: for the launcher, and for a refusal that says where to go instead."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from proxy.access.decide import Sight
from proxy.access.directory import Names
from proxy.access.visible import visible_in
from proxy.model.access import Permission, Role
from proxy.model.estate import Estate, InstanceSettings, PageSettings, Resource, ResourceKind
from proxy.model.identity import Actor, Person
from proxy.services.sites import Sites


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One instance, or a page of it, and the addresses this person may go to. `editor` is empty below Viewer."""

    id: str
    name: str
    address: str
    """Its path, such as acme/plant/line-3; empty where a name in it is not for this person."""
    role: str
    dashboard: str
    editor: str


def openings(estate: Estate, sites: Sites, person: Person) -> tuple[Opening, ...]:
    """The instances this person has a role on, and the pages of others that are shared with them, by name."""
    return tuple(sorted(_found(estate, sites, person), key=lambda opening: (opening.name.casefold(), opening.address)))


def _found(estate: Estate, sites: Sites, person: Person) -> Iterator[Opening]:
    names = Names(Sight(estate, Actor(person=person), now=0.0))
    whole = visible_in(names.sight, ResourceKind.INSTANCE, Permission.DASHBOARD_LIST)
    for instance in whole:
        if instance.instance is not None and instance.instance.hosts:
            yield _opening(names, sites, instance, instance.instance)
    opened = {instance.id for instance in whole}
    for page in visible_in(names.sight, ResourceKind.PAGE, Permission.DASHBOARD_LIST):
        of = estate.resources.get(page.parent or "")
        if of is not None and of.id not in opened and PageSettings.of(page).match:
            yield from _page(names, sites, page, of)


def _opening(names: Names, sites: Sites, resource: Resource, settings: InstanceSettings) -> Opening:
    role = names.sight.standing.role(resource)
    return Opening(
        id=resource.id,
        name=resource.name or resource.slug,
        address=names.address(resource) or "",
        role=role.label,
        dashboard=_base(sites, settings) + settings.node_root.rstrip("/") + settings.dashboard,
        editor=_base(sites, settings) + settings.admin_root.rstrip("/") + "/" if role >= Role.VIEWER else "",
    )


def _page(names: Names, sites: Sites, page: Resource, of: Resource) -> Iterator[Opening]:
    """A page of an instance of which somebody has nothing else; it has no editor."""
    if of.instance is not None and of.instance.hosts:
        whole = _opening(names, sites, of, of.instance)
        yield replace(
            whole,
            id=page.id,
            name=page.name or page.slug,
            address=names.address(page) or "",
            role=names.sight.standing.role(page).label,
            dashboard=whole.dashboard + PageSettings.of(page).path,
            editor="",
        )


def _base(sites: Sites, settings: InstanceSettings) -> str:
    return _origin(sites, settings.hosts[0]) + settings.path.rstrip("/")


def _origin(sites: Sites, host: str) -> str:
    site = sites.find(host.rpartition("://")[2].encode())
    return site.origin if site else ""
