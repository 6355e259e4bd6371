"""`flowward explain`: who may do what, and why."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from config.base import wrong
from config.configuration import Config
from proxy.access.catalogue import CATALOGUE
from proxy.access.decide import Check, Place
from proxy.access.explain import Considered, Explanation, logged_in
from proxy.access.explain import explain as explained
from proxy.cli.opening import Opened, config_option, configuration, with_store
from proxy.cli.users import Parsed
from proxy.gate.checks import SAFE
from proxy.gate.judge import explain_judgement, explain_part
from proxy.gate.principal import Kind
from proxy.gate.world import Ground, Station, world_of
from proxy.model.access import Permission
from proxy.model.estate import Estate
from proxy.model.identity import Actor
from proxy.nodered.surfaces import Surface
from proxy.services.authority import resource_at, space_at
from proxy.services.problems import NotPossible, NotThere
from proxy.wire.target import BadTarget, path_of

_QUIET: Final = frozenset(Check) - {Check.ACCOUNT, Check.ROLE} | {"surface"}
"""Rules that people need not hear of unless they make a difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What is printed."""

    question: str
    """Such as `instance:flows:edit on acme/plant/line-3`."""
    explanation: Explanation


def _permission(value: str) -> Permission:
    if value not in set(Permission):
        raise wrong("must be a permission", "docs/reference/permissions.md lists them, such as instance:flows:edit.")
    return Permission(value)


@click.command()
@click.option("--user", "username", required=True, help="Whose rights are asked about.")
@click.option("--may", type=Parsed("PERMISSION", _permission), help="A permission, such as instance:flows:edit.")
@click.option("--on", "address", help="Where: a space such as acme, or a resource such as acme/plant/line-3.")
@click.option("--url", help="Instead of a permission and a place: an address of an instance, as a browser has it.")
@click.option("--method", default="GET", show_default=True, help="The method of the request to that address.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON: allowed, role, reason, and all considered.")
@config_option
def explain(
    username: str,
    may: Permission | None,
    address: str | None,
    url: str | None,
    method: str,
    as_json: bool,
    path: Path,
) -> None:
    """Say whether a user may do something, and every rule that was considered.

    The user is taken to have just logged in.
    """
    if (may is None) is (url is None) or (url is not None and address is not None):
        raise click.UsageError("Ask either with --may and --on, or with --url.")
    config = configuration(path)

    async def work(opened: Opened) -> _Answer:
        database = opened.store.database
        person = await opened.directory.named(username)
        estate, now = await database.estate(), time.time()
        actor = logged_in(person, now)
        if may is not None:
            return _about_permission(estate, actor, may, address, now)
        return _about_address(config, estate, actor, url or "", method, now)

    answer = with_store(config, work)
    click.echo(_as_json(answer.explanation) if as_json else "\n".join(_lines(username, answer)))


def _about_permission(estate: Estate, actor: Actor, may: Permission, address: str | None, now: float) -> _Answer:
    place = _place(estate, may, address)
    where = f" on {address}" if address else ""
    return _Answer(question=f"{may}{where}", explanation=explained(estate, actor, may, place, now=now))


def _place(estate: Estate, may: Permission, address: str | None) -> Place:
    """What is asked about. Raises UsageError for a permission that means nothing there, NotPossible for no place."""
    kinds = sorted(CATALOGUE[may].kinds)
    if address is None:
        if kinds:
            raise click.UsageError(f"{may} is asked about a place: say by --on which {' or '.join(kinds)}.")
        return None
    try:
        place = resource_at(estate, address) if "/" in address else space_at(estate, address)
    except NotThere as error:
        detail = f"There is no {address}. A space is written like acme, what it owns like acme/plant/line-3."
        raise NotPossible("unknown", detail) from error
    if place.kind not in kinds:
        asked = f"only about: {', '.join(kinds)}" if kinds else "without --on"
        raise click.UsageError(f"{address} is of kind {place.kind}, but {may} is asked {asked}.")
    return place


def _about_address(config: Config, estate: Estate, actor: Actor, url: str, method: str, now: float) -> _Answer:
    station, surface, path = _addressed(config, estate, url, method)
    resource, settings, pages = station.resource, station.settings, station.pages
    explanation = explain_judgement(estate, Kind.SESSION, actor, resource, settings, surface, now, pages)
    if station.parts is not None:
        writes = method.upper().encode() not in SAFE
        explanation = explain_part(explanation, station.parts.of(path), writes=writes)
    return _Answer(question=f"{method} {url}, which is {surface.label} of {station.name}", explanation=explanation)


def _addressed(config: Config, estate: Estate, url: str, method: str) -> tuple[Station, Surface, bytes]:
    """The instance and its part that a request addresses, and the path there. Raises NotPossible where it is none's."""
    server = config.settings.server
    homes = tuple(str(home) for home in server.homes)
    ground = Ground(public_url=str(server.public_url), homes=homes, open_instances=server.allow_public_http)
    parts = urlsplit(url)
    path = (parts.path or "/").encode()
    world = world_of(estate, ground)
    site = world.sites.find((parts.hostname or "").encode())
    if site is None:
        detail = f"No instance has the host of {url}. Write it as http://host/path, as a browser has it."
        raise NotPossible("unknown", detail)
    station = world.station(site, path)
    if station is None or path.startswith(b"/-/"):
        raise NotPossible("own_page", f"{url} is answered by the gateway itself, for whoever asks.")
    try:
        below = path_of(_below(station.prefix, path))
        surface = station.layout.surface(method.upper().encode(), below)
    except BadTarget as error:
        raise NotPossible("bad_target", f"{url} is refused for everybody: {error}.") from error
    return station, Surface.ENDPOINT if surface is Surface.PREFLIGHT else surface, below


def _below(prefix: bytes, path: bytes) -> bytes:
    """The path as an instance mounted at a prefix knows it."""
    return path[len(prefix) :] or b"/"


def _as_json(explanation: Explanation) -> str:
    decision = explanation.decision
    told = {
        "allowed": decision.allowed,
        "role": decision.role.label,
        "reason": decision.reason,
        "considered": [_row(each) for each in explanation.considered],
    }
    return json.dumps(told, indent=2)


def _row(each: Considered) -> dict[str, object]:
    gives = each.gives.label if each.gives is not None else None
    return {"rule": each.rule, "applies": each.applies, "gives": gives, "refuses": each.refuses, "words": each.words}


def _lines(username: str, answer: _Answer) -> Iterator[str]:
    decision, considered = answer.explanation.decision, answer.explanation.considered
    verdict = "may" if decision.allowed else "may not"
    yield f"{'Yes' if decision.allowed else 'No'}: {username} {verdict} {answer.question}."
    yield f"Reason: {decision.reason}. Role there: {decision.role.label}."
    yield ""
    shown = [each for each in considered if each.refuses is not None or each.applies or each.rule not in _QUIET]
    rules = max(len(each.rule) for each in shown)
    for each in shown:
        yield f"{_mark(each)} {each.rule.ljust(rules)}  {each.words}{_outcome(each)}"
    yield ""
    yield "+ gives the role that counts, - refuses; what else was looked at changes nothing, and --json shows it."


def _mark(each: Considered) -> str:
    return "-" if each.refuses is not None else "+" if each.applies else " "


def _outcome(each: Considered) -> str:
    if each.refuses is not None:
        return f" -> {each.refuses}"
    return f" -> {each.gives.label}" if each.applies and each.gives is not None else ""
