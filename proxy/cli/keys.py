"""`flowward keys` and `flowward nodered`: the keys that sign, and what an instance needs to trust them."""

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from config.configuration import Config
from config.keys import load_or_create
from proxy.cli.opening import Opened, config_option, configuration, with_store
from proxy.model.estate import Estate, ResourceKind
from proxy.nodered.snippet import snippet
from proxy.services.problems import NotPossible
from proxy.services.same_secrets import adopt_secrets


@click.group()
def keys() -> None:
    """The keys that sign assertions."""


@keys.command()
@config_option
def rotate(path: Path) -> None:
    """Make a new signing key: published at once, signing ten minutes from now, the old one kept until after that."""
    now = time.time()
    rotated = load_or_create(configuration(path).settings.state.directory, now).rotate(now)
    newest = max(rotated.signing, key=lambda key: key.created)
    at = datetime.fromtimestamp(newest.signs_from, UTC)
    click.echo(f"The key {newest.kid} is published now and signs from {at:%Y-%m-%d %H:%M:%S} UTC on.")


@keys.command()
@config_option
def adopt(path: Path) -> None:
    """Let gateways start with the secrets of this state.directory, where those of the replicas before are lost.

    A gateway refuses to start with other secrets than the replicas on the same database and Redis. Copying their files is
    the remedy; this is for when there are none. Half-done logins break, and instances need the new keys.
    """
    config = configuration(path)
    adopted = load_or_create(config.settings.state.directory, time.time())
    with_store(config, lambda opened: adopt_secrets(opened.store.shared, adopted, time.time()))
    click.echo(f"Gateways with the secrets of {adopted.directory} may start. Restart those that run with others.")


@click.group()
def nodered() -> None:
    """What a Node-RED behind the gateway needs."""


@nodered.command("snippet")
@click.argument("instance")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it to this file, whole or not at all, instead of printing it.",
)
@config_option
def print_snippet(instance: str, output: Path | None, path: Path) -> None:
    """Print flowward.settings.js for INSTANCE (such as acme/plant/line-3), which its settings.js includes in one line.

    With a redirected output, a mistake would leave an empty file, and Node-RED open to anyone who reaches it: use -o.
    """
    text = trust_settings(configuration(path), instance)
    if output is None:
        click.echo(text, nl=False)
        return
    unfinished = output.with_name(f".{output.name}.new")
    try:
        unfinished.write_text(text)
        unfinished.replace(output)
    except OSError as error:
        detail = f"{output} cannot be written: {error.strerror}. Choose another file by -o."
        raise NotPossible("not_writable", detail) from error


def trust_settings(config: Config, instance: str) -> str:
    """The text of flowward.settings.js for an instance, by its path. Raises NotPossible where there is none."""
    estate = with_store(config, _estate)
    found = {estate.address(each): each for each in estate.resources.values() if each.kind is ResourceKind.INSTANCE}
    resource = found.get(instance)
    if resource is None or resource.instance is None:
        there = ", ".join(sorted(found)) or "none yet; run flowward apply first"
        raise NotPossible("unknown", f"There is no instance {instance}. Instances are: {there}.")
    now, home = time.time(), str(config.settings.server.public_url)
    jwks = load_or_create(config.settings.state.directory, now).jwks(now)
    return snippet(instance, resource.id, resource.instance, issuer=home, jwks=jwks, jwks_url=f"{home}/-/jwks.json")


async def _estate(opened: Opened) -> Estate:
    return await opened.store.database.estate()
