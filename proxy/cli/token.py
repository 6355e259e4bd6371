"""`flowward token`: tokens for programs and devices, made, listed and revoked by whoever has the gateway's machine."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from config.times import parse_positive_duration
from proxy.cli.opening import Opened, config_option, configuration, with_store
from proxy.cli.users import ROLES, Parsed
from proxy.model.audit import Source
from proxy.model.directory import Space
from proxy.model.estate import Estate, Resource, ResourceKind
from proxy.model.identity import Person, Token, TokenKind, UserKind
from proxy.services.audit import By
from proxy.services.authority import resource_at, space_at
from proxy.services.problems import NotPossible, NotThere
from proxy.services.token_changes import Desk, Made, Wanted, WantedHttp
from proxy.services.writer import Step
from proxy.store import Database

T = TypeVar("T")
_OPENS = {
    TokenKind.PERSONAL: "It acts as {of}; send it as Authorization: Bearer.",
    TokenKind.SERVICE: "It acts as the service account {of}; send it as Authorization: Bearer.",
    TokenKind.HTTP: "It opens endpoints and dashboards of {of}; send it as Authorization: Bearer, or as a password.",
}


@click.group()
def token() -> None:
    """Tokens: let programs and devices in without a login."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the options of `token create` say."""

    user: str | None
    instance: str | None
    service: str | None
    name: str | None
    expires: float | None
    read_only: bool
    admin: bool
    spaces: tuple[str, ...]
    paths: tuple[str, ...]
    methods: tuple[str, ...]
    networks: tuple[str, ...]


@token.command()
@click.option("--user", help="Act as this person, within the limits given.")
@click.option("--instance", help="Open dashboards and endpoints of this instance, such as acme/plant/line-3.")
@click.option("--service", help="Act as this service account; with --space SPACE=ROLE it is made if there is none.")
@click.option("--name", help="What the token is for. For a service account its own name, unless said otherwise.")
@click.option(
    "--expires", type=Parsed("duration", parse_positive_duration), help="After how long it ends, such as 90d."
)
@click.option("--read-only", is_flag=True, help="Change nothing, and send nothing but GET and HEAD.")
@click.option("--admin", is_flag=True, help="Act as an admin, for a user who is one.")
@click.option("--space", "spaces", multiple=True, help="Reach this space alone, and what lies below it.")
@click.option("--path", "paths", multiple=True, help="With --instance: only paths below this one, such as /api/*.")
@click.option("--method", "methods", multiple=True, help="With --instance: only this method, such as GET.")
@click.option("--from", "networks", multiple=True, help="Only from this network, such as 10.0.0.0/8.")
@config_option
def create(path: Path, **options: object) -> None:
    """Make a token and print its value, once."""
    asked = _Asked(**options)  # type: ignore[arg-type]  # click has parsed them
    _refuse_mixture(asked)
    made = with_store(configuration(path), lambda opened: _create(opened, asked))
    of = asked.instance or asked.service or asked.user
    click.echo(f"Token {made.token.id}. {_OPENS[made.token.kind].format(of=of)} It is not shown again:", err=True)
    click.echo(made.value)


def _refuse_mixture(asked: _Asked) -> None:
    if sum(each is not None for each in (asked.user, asked.instance, asked.service)) != 1:
        raise click.UsageError("Say whom the token is for: one of --user, --instance and --service.")
    if asked.name is None and asked.service is None:
        raise click.UsageError("Give the token a name: --name says what it is for.")
    if asked.instance is None and (asked.paths or asked.methods):
        raise click.UsageError("--path and --method go with --instance: other tokens follow their user's role.")
    if asked.instance is not None and (asked.spaces or asked.read_only or asked.admin):
        raise click.UsageError("--space, --read-only and --admin do not go with --instance: use --path and --method.")


async def _create(opened: Opened, asked: _Asked) -> Made:
    database = opened.store.database
    desk = await _desk(database)
    expires = None if asked.expires is None else desk.now + asked.expires
    if asked.instance is not None:
        wanted_http = WantedHttp(
            name=asked.name or "",
            expires=expires,
            paths=asked.paths,
            methods=asked.methods,
            networks=asked.networks,
        )
        return await _written(database, await desk.http(_instance(desk.estate, asked.instance), wanted_http))
    wanted = Wanted(
        name=asked.name or asked.service or "",
        expires=expires,
        read_only=asked.read_only,
        spaces=_limits(desk.estate, asked) or None,
        admin=asked.admin,
        networks=asked.networks,
    )
    if asked.service is not None:
        return await _for_service(desk, asked.service, asked.spaces, wanted)
    person = await _person(database, asked.user or "")
    if person.user.kind is not UserKind.PERSON:
        raise NotPossible("no_person", f"{asked.user} is a service account. Use --service {asked.user}.")
    return await _written(database, await desk.personal(person, wanted))


