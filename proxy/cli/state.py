"""`flowward state`: where everything is kept."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click
from typing_extensions import override

from config.schema import State
from proxy.cli.opening import config_option, configuration
from proxy.store.sql.copying import NotCopied, copy

Where = Path | str
"""The folder of a SQLite, or the URL of a PostgreSQL."""

_TOLD: Final = ("user", "space", "resource", "share", "token", "factor", "invitation", "session", "audit_event")


class Place(click.ParamType[Where]):
    """sqlite:DIR, postgresql://… or file:PATH of a file that holds one of them, since a URL may hold a password."""

    name = "place"

    @override
    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Where:
        text = str(value)
        if text.startswith("file:"):
            text = self._content(Path(text.removeprefix("file:")), param, ctx)
        if text.startswith("sqlite:"):
            return Path(text.removeprefix("sqlite:"))
        if not text.startswith(("postgresql://", "postgres://")):
            self.fail("must be sqlite:DIR, postgresql://user:password@host/database or file:PATH", param, ctx)
        return text

    def _content(self, path: Path, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return path.read_text().strip()
        except OSError as error:
            self.fail(f"cannot read {path}: {error.strerror}", param, ctx)


@click.group()
def state() -> None:
    """Move what the gateway keeps."""


@state.command(name="copy")
@click.option("--from", "source", type=Place(), help="Where it is now; without it, where the configuration says.")
@click.option("--to", "target", type=Place(), required=True, help="Where it is to be: an empty database.")
@config_option
def copy_command(source: Where | None, target: Where, path: Path) -> None:
    """Copy users, spaces, resources, grants, tokens, second factors, sessions and the audit log into another database.

    Places are written sqlite:DIR, postgresql://user:password@host/database, or file:PATH of a file that holds one of
    them. Stop the gateway first: as long as one is at work on the source, nothing is copied. The target must be empty,
    and stays so unless everything arrived and the audit log verifies. Sessions in Redis stay there, and secrets in
    state.directory.
    """
    here = source if source is not None else _of(configuration(path).settings.state)
    try:
        copied = asyncio.run(copy(here, target))
    except NotCopied as error:
        raise click.ClickException(str(error)) from error
    click.echo(summary(copied))
    click.echo("Now name the new place in state.database, and keep state.directory: it holds the secrets.", err=True)


def _of(settings: State) -> Where:
    return settings.directory if settings.database == "sqlite" else settings.database.url


def summary(copied: Mapping[str, int]) -> str:
    """What was copied, by kind."""
    lines = [f"{name.replace('_', ' '):12} {copied[name]:>9}" for name in _TOLD]
    return "\n".join([*lines, f"{'all rows':12} {sum(copied.values()):>9}", "The audit log verifies."])
