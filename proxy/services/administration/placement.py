"""Where an instance may be reached: at hosts that are nobody else's, and never at the gateway's own."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from config.addresses import is_local_name
from config.schema import Server
from proxy.model.estate import Estate, Resource, ResourceKind
from proxy.services.problems import Wrong


def misplaced(estate: Estate, resource: Resource, server: Server) -> Iterator[Wrong]:
    """What is wrong with the hosts and the path of an instance."""
    settings = resource.instance
    if settings is None:
        return
    if not settings.hosts:
        remedy = f"Name a host of its own, for example {resource.slug}.{server.public_url.host}."
        yield Wrong(
            field="hosts", message="must name at least one: without it nobody can reach the instance", remedy=remedy
        )
    homes = {server.public_url.host, *(home.host for home in server.homes)}
    names = [_name(host) for host in settings.hosts]
    for at, (host, name) in enumerate(zip(settings.hosts, names, strict=True)):
        field = f"hosts/{at}"
        scheme = urlsplit(host).scheme or server.public_url.scheme
        if name in homes:
            message = f"is {name}, the gateway's own host, where its scripts could act as the gateway's pages"
            yield Wrong(field=field, message=message, remedy="Give the instance a host of its own.")
        elif name in names[:at]:
            yield Wrong(field=field, message=f"names {name} again", remedy="Name each host once.")
        elif scheme == "http" and not is_local_name(name):
            message = f"must be https unless it is a localhost name, but {name} is plain http"
            yield Wrong(field=field, message=message, remedy=f"Write https://{name}.")
        else:
            yield from _taken(estate, resource, name, settings.path, field)


def is_among_strangers(estate: Estate, resource: Resource) -> bool:
    """Whether an instance shares a host with one of another space."""
    settings = resource.instance
    names = map(_name, settings.hosts) if settings is not None else ()
    path = settings.path if settings is not None else ""
    return any(True for name in names for _ in _taken(estate, resource, name, path, ""))


def _taken(estate: Estate, resource: Resource, name: str, path: str, field: str) -> Iterator[Wrong]:
    """Scripts of one instance can act in another on the same host, so that has to be of the same space."""
    owner = estate.owner(resource)
    for other in estate.by_kind[ResourceKind.INSTANCE]:
        settings = other.instance
        if settings is None or other.id == resource.id or name not in map(_name, settings.hosts):
            continue
        if settings.path == path:
            message = f"is {name}{path}, which another instance has"
            yield Wrong(field=field, message=message, remedy="Choose another host, or add a path to one of them.")
            return
        if estate.owner(other) != owner:
            message = f"is {name}, where an instance of another space is: scripts of one could act in the other"
            yield Wrong(field=field, message=message, remedy="Give the instance a host of its own.")
            return


def _name(host: str) -> str:
    """The name of a host that may be written as an origin."""
    return urlsplit(host).hostname or "" if "://" in host else host
