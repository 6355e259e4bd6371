"""What no single setting can know: whether the settings and the estate files fit together."""

from collections.abc import Iterator

from config.addresses import Origin, is_local_name
from config.configuration import Config
from config.placement import placement_problems
from config.problems import Problem, Severity
from config.references import reference_problems
from config.source import Key


def cross_check(config: Config) -> list[Problem]:
    """Every problem between settings, both errors and warnings; a pure function of what was read."""
    return [*_server_problems(config), *reference_problems(config), *placement_problems(config)]


def _server_problems(config: Config) -> Iterator[Problem]:
    yield from _plain_http(config)
    yield from _transport(config)
    yield from _listeners(config)
    yield from _weakened(config)
    yield from _state(config)
    yield from _domains(config)
    yield from _enforced(config)
    yield from _sign_up(config)


def _plain_http(config: Config) -> Iterator[Problem]:
    """Session cookies are `__Host-`, which browsers keep on secure origins only; localhost names count as such."""
    server, source = config.settings.server, config.source
    origins: list[tuple[Key, Origin]] = [(("server", "public_url"), server.public_url)]
    origins += [(("server", "homes", index), origin) for index, origin in enumerate(server.homes)]
    for key, origin in origins:
        if origin.scheme == "http" and not is_local_name(origin.host):
            remedy = f"Write https://{origin.host}, or a name under localhost for a trial."
            message = "must be https unless its host is a localhost name"
            yield source.problem(key, message, remedy, value=repr(str(origin)))


def _transport(config: Config) -> Iterator[Problem]:
    server, source = config.settings.server, config.source
    https = server.public_url.scheme == "https"
    if server.tls is not None and not https:
        message = "must be https, since server.tls is set and every listener speaks TLS"
        remedy = f"Write https://{server.public_url.host}."
        yield source.problem(("server", "public_url"), message, remedy, value=repr(str(server.public_url)))
    if https and server.tls is None and not server.trusted_proxies:
        message = "is https, but neither server.tls nor server.trusted_proxies is set"
        remedy = "Set server.tls, or list the proxy that ends TLS in server.trusted_proxies."
        yield source.problem(("server", "public_url"), message, remedy, severity=Severity.WARNING)
    if server.redirect_http and not https:
        message = "redirects to https, but server.public_url is http"
        yield source.problem(("server", "redirect_http"), message, "Remove it or make public_url https.")


def _listeners(config: Config) -> Iterator[Problem]:
    server, source = config.settings.server, config.source
    taken: set[str] = set()
    for name, listeners in (
        ("listen", server.listen),
        ("redirect_http", server.redirect_http),
        ("operations", () if server.operations is None else (server.operations,)),
    ):
        for address in map(str, listeners):
            if address in taken and not address.endswith(":0"):
                message = f"uses {address}, which another listener has"
                yield source.problem(("server", name), message, "Give every listener a port of its own.")
            taken.add(address)


def _weakened(config: Config) -> Iterator[Problem]:
    server, source = config.settings.server, config.source
    if server.insecure_shared_origin:
        message = "lets scripts of instances on the gateway's own host act as the gateway's pages"
        remedy = "Give every instance a host of its own and remove it."
        yield source.problem(("server", "insecure_shared_origin"), message, remedy, severity=Severity.WARNING)
    for network in server.trusted_proxies:
        if network.prefixlen == 0:
            message = f"holds {network}: whoever connects may claim any address"
            remedy = "List the addresses of your proxies alone."
            yield source.problem(("server", "trusted_proxies"), message, remedy, severity=Severity.WARNING)


def _state(config: Config) -> Iterator[Problem]:
    """Who shares a database must share sessions, limits and news as well."""
    server, state, source = config.settings.server, config.settings.state, config.source
    if state.shared != "embedded":
        return
    if server.workers > 1:
        message = "must be 1 while state.shared is embedded, since each worker would count limits by itself"
        remedy = "Set state.shared to a Redis, for example redis://127.0.0.1:6379/0, or write workers: 1."
        yield source.problem(("server", "workers"), message, remedy, value=str(server.workers))
    if state.database != "sqlite":
        message = "is embedded while state.database is PostgreSQL: a second replica would be refused"
        remedy = "Run one replica only, or set a Redis, for example redis://127.0.0.1:6379/0."
        yield source.problem(("state", "shared"), message, remedy, severity=Severity.WARNING)


def _enforced(config: Config) -> Iterator[Problem]:
    """A space may have been made by hand, so a slug that no file declares is only warned of: it might enforce nothing."""
    declared = {space.slug for file in config.estates for space in file.estate.spaces}
    enforce = config.settings.mfa.enforce
    for slug in enforce if isinstance(enforce, tuple) else ():
        if slug not in declared:
            message = f"names the space {slug}, which no estate file declares"
            remedy = "Correct the slug, unless the space was made by hand."
            yield config.source.problem(("mfa", "enforce"), message, remedy, severity=Severity.WARNING)


def _sign_up(config: Config) -> Iterator[Problem]:
    """Who signs up is believed for the code that was mailed to them."""
    settings, source = config.settings, config.source
    if settings.accounts.sign_up.open and settings.mail is None:
        message = "lets people make accounts, but without mail no address can be verified"
        yield source.problem(("accounts", "sign_up"), message, "Set mail, or switch sign_up off.")
    if settings.accounts.sign_up.enabled and not settings.accounts.sign_up.domains:
        message = "lets everybody make an account who has a mail address"
        remedy = "List the domains of your people in accounts.sign_up.domains, unless everybody is meant."
        yield source.problem(("accounts", "sign_up"), message, remedy, severity=Severity.WARNING)


def _domains(config: Config) -> Iterator[Problem]:
    """Who speaks for an address must be clear, or one provider could let in the people of another."""
    holders: dict[str, str] = {}
    for index, entry in enumerate(config.settings.auth):
        for domain in (domain.lower() for domain in entry.domains):
            holder = holders.setdefault(domain, entry.name)
            if holder != entry.name:
                message = f"holds {domain}, for which {holder} speaks already"
                remedy = "Leave it to one of the two: a domain's people log in by one way."
                yield config.source.problem(("auth", index, "domains"), message, remedy)
            if entry.plugin == "local":
                message = f"holds {domain}, but local accounts speak for no domain"
                remedy = "Remove it here; list it with the provider whose people have such addresses."
                yield config.source.problem(("auth", index, "domains"), message, remedy)
