"""`flowward auth`: ways in, tried out before anybody has to."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auth_plugins.registry import UnusablePlugins
from config.problems import ConfigurationError, Problem
from proxy.cli.opening import FAILED, Opened, config_option, configuration, with_store

if TYPE_CHECKING:
    from proxy.web.api.sso import TrialAnswer


@click.group()
def auth() -> None:
    """Ways to log in: try them out."""


@auth.command()
@click.argument("name")
@click.option("--user", "login", default="", help="Username to look up, as it is typed to log in.")
@click.option(
    "--sample",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File with a response of the provider, as it came.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
def test(name: str, login: str, sample: Path | None, as_json: bool, path: Path) -> None:
    """Say what a login by the way in NAME would come to: the account, its roles, and why a group is ignored.

    Nothing is written and nobody is logged in. Without --user and --sample only the provider is looked at.
    """
    if login and sample:
        raise click.UsageError("Give --user or --sample, not both.")
    text = _read(sample) if sample else login
    config = configuration(path)

    async def work(opened: Opened) -> "TrialAnswer":
        from proxy.app.trial import trial  # noqa: PLC0415 - the other commands start without the gateway's parts

        return await trial(config.settings, opened.store, opened.accounts, opened.offload, name, text)

    try:
        told = with_store(config, work)
    except UnusablePlugins as error:
        raise ConfigurationError(Problem(file=config.source.file, message=each) for each in error.problems) from error
    lines = "\n".join(_lines(told)) or "There is nothing to look at: this way in asks nobody else."
    click.echo(told.model_dump_json(indent=2) if as_json else lines)
    if told.refused or any(each.level == "error" for each in told.findings):
        sys.exit(FAILED)


def _read(sample: Path) -> str:
    try:
        return sample.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--sample {sample} cannot be read as text: {error}") from error


def _lines(told: "TrialAnswer") -> Iterator[str]:
    for finding in told.findings:
        yield f"{finding.level}: {finding.detail} ({finding.code})"
    if told.identity is not None:
        verified = "verified" if told.identity.email_verified else "not verified"
        groups = told.identity.groups
        yield f"The provider says: {told.identity.username}, subject {told.identity.subject}"
        yield f"  e-mail: {told.identity.email or 'none'} ({verified})"
        yield f"  groups: {'nothing is said of them' if groups is None else ', '.join(groups) or 'none'}"
    if told.refused:
        yield f"refused: {told.refused}" + (f": {told.detail}" if told.detail else "")
    yield from _account(told)


def _account(told: "TrialAnswer") -> Iterator[str]:
    user = told.user
    if user is None:
        return
    rules = {
        "local": "the gateway's own account",
        "known": "the provider's key for them is known",
        "bound": "made for this provider, and used for the first time",
        "linked": "a local account that passes to the provider by its address",
        "made": "a new account",
    }
    yield f"Here they are: {user.username} ({rules[user.rule]})"
    for group in told.groups:
        yield f"  {group.group}: {group.gives or 'ignored, since ' + group.ignored}"
    if user.admin:
        yield "  admin" + (" still, as the last one there is" if user.admin_kept else "")
    for place, role in (*user.memberships.items(), *user.overrides.items()):
        yield f"  {place}: {role}"
