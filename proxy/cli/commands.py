"""`flowward` and its commands."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

import click

from auth_plugins.registry import UnusablePlugins, choose, installed
from config.configuration import Config
from config.problems import ConfigurationError, Problem
from proxy.cli.apply import apply
from proxy.cli.audit import audit
from proxy.cli.auth import auth
from proxy.cli.bans import bans
from proxy.cli.checks import personas
from proxy.cli.demo import demo
from proxy.cli.explain import explain
from proxy.cli.keys import keys, nodered
from proxy.cli.opening import Commands, config_option, configuration, tell
from proxy.cli.state import state
from proxy.cli.token import token
from proxy.cli.users import user
from proxy.services.certificates import certificates_of


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(installed_version("flowward"), message="%(prog)s %(version)s")
def flowward() -> None:
    """The front door of Node-RED: logins, roles and unforgeable identity in front of any number of instances."""


@flowward.command()
@click.option("--worker", hidden=True, help="Which of how many workers this is, as NUMBER/COUNT.")
@config_option
def serve(path: Path, worker: str | None) -> None:
    """Run the gateway."""
    from proxy.app import ALONE, Worker, run  # noqa: PLC0415 - the other commands start without the whole gateway

    if worker is None:
        sys.exit(run(path, ALONE))
    number, _, count = worker.partition("/")
    sys.exit(run(path, Worker(number=int(number), count=int(count))))


@flowward.group(invoke_without_command=True, subcommand_metavar="[personas]")
@config_option
@click.pass_context
def check(context: click.Context, path: Path) -> None:
    """Say everything that is wrong with the configuration at once, without starting anything."""
    if context.invoked_subcommand is not None:
        context.default_map = {context.invoked_subcommand: {"path": path}}
        return
    config = configuration(path)
    tell(config.warnings)
    _check_plugins(config)
    certificates_of(config)
    instances = sum(len(file.estate.instances) for file in config.estates)
    click.echo(f"{path} is sound. Estate files: {len(config.estates)}, instances: {instances}.")


def _check_plugins(config: Config) -> None:
    """Raises ConfigurationError for login plugins that are missing or whose options are wrong."""
    try:
        choose(config.settings.auth, installed())
    except UnusablePlugins as error:
        raise ConfigurationError(
            Problem(file=config.source.file, message=problem) for problem in error.problems
        ) from error


@flowward.command()
def version() -> None:
    """Print the version."""
    click.echo(f"flowward {installed_version('flowward')}")


check.add_command(personas)
flowward.add_command(apply)
flowward.add_command(audit)
flowward.add_command(bans)
flowward.add_command(auth)
flowward.add_command(demo)
flowward.add_command(explain)
flowward.add_command(keys)
flowward.add_command(nodered)
flowward.add_command(state)
flowward.add_command(token)
flowward.add_command(user)
