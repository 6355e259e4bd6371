"""`flowward user`: accounts made and managed by hand."""

from collections.abc import Callable
from pathlib import Path

import click
from pydantic_core import PydanticCustomError
from typing_extensions import override

from config.base import wrong
from config.configuration import Config
from config.names import parse_email, parse_username
from config.times import duration_words
from proxy.cli.opening import Opened, config_option, configuration, tell_table, with_store
from proxy.model.access import Role
from proxy.model.estate import Estate
from proxy.model.identity import Person, User, UserKind, UserState
from proxy.services.audit import happened, on_user

ROLES = {role.label: role for role in (Role.DASHBOARD, Role.VIEWER, Role.MEMBER, Role.OWNER)}


class Parsed(click.ParamType[object]):
    """An argument that is read as a configuration file's value of the same kind would be."""

    def __init__(self, name: str, parse: Callable[[str], object]) -> None:
        self.name = name
        self._parse = parse

    @override
    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> object:
        try:
            return self._parse(value)
        except PydanticCustomError as error:
            told = error.context or {}
            self.fail(f"{told.get('message')}, but it is {value!r}. {told.get('remedy')}", param, ctx)


def _held(value: str) -> tuple[str, Role]:
    space, _, role = value.partition("=")
    if not space or role not in ROLES:
        raise wrong(f"must be SPACE=ROLE with a role of {', '.join(ROLES)}", "Write for example acme=viewer.")
    return space, ROLES[role]


@click.group()
def user() -> None:
    """Accounts: make them, list them, shut them out and let them in."""


@user.command()
@click.argument("username", type=Parsed("username", parse_username))
@click.option("--admin", is_flag=True, help="May do everything, everywhere.")
@click.option("--email", type=Parsed("email", parse_email), help="Mail address.")
@click.option("--name", default="", help="Name for people.")
@click.option("--provider", help="Name of the way in (auth) by which alone they log in; they get no link then.")
@click.option(
    "--member",
    "held",
    multiple=True,
    type=Parsed("SPACE=ROLE", _held),
    help="Role in a space; may be given several times.",
)
@config_option
def add(
    username: str,
    admin: bool,
    email: str | None,
    name: str,
    provider: str | None,
    held: tuple[tuple[str, Role], ...],
    path: Path,
) -> None:
    """Make a user, and print the one-time link by which they choose a password."""
    config = configuration(path)
    if provider is not None:
        _refuse_unknown(provider, config)
    wanted = User(id="", username=username, email=email or "", name=name, admin=admin, provider=provider)

    async def work(opened: Opened) -> str:
        made = await opened.directory.add(wanted, dict(held))
        return "" if provider else await opened.accounts.activation_link(opened.home, made.id)

    link = with_store(config, work)
    if provider is not None:
        click.echo(f"{username} logs in by {provider} from now on.")
    else:
        _print_link(username, link, config)


def _refuse_unknown(provider: str, config: Config) -> None:
    known = [entry.name for entry in config.settings.auth if entry.plugin != "local"]
    if provider not in known:
        those = ", ".join(known) or "none"
        raise click.UsageError(
            f"--provider must name an entry of auth that is not local, but it is {provider!r}. Those are: {those}."
        )


@user.command()
@click.argument("username")
@config_option
def link(username: str, path: Path) -> None:
    """Print a new one-time link by which a user chooses a password; links before it are void."""

    async def work(opened: Opened) -> str:
        found = (await opened.directory.named(username)).user
        if found.state is UserState.SUSPENDED:
            raise click.UsageError(f"{found.username} is suspended. Run flowward user resume {found.username} first.")
        if found.kind is UserKind.SERVICE:
            raise click.UsageError(
                f"{found.username} is a service account, which never logs in. Make it a token instead."
            )
        if found.provider is not None and not found.admin:
            raise click.UsageError(
                f"{found.username} logs in by {found.provider}, and has no password here, so a link would open nothing."
            )
        if "password" in found.stated:
            raise click.UsageError(
                f"The password of {found.username} stands in {found.declared}, which would bring it back. "
                "Change it there, or write link: activation instead of it, and apply that file first."
            )
        by_hand = opened.by_hand
        made = happened("user.activation.created", at=by_hand.now(), by=by_hand.by, on=on_user(found.id), user=found.id)
        await opened.store.database.record(made)
        return await opened.accounts.activation_link(opened.home, found.id)

    config = configuration(path)
    _print_link(username, with_store(config, work), config)


def _print_link(username: str, address: str, config: Config) -> None:
    lasts = duration_words(config.settings.accounts.activation)
    click.echo(f"{username} chooses a password here, once, within {lasts}; the link is not shown again:", err=True)
    click.echo(address)


@user.command("list")
@config_option
def list_users(path: Path) -> None:
    """Print every user: state, memberships, and the file that declares them."""

    async def work(opened: Opened) -> tuple[Estate, list[Person]]:
        database = opened.store.database
        people = [person for person in await database.people() if person.user.kind is UserKind.PERSON]
        return await database.estate(), sorted(people, key=lambda person: person.user.username)

    estate, people = with_store(configuration(path), work)
    head = ("USERNAME", "STATE", "EMAIL", "ROLES", "FROM")
    tell_table([head, *(_row(person, estate) for person in people)])


def _row(person: Person, estate: Estate) -> tuple[str, ...]:
    held = [f"{estate.spaces[each.space].slug}={each.role.label}" for each in person.memberships.values()]
    roles = (["admin"] if person.user.admin else []) + sorted(held)
    shown = person.user
    return shown.username, shown.state.value, shown.email or "-", ",".join(roles) or "-", shown.declared or "by hand"


@user.command()
@click.argument("username")
@config_option
def suspend(username: str, path: Path) -> None:
    """Shut a user out at once: every session ends, every open page and editor is closed."""
    found = with_store(configuration(path), lambda opened: opened.directory.suspend(username))
    click.echo(f"{found.username} is suspended.")
    _note_file(found, "state: suspended")


@user.command()
@click.argument("username")
@config_option
def resume(username: str, path: Path) -> None:
    """Let a user in again who is suspended, or locked since too many logins failed."""
    found = with_store(configuration(path), lambda opened: opened.directory.resume(username))
    if found.state is UserState.PENDING:
        click.echo(f"{found.username} has no password yet: run flowward user link {found.username}.")
    else:
        click.echo(f"{found.username} may log in again.")
    _note_file(found, "state: active")


@user.command("reset-mfa")
@click.argument("username")
@config_option
def reset_mfa(username: str, path: Path) -> None:
    """Take all of a user's second factors away, for one who has lost them: every session of theirs ends."""
    found = with_store(configuration(path), lambda opened: opened.directory.reset_factors(username))
    click.echo(
        f"{found.username} has no second factor any more, and logs in with the password alone until one is set up."
    )


def _note_file(found: User, line: str) -> None:
    """A file that writes the state down has the last word whenever it is applied."""
    if found.declared:
        click.echo(
            f"{found.declared} declares {found.username}: if it writes a state, write {line} there too.", err=True
        )
