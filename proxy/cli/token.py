"""`flowward token`: tokens for programs and devices, made, listed and revoked by whoever has the gateway's machine."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from config.times import parse_positive_duration
from proxy.cli.opening import Opened, config_option, configuration, tell_table, with_store
from proxy.cli.users import ROLES, Parsed
from proxy.model.directory import Space
from proxy.model.estate import Estate, Resource, ResourceKind
from proxy.model.identity import Person, Token, TokenKind, UserKind
from proxy.services.authority import resource_at, space_at
from proxy.services.problems import NotPossible, NotThere
from proxy.services.token_changes import Desk, Made, Wanted, WantedHttp
from proxy.services.writer import Occasion, Step
from proxy.store import Database

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

    async def create(occasion: Occasion) -> Step[Made]:
        return await _create(Desk.at(occasion), asked)

    made = with_store(configuration(path), lambda opened: opened.by_hand.write(create))
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


async def _create(desk: Desk, asked: _Asked) -> Step[Made]:
    expires = None if asked.expires is None else desk.now + asked.expires
    if asked.instance is not None:
        wanted_http = WantedHttp(
            name=asked.name or "",
            expires=expires,
            paths=asked.paths,
            methods=asked.methods,
            networks=asked.networks,
        )
        return await desk.http(_instance(desk.estate, asked.instance), wanted_http)
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
    person = await _person(desk.database, asked.user or "")
    if person.user.kind is not UserKind.PERSON:
        raise NotPossible("no_person", f"{asked.user} is a service account. Use --service {asked.user}.")
    return await desk.personal(person, wanted)


async def _for_service(desk: Desk, username: str, spaces: tuple[str, ...], wanted: Wanted) -> Step[Made]:
    """A token of a service account, which is made in the same transaction if there is none."""
    if await desk.database.account(username) is not None:
        if spaces:
            raise NotPossible("exists", f"{username} is there already: leave --space out.")
        return await desk.service(await _person(desk.database, username), wanted)
    space, _, label = (spaces[0] if len(spaces) == 1 else "").partition("=")
    if label not in ROLES:
        roles = ", ".join(ROLES)
        raise click.UsageError(f"There is no service account {username}. To make it, say --space SPACE=ROLE ({roles}).")
    account = await desk.account(_space(desk.estate, space), username, ROLES[label])
    made = await desk.service(account.result, wanted)
    return Step(result=made.result, edits=[*account.edits, *made.edits], events=[*account.events, *made.events])


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

    head = ("ID", "KIND", "NAME", "OF", "EXPIRES", "LAST USED", "LIMITS")
    tell_table([head, *with_store(configuration(path), work)])


@token.command()
@click.argument("token_id", metavar="ID", required=False)
@click.option("--service", help="Remove this service account, with all of its tokens.")
@config_option
def revoke(token_id: str | None, service: str | None, path: Path) -> None:
    """Revoke a token: its next request is refused, and what it holds open ends within a second."""
    if (token_id is None) == (service is None):
        raise click.UsageError("Name the ID of a token (flowward token list shows it), or a --service account.")

    async def gone(occasion: Occasion) -> Step[None]:
        desk = Desk.at(occasion)
        if service is not None:
            return _removal(desk, await _person(desk.database, service))
        found = next((each for each in await desk.database.tokens() if each.id == token_id), None)
        if found is None:
            raise _unknown("token", token_id or "")
        return desk.revoke(found)

    with_store(configuration(path), lambda opened: opened.by_hand.write(gone))
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
