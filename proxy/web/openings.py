"""What a person may open: for the launcher, and for a refusal that says where to go instead."""

from collections.abc import Iterator
from dataclasses import dataclass

from proxy.access.decide import Sight
from proxy.access.directory import Names
from proxy.access.visible import visible_in
from proxy.model.access import Permission, Role
from proxy.model.estate import Estate, InstanceSettings, Resource, ResourceKind
from proxy.model.identity import Actor, Person
from proxy.services.sites import Sites


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One instance, and the addresses of it this person may go to. `editor` is empty below Viewer."""

    id: str
    name: str
    address: str
    """Its path, such as acme/plant/line-3; empty where a name in it is not for this person."""
    role: str
    dashboard: str
    editor: str


def openings(estate: Estate, sites: Sites, person: Person) -> tuple[Opening, ...]:
    """The instances this person has a role on, by name."""
    return tuple(sorted(_found(estate, sites, person), key=lambda opening: (opening.name.casefold(), opening.address)))


def _found(estate: Estate, sites: Sites, person: Person) -> Iterator[Opening]:
    names = Names(Sight(estate, Actor(person=person), now=0.0))
    for resource in visible_in(names.sight, ResourceKind.INSTANCE, Permission.DASHBOARD_LIST):
        settings = resource.instance
        if settings is not None and settings.hosts:
            yield _opening(names, sites, resource, settings)


def _opening(names: Names, sites: Sites, resource: Resource, settings: InstanceSettings) -> Opening:
    role = names.sight.standing.role(resource)
    base = _origin(sites, settings.hosts[0]) + settings.path.rstrip("/")
    return Opening(
        id=resource.id,
        name=resource.name or resource.slug,
        address=names.address(resource) or "",
        role=role.label,
        dashboard=base + settings.node_root.rstrip("/") + settings.dashboard,
        editor=base + settings.admin_root.rstrip("/") + "/" if role >= Role.VIEWER else "",
    )


def _origin(sites: Sites, host: str) -> str:
    site = sites.find(host.rpartition("://")[2].encode())
    return site.origin if site else ""