async def _for_service(desk: Desk, username: str, spaces: tuple[str, ...], wanted: Wanted) -> Made:
    """A token of a service account, which is made in the same transaction if there is none."""
    database = desk.database
    if await database.account(username) is not None:
        if spaces:
            raise NotPossible("exists", f"{username} is there already: leave --space out.")
        return await _written(database, await desk.service(await _person(database, username), wanted))
    space, _, label = (spaces[0] if len(spaces) == 1 else "").partition("=")
    if label not in ROLES:
        roles = ", ".join(ROLES)
        raise click.UsageError(f"There is no service account {username}. To make it, say --space SPACE=ROLE ({roles}).")
    account = await desk.account(_space(desk.estate, space), username, ROLES[label])
    made = await desk.service(account.result, wanted)
    return await _written(
        database, Step(result=made.result, edits=[*account.edits, *made.edits], events=[*account.events, *made.events])
    )


def _limits(estate: Estate, asked: _Asked) -> frozenset[str]:
    """The spaces that a person's token is limited to."""
    return frozenset(_space(estate, slug).id for slug in asked.spaces) if asked.user is not None else frozenset()


@token.command("list")
@click.option("--user", help="Of this person or service account alone.")
@click.option("--instance", help="Of this instance alone.")
@config_option
def list_tokens(user: str | None, instance: str | None, path: Path) -> None:
    """Print tokens: whose, until when, last used when, and their limits. Their values are known to nobody."""

    async def work(opened: Opened) -> list[tuple[str, ...]]:
        database = opened.store.database
        estate = await database.estate()
        of_user = (await _person(database, user)).user.id if user is not None else None
        at = _instance(estate, instance).id if instance is not None else None
        return [await _row(database, estate, each) for each in await database.tokens(user=of_user, instance=at)]

    rows = [("ID", "KIND", "NAME", "OF", "EXPIRES", "LAST USED", "LIMITS")]
    rows += with_store(configuration(path), work)  # type: ignore[arg-type]  # every row has as many cells
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@token.command()
@click.argument("token_id", metavar="ID", required=False)
@click.option("--service", help="Remove this service account, with all of its tokens.")
@config_option
def revoke(token_id: str | None, service: str | None, path: Path) -> None:
    """Revoke a token: its next request is refused, and what it holds open ends within a second."""
    if (token_id is None) == (service is None):
        raise click.UsageError("Name the ID of a token (flowward token list shows it), or a --service account.")

    async def work(opened: Opened) -> None:
        database = opened.store.database
        desk = await _desk(database)
        if service is not None:
            await _written(database, _removal(desk, await _person(database, service)))
            return
        found = next((each for each in await database.tokens() if each.id == token_id), None)
        if found is None:
            raise _unknown("token", token_id or "")
        await _written(database, desk.revoke(found))

    with_store(configuration(path), work)
    click.echo(f"{service} and its tokens are gone." if service is not None else f"{token_id} is revoked.")


def _removal(desk: Desk, account: Person) -> Step[None]:
    space = next((desk.estate.spaces[key] for key in account.memberships), None)
    if account.user.kind is not UserKind.SERVICE or space is None:
        raise _unknown("service account", account.user.username)
    return desk.remove_account(space, account)


async def _row(database: Database, estate: Estate, of: Token) -> tuple[str, ...]:
    if of.instance is not None:
        instance = estate.resources.get(of.instance)
        whose = estate.address(instance) if instance else of.instance
    else:
        person = await database.person(of.user or "")
        whose = person.user.username if person else "-"
    return of.id, of.kind, of.name, whose, _day(of.expires, "never"), _day(of.last_used, "never"), _limited(estate, of)


def _limited(estate: Estate, of: Token) -> str:
    spaces = sorted(space.slug for key in of.spaces or () if (space := estate.spaces.get(key)))
    told = [
        *(["read-only"] if of.read_only else []),
        *(["admin"] if of.admin else []),
        *(f"space {slug}" for slug in spaces),
        *(f"path {path}" for path in of.paths),
        *of.methods,
        *(f"from {network}" for network in of.networks),
    ]
    return ", ".join(told) or "-"


def _day(at: float | None, never: str) -> str:
    return never if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%MZ")


async def _desk(database: Database) -> Desk:
    return Desk(estate=await database.estate(), database=database, now=time.time(), by=By(source=Source.CLI))


async def _written(database: Database, step: Step[T]) -> T:
    await database.edit(step.edits, step.events)
    return step.result


def _space(estate: Estate, slug: str) -> Space:
    try:
        return space_at(estate, slug)
    except NotThere as error:
        raise _unknown("space", slug) from error


def _instance(estate: Estate, address: str) -> Resource:
    try:
        return resource_at(estate, address, ResourceKind.INSTANCE)
    except NotThere as error:
        raise _unknown("instance", address) from error


def _unknown(kind: str, name: str) -> NotPossible:
    return NotPossible("unknown", f"There is no {kind} {name}.")


async def _person(database: Database, username: str) -> Person:
    account = await database.account(username)
    person = await database.person(account.user.id) if account else None
    if person is None:
        raise _unknown("user", username)
    return person
