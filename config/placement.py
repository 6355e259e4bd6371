"""Where instances are reached and what they lead to: hosts, paths, upstreams, and how open they are."""

from collections.abc import Iterator

from config.addresses import Listen, Upstream, is_local_name
from config.configuration import Config, Placed, placed
from config.estate_schema import InstanceEntry
from config.problems import Problem, Severity
from config.schema import Server
from config.source import Key
from config.times import duration_text

Instance = Placed[InstanceEntry]

_EVERY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104 - compared with, not bound to
_LOOPBACK = {"127.0.0.1", "::1"}


def placement_problems(config: Config) -> Iterator[Problem]:
    """Every instance that cannot be reached as declared, shares an origin it should not, or is open."""
    instances = list(placed(config, "instances", lambda estate: estate.instances))
    server = config.settings.server
    yield from _shared_places(instances, server)
    for instance in instances:
        yield from _hosts(instance, server)
        yield from _roots(instance)
        yield from _upstream(instance, server)
        yield from _openness(instance, server)
        yield from _session(instance, config)


def _homes(server: Server) -> set[str]:
    return {server.public_url.host, *(home.host for home in server.homes)}


def _places(instance: Instance, server: Server) -> Iterator[tuple[Key, str]]:
    """The key and the name of every host; an instance with a path alone is on the gateway's own host."""
    for index, host in enumerate(instance.entry.hosts):
        yield ("hosts", index), host.name
    if not instance.entry.hosts and instance.entry.path is not None:
        yield ("path",), server.public_url.host


def _shared_places(instances: list[Instance], server: Server) -> Iterator[Problem]:
    taken: dict[tuple[str, str], Instance] = {}
    spaces: dict[str, Instance] = {}
    for instance in instances:
        for key, name in _places(instance, server):
            path = instance.entry.path or ""
            first = taken.setdefault((name, path), instance)
            neighbour = spaces.setdefault(name, instance)
            if first is not instance or (key != ("path",) and _repeated(instance, name, key)):
                message = f"is {name}{path}, which {first.entry.resource_path} already has"
                yield instance.problem(key, message, "Choose another host, or add a path to one of them.")
            elif _space(neighbour) != _space(instance):
                message = f"shares its origin {name} with {neighbour.entry.resource_path} of another space"
                remedy = "Give it a host of its own: scripts of one can act in the other."
                yield instance.problem(key, message, remedy, severity=Severity.WARNING)


def _repeated(instance: Instance, name: str, key: Key) -> bool:
    names = [host.name for host in instance.entry.hosts]
    return ("hosts", names.index(name)) != key


def _space(instance: Instance) -> str:
    return instance.entry.application.split("/")[0]


def _hosts(instance: Instance, server: Server) -> Iterator[Problem]:
    entry = instance.entry
    if not entry.hosts and entry.path is None:
        message = "has neither hosts nor path, so nobody can reach it"
        yield instance.problem((), message, f"Add for example hosts: [{entry.slug}.{server.public_url.host}].")
    for key, name in _places(instance, server):
        if name in _homes(server):
            yield from _at_home(instance, key, name, server)
    for index, host in enumerate(entry.hosts):
        scheme = server.public_url.scheme if host.origin is None else host.origin.scheme
        if scheme == "http" and not is_local_name(host.name):
            message = "must be https unless it is a localhost name"
            remedy = f"Write https://{host.name}, or {entry.slug}.localhost for a trial."
            yield instance.problem(("hosts", index), message, remedy, value=repr(str(host)))


def _at_home(instance: Instance, key: Key, name: str, server: Server) -> Iterator[Problem]:
    remedy = "Give the instance a host of its own"
    if instance.entry.path is None:
        yield instance.problem(key, f"is {name}, the gateway's own host", f"{remedy}.")
    elif server.insecure_shared_origin:
        message = f"is on {name}, the gateway's own host: its scripts can act as the gateway's pages"
        yield instance.problem(key, message, f"{remedy}.", severity=Severity.WARNING)
    else:
        message = f"is on {name}, the gateway's own host, where its scripts could act as the gateway's pages"
        yield instance.problem(key, message, f"{remedy}, or accept that by server.insecure_shared_origin: true.")


def _roots(instance: Instance) -> Iterator[Problem]:
    entry = instance.entry
    if entry.admin_root == entry.node_root.rstrip("/") + entry.dashboard:
        message = "is the same as admin_root, so editor and dashboard cannot be told apart"
        yield instance.problem(("dashboard",), message, "Write the path that Dashboard 2 really has.")


def _upstream(instance: Instance, server: Server) -> Iterator[Problem]:
    upstream = instance.entry.upstream
    own = [*server.listen, *server.redirect_http]
    own += [] if server.operations is None else [server.operations]
    if upstream.socket is None and any(_reaches(upstream, listen) for listen in own):
        message = "must not be one of the gateway's own listeners"
        yield instance.problem(
            ("upstream",), message, "Write the address of Node-RED itself.", value=repr(str(upstream))
        )
    if instance.entry.upstream_tls.insecure_skip_verify:
        message = "accepts any certificate: whoever is in between reads and changes everything"
        remedy = "Set upstream_tls.ca instead."
        key = ("upstream_tls", "insecure_skip_verify")
        yield instance.problem(key, message, remedy, severity=Severity.WARNING)


def _reaches(upstream: Upstream, listen: Listen) -> bool:
    hosts = _LOOPBACK if is_local_name(upstream.host) and upstream.host not in _LOOPBACK else {upstream.host}
    bound = _LOOPBACK if is_local_name(listen.host) and listen.host not in _LOOPBACK else {listen.host}
    everywhere = listen.host in _EVERY_ADDRESS and is_local_name(upstream.host)
    return upstream.port == listen.port and (bool(hosts & bound) or everywhere)


def _openness(instance: Instance, server: Server) -> Iterator[Problem]:
    auth = instance.entry.http_auth
    if auth.mode == "none" and not server.allow_public_http:
        message = "must not be none unless server.allow_public_http is true"
        yield instance.problem(("http_auth", "mode"), message, "Write mode: user, or permit it in flowward.yaml.")
    elif auth.mode == "none":
        message = "opens dashboard and endpoints to anyone"
        yield instance.problem(
            ("http_auth", "mode"), message, "Write mode: user to ask for a login.", severity=Severity.WARNING
        )
    elif auth.public:
        message = f"opens {', '.join(auth.public)} to anyone"
        yield instance.problem(
            ("http_auth", "public"), message, "Remove what need not be public.", severity=Severity.WARNING
        )


def _session(instance: Instance, config: Config) -> Iterator[Problem]:
    own, general = instance.entry.session, config.settings.session
    idle, absolute = own.idle or general.idle, own.absolute or general.absolute
    if own != type(own)() and idle >= absolute:
        message = f"has idle {duration_text(idle)}, which must be shorter than absolute {duration_text(absolute)}"
        yield instance.problem(("session",), message, "Lower idle or raise absolute.")
