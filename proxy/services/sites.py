"""Which host shows what: the gateway's home, or instances, each on a host or under a path of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, urlsplit

from proxy.model.estate import Estate, Resource, ResourceKind

LOOPBACK: Final = frozenset({b"127.0.0.1", b"[::1]"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """An instance at a path of a site; the empty prefix is the whole host."""

    prefix: bytes
    resource: Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One host name the gateway answers for."""

    name: str
    """Lower case, without port."""
    origin: str
    """scheme://host[:port] as browsers spell it in Origin."""
    home: bool = False
    mounts: tuple[Mount, ...] = ()
    """Longest prefix first."""
    door: str = ""
    """Origin of the further home at which visitors of this host log in, where it is not the first one."""
    framed_by: tuple[str, ...] = ()
    """Origins of other sites that all its instances name: their pages may show it in a frame; its cookie then comes along from everywhere."""

    @property
    def origin_bytes(self) -> bytes:
        return self.origin.encode()

    @property
    def frame_policy(self) -> str:
        """The content security policy that says who may show this host in a frame (CSP level 3 section 6.4.2)."""
        return " ".join(("frame-ancestors 'self'", *self.framed_by))

    def mount(self, path: bytes) -> Mount | None:
        """The instance a path belongs to: the mount whose prefix is the path or ends at one of its slashes."""
        for mount in self.mounts:
            prefix = mount.prefix
            if not prefix or (path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in (b"", b"/", b"?")):
                return mount
        return None


@dataclass(frozen=True, slots=True)
class Sites:
    """Every site of the gateway, by host name."""

    home: Site
    by_name: Mapping[bytes, Site]

    def door(self, site: Site) -> str:
        """Origin of the home where visitors of a host log in and out."""
        return site.door or self.home.origin

    def find(self, host: bytes) -> Site | None:
        """The site a Host field names; case, port and a trailing dot do not matter."""
        return self.by_name.get(host_name(host))


def host_name(host: bytes) -> bytes:
    """The name in a Host field, normalised (RFC 9110 section 7.2)."""
    name = host.lower()
    if name[:1] == b"[":
        return name.partition(b"]")[0] + b"]"
    return name.partition(b":")[0].removesuffix(b".")


def sites_of(estate: Estate, public_url: str, homes: tuple[str, ...] = ()) -> Sites:
    """The table of sites for an estate. A host's scheme and port are public_url's unless it is written as an origin."""
    base = urlsplit(public_url)
    home = Site(name=base.hostname or "", origin=_origin(public_url), home=True)
    mounts: dict[str, tuple[str, list[Mount]]] = {}
    for resource in estate.resources.values():
        if resource.kind is not ResourceKind.INSTANCE or resource.instance is None:
            continue
        mount = Mount(prefix=resource.instance.path.rstrip("/").encode(), resource=resource)
        for host in resource.instance.hosts:
            name, origin = _placed(host, public_url)
            mounts.setdefault(name, (origin, []))[1].append(mount)
    table = {home.name: home}
    doors = {urlsplit(origin).hostname or "": _origin(origin) for origin in homes}
    for name, origin in doors.items():
        table[name] = Site(name=name, origin=origin, home=True, door=origin)
    for name, (origin, found) in mounts.items():
        longest_first = tuple(sorted(found, key=lambda mount: -len(mount.prefix)) if len(found) > 1 else found)
        at_home = name == home.name
        door = _door(estate, found, doors) if doors else ""
        shown = home.origin if at_home else origin
        framers = () if at_home else _framers(found)
        table[name] = Site(name=name, origin=shown, home=at_home, mounts=longest_first, door=door, framed_by=framers)
    return Sites(table[home.name], {host_name(_bracketed(name).encode()): site for name, site in table.items()})


def _framers(mounts: list[Mount]) -> tuple[str, ...]:
    """Instances that share a host share its cookie: only those may frame one of them whom each of them names."""
    first, *others = [each.framed_by for mount in mounts if (each := mount.resource.instance) is not None]
    return tuple(dict.fromkeys(origin for origin in first if all(origin in named for named in others)))


def _door(estate: Estate, mounts: list[Mount], doors: Mapping[str, str]) -> str:
    """The further home that the owner of a host's instances, or the nearest space above, names as its own."""
    owner = estate.owner(mounts[0].resource)
    if owner is None or any(estate.owner(mount.resource) != owner for mount in mounts):
        return ""
    named = (host for space in estate.lineage(owner) if space.branding for host in space.branding.hosts)
    return next((doors[host] for host in named if host in doors), "")


@lru_cache(65536)
def _placed(host: str, public_url: str) -> tuple[str, str]:
    """Name and origin of a host as an instance's settings write it. Remembered: every change of an estate asks anew."""
    parts = urlsplit(host if "://" in host else _beside(public_url).format(host))
    return parts.hostname or "", _spelled(parts)


@lru_cache(16)
def _beside(public_url: str) -> str:
    """How the origin of a host is written that names no scheme and port of its own."""
    base = urlsplit(public_url)
    port = f":{base.port}" if base.port else ""
    return f"{base.scheme}://{{}}{port}"


def _origin(url: str) -> str:
    return _spelled(urlsplit(url))


def _spelled(parts: SplitResult) -> str:
    """The origin of a URL as browsers serialise it: lower case, without a default port (RFC 6454 section 6.2)."""
    given = parts.port
    port = "" if given in (None, {"http": 80, "https": 443}.get(parts.scheme)) else f":{given}"
    return f"{parts.scheme}://{_bracketed(parts.hostname)}{port}"


def _bracketed(name: str | None) -> str:
    return f"[{name}]" if name and ":" in name else name or ""
