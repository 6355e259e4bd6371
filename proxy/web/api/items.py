"""Spaces and resources as they are answered: no more of them and of what is around them than whoever asks may know."""

from collections.abc import Mapping
from functools import cached_property
from typing import Final
from urllib.parse import urlsplit

from proxy.access.decide import Place, Sight
from proxy.access.directory import spaces_known
from proxy.access.visible import actions_in
from proxy.model.access import Permission, Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, InstanceSettings, PageSettings, Resource, ResourceKind
from proxy.services.administration.kinds import KINDS
from proxy.services.authority import space_at
from proxy.services.problems import NotThere
from proxy.services.writer import Moment
from proxy.web.api.models import Answer, Item

DASHBOARD: Final = "dashboard"
EDITOR: Final = "editor"


class Ref(Answer):
    """A space or resource, by name."""

    id: str
    slug: str
    name: str


class SpaceItem(Item):
    """A team, customer or group."""

    id: str
    kind: SpaceKind
    slug: str
    title: str
    parent: Ref | None
    """The space above; null for a team, and where whoever asks may not know of it."""
    active: bool
    """false: nobody has a role through it."""
    role: str
    """The role of whoever asks."""
    details: dict[str, object]
    """What people keep about it, such as an address."""
    labels: tuple[str, ...]
    """What it is sorted under, such as Office renters."""
    declared: str | None
    """The estate file that declares it, and alone may change it; null where it was made by hand."""


class ResourceItem(Item):
    """An application, instance, device, page, thing or folder."""

    id: str
    kind: ResourceKind
    slug: str
    name: str
    address: str | None
    """The owner of the topmost, then slugs, such as acme/plant/line-3; null where part of that is not for whoever asks."""
    parent: Ref | None
    """What it lies in; null for nothing, and where whoever asks may not know of it."""
    owner: Ref | None
    """The space that owns it; null where whoever asks may not know of it."""
    role: str
    """The role of whoever asks."""
    attributes: dict[str, object]
    """What else is known of it: of a thing `subtype`, `external_id` and `data`, of a page what it matches."""
    declared: str | None
    """The estate file that declares it, and alone may change it; null where it was made by hand."""


class Tile(Item):
    """A dashboard to open. `actions` are dashboard and, for those who may, editor."""

    id: str
    name: str
    dashboard_url: str | None


class Eyes:
    """What whoever acts may know at one moment."""

    def __init__(self, moment: Moment, home: str) -> None:
        """`home` is the gateway's own origin, from which the origins of hosts follow."""
        self.moment, self.home = moment, home
        self.sight = Sight(moment.estate, moment.actor, now=moment.now)
        self._addresses: dict[str, str | None] = {}

    @property
    def estate(self) -> Estate:
        return self.moment.estate

    @cached_property
    def _known(self) -> frozenset[str] | None:
        return spaces_known(self.estate, self.moment.actor)

    def may(self, permission: Permission, place: Place) -> bool:
        """Whether it may be done, once whoever acts has proved who they are where that is asked."""
        return self.sight.entitled(permission, place)

    def knows(self, space: Space) -> bool:
        """Whether whoever acts may know that a space is there."""
        known = self._known
        return known is None or space.id in known or self.may(Permission.SPACE_READ, space)

    def named(self, key: str) -> Space | None:
        """The space of this id or slug, if whoever acts may know of it: a filter confirms no name that is not told."""
        try:
            space = space_at(self.estate, key)
        except NotThere:
            return None
        return space if self.knows(space) else None

    def sees(self, resource: Resource) -> bool:
        """Whether whoever acts may know what a resource is called."""
        return self.may(KINDS[resource.kind].read, resource)

    def space(self, space: Space) -> SpaceItem:
        return SpaceItem(
            id=space.id,
            kind=space.kind,
            slug=space.slug,
            title=space.title,
            parent=self.space_ref(self.estate.spaces.get(space.parent or "")),
            active=space.active,
            role=self.sight.standing.role_over(space).label,
            details=dict(space.details),
            labels=tuple(sorted(space.labels)),
            declared=space.declared,
            actions=self.actions(space),
        )

    def resource(self, resource: Resource) -> ResourceItem:
        return ResourceItem.model_validate(self.described(resource))

    def described(self, resource: Resource) -> Mapping[str, object]:
        """The members that all resources have."""
        return {
            "id": resource.id,
            "kind": resource.kind,
            "slug": resource.slug,
            "name": resource.name,
            "address": self.address(resource),
            "parent": self.resource_ref(self.estate.resources.get(resource.parent or "")),
            "owner": self.space_ref(self.estate.owner(resource)),
            "role": self.role(resource).label,
            "attributes": dict(resource.attributes),
            "declared": resource.declared,
            "actions": self.actions(resource),
        }

    def role(self, resource: Resource) -> Role:
        return self.sight.standing.role(resource)

    def address(self, resource: Resource) -> str | None:
        """Where a resource is, if nothing on the way there is hidden."""
        above = self.above(resource)
        return f"{above}/{resource.slug}" if above is not None and self.sees(resource) else None

    def above(self, resource: Resource) -> str | None:
        """The address of what a resource lies in, on the same terms. Thousands lie in the same: it is worked out once."""
        parent = self.estate.resources.get(resource.parent or "")
        if parent is None:
            top = self.estate.spaces.get(resource.owner or "")
            return top.slug if top is not None and self.knows(top) else None
        if parent.id not in self._addresses:
            self._addresses[parent.id] = self.address(parent)
        return self._addresses[parent.id]

    def resource_ref(self, resource: Resource | None) -> Ref | None:
        if resource is None or not self.sees(resource):
            return None
        return Ref(id=resource.id, slug=resource.slug, name=resource.name)

    def space_ref(self, space: Space | None) -> Ref | None:
        if space is None or not self.knows(space):
            return None
        return Ref(id=space.id, slug=space.slug, name=space.title)

    def actions(self, place: Place) -> tuple[str, ...]:
        return tuple(actions_in(self.sight, place))

    def tile(self, resource: Resource) -> Tile:
        """The dashboard of an instance, or a page of it; nothing else of it."""
        editor = resource.instance is not None and self.may(Permission.FLOWS_VIEW, resource)
        return Tile(
            id=resource.id,
            name=resource.name or resource.slug,
            dashboard_url=self.dashboard_url(resource),
            actions=(DASHBOARD, EDITOR) if editor else (DASHBOARD,),
        )

    def dashboard_url(self, resource: Resource) -> str | None:
        settings = next((at.instance for at in self.estate.path(resource) if at.instance is not None), None)
        base = self.base_url(settings) if settings else None
        if settings is None or base is None:
            return None
        page = ""
        if resource.kind is ResourceKind.PAGE:
            said = PageSettings.of(resource)
            if not said.match:  # of endpoints alone: there is nothing to look at
                return None
            page = said.path
        return base + settings.node_root.rstrip("/") + settings.dashboard + page

    def editor_url(self, settings: InstanceSettings) -> str | None:
        base = self.base_url(settings)
        return None if base is None else base + settings.admin_root.rstrip("/") + "/"

    def base_url(self, settings: InstanceSettings) -> str | None:
        """Where an instance is reached, at the first of its hosts."""
        if not settings.hosts:
            return None
        host, home = settings.hosts[0], urlsplit(self.home)
        port = f":{home.port}" if home.port else ""
        origin = host if "://" in host else f"{home.scheme}://{host}{port}"
        return origin + settings.path.rstrip("/")
