"""What a person may open: for the launcher, and for a refusal that says where to go instead."""

from collections.abc import Iterator
from dataclasses import dataclass

from proxy.access.standing import Standing
from proxy.access.visible import visible
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
    role: str
    dashboard: str
    editor: str


def openings(estate: Estate, sites: Sites, person: Person) -> tuple[Opening, ...]:
    """The instances this person has a role on, by name."""
    return tuple(sorted(_found(estate, sites, person), key=lambda opening: (opening.name.casefold(), opening.address)))


def _found(estate: Estate, sites: Sites, person: Person) -> Iterator[Opening]:
    standing = Standing(estate, person)
    for resource in visible(estate, Actor(person=person), ResourceKind.INSTANCE, Permission.DASHBOARD_LIST, now=0.0):
        settings = resource.instance
        if settings is not None and settings.hosts:
            yield _opening(estate, sites, resource, settings, standing.role(resource))


def _opening(estate: Estate, sites: Sites, resource: Resource, settings: InstanceSettings, role: Role) -> Opening:
    base = _origin(sites, settings.hosts[0]) + settings.path.rstrip("/")
    return Opening(
        id=resource.id,
        name=resource.name or resource.slug,
        address=estate.address(resource),
        role=role.label,
        dashboard=base + settings.node_root.rstrip("/") + settings.dashboard,
        editor=base + settings.admin_root.rstrip("/") + "/" if role >= Role.VIEWER else "",
    )


def _origin(sites: Sites, host: str) -> str:
    site = sites.find(host.rpartition("://")[2].encode())
    return site.origin if site else ""
