"""The estate as the gate uses it: sites, and per instance what is ready to be looked up."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from proxy.access.pages import Pages, pages_in, pages_of
from proxy.gate.parts import Parts
from proxy.model.estate import (
    Estate,
    HttpAuth,
    InstanceSettings,
    Resource,
    ResourceKind,
    RowKind,
    RowPolicy,
    UpstreamTls,
)
from proxy.nodered.surfaces import Layout, Roots, Surface
from proxy.services.sites import Site, Sites, sites_of

SURFACES: Final = 32
"""Numbers apart that two instances are, so that number + surface is unique."""
_NAMED: Final = frozenset(
    {Surface.SOCKET, Surface.DASHBOARD, Surface.DEBUG, Surface.EDITOR, Surface.READ, Surface.CONTEXT}
)
"""Surfaces on which an endpoint may come to lie that a policy names by its path, beside those that are always read."""


class Endpoint:
    """Where connections to an instance go. Compared by identity, so that a pool is found in one look-up."""

    __slots__ = ("governed", "origins", "tls", "url")

    def __init__(self, url: str, tls: UpstreamTls, *, governed: bool = False) -> None:
        self.url, self.tls, self.governed = url, tls, governed
        """`governed`: set through the API, so that it may lead only where the border admits."""
        self.origins = _origins(url)
        """How the instance may call itself in a Location."""


class Station:
    """One instance in one world."""

    # fmt: off
    __slots__ = (
        "constrained", "endpoint", "governed", "inspected", "layout", "name", "number", "origins", "pages", "parts", "prefix",
        "resource", "rules", "settings",
    )
    # fmt: on

    def __init__(
        self,
        number: int,
        resource: Resource,
        settings: InstanceSettings,
        name: str,
        layout: Layout,
        endpoint: Endpoint,
        pages: Pages | None,
        *,
        constrained: bool,
        before: "Station | None" = None,
    ) -> None:
        """`before`: the same one in the world before, if it was there."""
        self.number, self.resource, self.settings, self.name, self.layout = number, resource, settings, name, layout
        self.endpoint = endpoint
        self.prefix = settings.path.rstrip("/").encode()
        self.origins = frozenset(origin.lower().rstrip("/").encode() for origin in settings.origins)
        self.pages = pages
        """What of it is shared by itself; None where it is shared as a whole alone."""
        known = before.parts if before is not None else None
        self.parts: Parts | None = Parts(layout, pages, known) if pages is not None else None
        self.constrained = constrained
        """Whether what its flows mean for some visitors is kept from all others."""
        self.rules: tuple[RowPolicy, ...] = tuple(each for each in settings.rows if each.kind is RowKind.SOCKET)
        """Whose rows its widgets show."""
        self.governed = pages is not None or bool(self.rules) or constrained
        """Whether what its dashboard's socket carries depends on who is there."""
        self.inspected = self._inspected()
        """Surfaces whose content depends on who is there, beside those that are always read or changed."""

    def _inspected(self) -> frozenset[Surface]:
        found = {Surface.SOCKET} if self.governed else set[Surface]()
        policies = [each for each in self.settings.rows if each.kind is RowKind.HTTP]
        if policies:
            found |= {Surface.ENDPOINT, Surface.PUBLIC}
            if self.layout.is_all_dashboard:
                found.add(Surface.DASHBOARD)
        if any(each.paths for each in policies):
            found |= _NAMED
        return frozenset(found)


