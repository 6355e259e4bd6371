"""`flowward apply`: what estate files declare becomes what is there."""

import time
from dataclasses import replace
from pathlib import Path

import click

from config.configuration import Config
from config.load import load_estate
from config.placement import placement_problems
from config.problems import ConfigurationError, errors
from proxy.cli.opening import Opened, config_option, configuration, tell, with_store
from proxy.services.estate import apply as apply_files
from proxy.services.estate import prepare
from proxy.services.estate_ledger import Applied, applied_files
from proxy.services.estate_plan import Plan, render_diff


@click.command()
@click.option(
    "-f",
    "--file",
    "paths",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="An estate file; may be given several times. Without it, those of the configuration are applied.",
)
@click.option("--dry-run", is_flag=True, help="Print what would change, and write nothing.")
@click.option("--no-prune", is_flag=True, help="Keep what a file no longer declares.")
@config_option
def apply(paths: tuple[Path, ...], dry_run: bool, no_prune: bool, path: Path) -> None:
    """Bring what is there in line with estate files, and print each difference.

    Applying again changes nothing. What was made by hand is left alone.
    """
    config = _with_files(configuration(path), paths)
    files = applied_files(config)
    planned = with_store(config, lambda opened: _apply(opened, files, dry_run=dry_run, prune=not no_prune))
    if not planned:
        click.echo("Everything is as declared.")
    if dry_run:
        click.echo("This was a dry run: nothing is written.", err=True)


def _with_files(config: Config, paths: tuple[Path, ...]) -> Config:
    """The configuration with these estate files instead of its own, judged as its own would be."""
    if not paths:
        return config
    chosen = replace(config, estates=tuple(load_estate(path) for path in paths))
    problems = tuple(placement_problems(chosen))
    if errors(problems):
        raise ConfigurationError(problems)
    tell(problems)
    return chosen


async def _apply(opened: Opened, files: tuple[Applied, ...], *, dry_run: bool, prune: bool) -> Plan:
    if dry_run:
        planned = await prepare(opened.workshop, files, prune=prune)
    else:
        planned = await apply_files(opened.workshop, files, now=time.time(), prune=prune)
    if planned:
        click.echo(render_diff(planned))
    if dry_run:
        return planned
    for user in planned.invited:
        click.echo(await opened.accounts.invitation(opened.home, user))
    return planned
