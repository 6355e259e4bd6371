"""What every command shares: the configuration file, its store, and how failures and lists are told."""

import asyncio
import getpass
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import click
from typing_extensions import override

from config.configuration import Config
from config.load import load
from config.problems import ConfigurationError, Problem
from proxy.cli.nodered_setup import CannotRun
from proxy.services.accounts import Accounts
from proxy.services.audit import COMMAND_LINE
from proxy.services.directory import Directory
from proxy.services.estate import Workshop, workshop
from proxy.services.lockout import Lockout
from proxy.services.offload import Offload
from proxy.services.problems import Exists, Invalid, NotDone, NotPossible
from proxy.services.writer import ByHand
from proxy.store import Conflict, Dangling, Store, StoreUnavailable
from proxy.store.opening import open_state

T = TypeVar("T")

FAILED = 1
MISCONFIGURED = 2

config_option = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("flowward.yaml"),
    show_default=True,
    help="The configuration file.",
)


class Commands(click.Group):
    """A group of commands that tells what went wrong on stderr: exit code 2 for the configuration, 1 for the rest."""

    @override
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigurationError as error:
            tell(error.problems)
            return ctx.exit(MISCONFIGURED)
        except (Conflict, NotDone, StoreUnavailable, CannotRun) as error:
            click.echo(f"flowward: {_sentence(error)}", err=True)
            return ctx.exit(FAILED)


def _sentence(error: Exception) -> str:
    match error:
        case Dangling():
            return "Something this refers to was removed meanwhile. Run it again."
        case Invalid(wrongs=wrongs):
            return " ".join(f"{each.field} {each.message}. {each.remedy}" for each in wrongs)
        case NotPossible(detail=detail):
            return detail
        case Conflict(args=(field, value)) | Exists(field=field, value=value):
            return f"The {field} {value} is taken. Choose another one."
        case _:
            return str(error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A configuration with its store, and the services that work on it."""

    config: Config
    store: Store
    offload: Offload

    @property
    def accounts(self) -> Accounts:
        store = self.store
        return Accounts(
            database=store.database,
            shared=store.shared,
            offload=self.offload,
            now=time.time,
            end_sessions=store.shared.end_sessions_of,
            rules=lambda: self.config.settings.accounts,
        )

    @property
    def by_hand(self) -> ByHand:
        return ByHand(database=self.store.database, now=time.time, by=replace(COMMAND_LINE, name=_who()))

    @property
    def lockout(self) -> Lockout:
        store, limits = self.store, self.config.settings.limits
        return Lockout(store.database, store.shared, lambda: limits.lockout, time.time, ban=lambda: limits.ban)

    @property
    def directory(self) -> Directory:
        return Directory(by_hand=self.by_hand, shared=self.store.shared, new_id=new_id, lockout=self.lockout)

    @property
    def workshop(self) -> Workshop:
        return workshop(self.store.database, self.store.shared, self.offload)

    @property
    def home(self) -> str:
        """The gateway's own origin."""
        return str(self.config.settings.server.public_url)


def tell(problems: Iterable[Problem]) -> None:
    """Every problem on a line of its own, on stderr."""
    for problem in problems:
        click.echo(str(problem), err=True)


def tell_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows below their headings, in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def configuration(path: Path) -> Config:
    """The configuration, in the environment of this process. Raises ConfigurationError."""
    return load(path, os.environ)


def with_store(config: Config, work: Callable[[Opened], Awaitable[T]]) -> T:
    """Run a command that needs what the gateway remembers; a running gateway notices what it writes."""

    async def run() -> T:
        async with _opened(config) as opened:
            return await work(opened)

    return asyncio.run(run())


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[Opened]:
    offload = Offload()
    try:
        async with open_state(config.settings.state) as store:
            yield Opened(config=config, store=store, offload=offload)
    finally:
        offload.close()


def _who() -> str:
    """The account on this machine that a command is run by."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())


def new_id() -> str:
    return uuid4().hex