class World:
    """Immutable: the gate compares by identity to know that a lease is from before a change."""

    __slots__ = ("estate", "settings", "sites", "stations")

    def __init__(self, estate: Estate, sites: Sites, stations: Mapping[str, Station]) -> None:
        self.estate, self.sites, self.stations = estate, sites, stations
        self.settings = estate.settings

    def station(self, site: Site, path: bytes) -> Station | None:
        """The instance a path of a site belongs to."""
        mount = site.mount(path)
        return self.stations.get(mount.resource.id) if mount else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the configuration says that every world stands on."""

    public_url: str
    homes: tuple[str, ...] = ()
    open_instances: bool = True
    """Whether an instance may be open to everybody. Where not, one that was made so asks for users."""


def world_of(estate: Estate, ground: Ground, before: World | None = None) -> World:
    """Compile an estate. What has not changed since the world before is taken over: compiling all of it takes long."""
    known = before.stations if before is not None else {}
    allow = before.settings.upstream_allow if before is not None else ()
    same_border = allow == estate.settings.upstream_allow
    compiler = _Compiler(estate, known, open_instances=ground.open_instances, same_border=same_border)
    names = _Names(estate)
    stations = {
        resource.id: compiler.station(resource, resource.instance, names.of(resource))
        for resource in estate.by_kind[ResourceKind.INSTANCE]
        if resource.instance is not None
    }
    same = before is not None and before.sites.home.origin == ground.public_url and stations == before.stations
    if before is not None and ground.homes:  # whose branding may say where visitors of a host log in
        same = same and before.estate.branded_hosts == estate.branded_hosts
    sites = before.sites if before is not None and same else sites_of(estate, ground.public_url, ground.homes)
    return World(estate, sites, stations)


class _Names:
    """The addresses of resources, each asked for once."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._of: dict[str | None, str] = {}

    def of(self, resource: Resource) -> str:
        """`Estate.address`, but what lies above is remembered."""
        if resource.parent is None:
            return self._estate.address(resource)
        above = self._of.get(resource.parent)
        if above is None:
            above = self._of[resource.parent] = self._estate.address(resource).removesuffix(f"/{resource.slug}")
        return f"{above}/{resource.slug}"


class _Compiler:
    """Makes stations, and shares between them what is alike."""

    def __init__(
        self, estate: Estate, known: Mapping[str, Station], *, open_instances: bool, same_border: bool
    ) -> None:
        """`same_border`: governed upstreams may lead where they could before. Else all of them are connected to anew."""
        self._estate = estate
        self._known, self._open_instances, self._same_border = known, open_instances, same_border
        # Layouts are taken over since they remember paths, endpoints since connections are pooled by them.
        self._layouts = {station.layout.roots: station.layout for station in known.values()}
        ends = (station.endpoint for station in known.values())
        kept = (end for end in ends if same_border or not end.governed)
        self._endpoints = {(end.url, end.tls, end.governed): end for end in kept}
        self._number = max((station.number for station in known.values()), default=-SURFACES)

    def station(self, resource: Resource, settings: InstanceSettings, name: str) -> Station:
        old = self._known.get(resource.id)
        constrained = self._estate.settings.constrains(settings)
        same = old is not None and old.resource is resource and old.name == name and self._stays(old.endpoint)
        if old is not None and same and old.constrained is constrained and self._has_same_pages(old):
            return old
        if settings.http_auth is HttpAuth.NONE and not self._open_instances:
            settings = replace(settings, http_auth=HttpAuth.USER)
        roots = _roots(settings)
        layout = self._layouts.get(roots) or self._layouts.setdefault(roots, Layout(roots))
        url, tls, governed = where = (settings.upstream, settings.upstream_tls, resource.declared is None)
        endpoint = self._endpoints.get(where)
        if endpoint is None:
            endpoint = self._endpoints[where] = Endpoint(url, tls, governed=governed)
        if old is None:
            self._number += SURFACES
        number = old.number if old else self._number
        pages = pages_of(self._estate, resource, public=self._open_instances)
        return Station(number, resource, settings, name, layout, endpoint, pages, constrained=constrained, before=old)

    def _has_same_pages(self, old: Station) -> bool:
        """Whether the pages of an instance are the very same resources, so that nothing about them can have changed."""
        before = old.pages.resources if old.pages is not None else ()
        return before == pages_in(self._estate, old.resource)

    def _stays(self, endpoint: Endpoint) -> bool:
        return self._same_border or not endpoint.governed


def _roots(settings: InstanceSettings) -> Roots:
    return Roots(
        admin=settings.admin_root,
        node=settings.node_root,
        dashboard=settings.dashboard,
        public=settings.public,
        endpoints=settings.endpoints,
    )


def _origins(url: str) -> tuple[bytes, ...]:
    parts = urlsplit(url)
    if parts.hostname is None:
        return ()
    bare = f"{parts.scheme}://{parts.netloc.lower()}"
    port = {"http": ":80", "https": ":443"}.get(parts.scheme, "")
    spelled = {bare, bare + port} if parts.port is None else {bare, bare.removesuffix(port)}
    return tuple(origin.encode() for origin in spelled)
