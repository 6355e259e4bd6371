"""The estate as the gate uses it: sites, and per instance what is ready to be looked up."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from proxy.model.estate import Estate, InstanceSettings, Resource, UpstreamTls
from proxy.nodered.surfaces import Layout, Roots
from proxy.services.sites import Site, Sites, sites_of

SURFACES: Final = 32
"""Numbers apart that two instances are, so that number + surface is unique."""


class Endpoint:
    """Where connections to an instance go. Compared by identity, so that a pool is found in one look-up."""

    __slots__ = ("origins", "tls", "url")

    def __init__(self, url: str, tls: UpstreamTls) -> None:
        self.url, self.tls = url, tls
        self.origins = _origins(url)
        """How the instance may call itself in a Location."""


class Station:
    """One instance in one world."""

    __slots__ = ("endpoint", "layout", "name", "number", "origins", "prefix", "resource", "settings")

    def __init__(
        self, number: int, resource: Resource, settings: InstanceSettings, name: str, layout: Layout, endpoint: Endpoint
    ) -> None:
        self.number, self.resource, self.settings, self.name, self.layout = number, resource, settings, name, layout
        self.endpoint = endpoint
        self.prefix = settings.path.rstrip("/").encode()
        self.origins = frozenset(origin.lower().rstrip("/").encode() for origin in settings.origins)


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


def world_of(estate: Estate, public_url: str, homes: tuple[str, ...] = (), before: World | None = None) -> World:
    """Compile an estate. Layouts are taken over from the world before, since they remember paths."""
    known = before.stations.values() if before is not None else ()
    layouts = {_roots(station.settings): station.layout for station in known}
    endpoints = {(station.endpoint.url, station.endpoint.tls): station.endpoint for station in known}
    stations: dict[str, Station] = {}
    for resource in estate.resources.values():
        settings = resource.instance
        if settings is not None:
            roots = _roots(settings)
            layout = layouts.get(roots) or layouts.setdefault(roots, Layout(roots))
            where = (settings.upstream, settings.upstream_tls)
            endpoint = endpoints.get(where) or endpoints.setdefault(where, Endpoint(*where))
            number = len(stations) * SURFACES
            stations[resource.id] = Station(number, resource, settings, estate.address(resource), layout, endpoint)
    return World(estate, sites_of(estate, public_url, homes), stations)


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
