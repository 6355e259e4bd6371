"""`flowward audit`: whether the log is as it was written, and all of it for other programs."""

import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
from typing_extensions import override

from config.times import parse_duration
from proxy.cli.opening import FAILED, Commands, Opened, config_option, configuration, with_store
from proxy.model.audit import Recorded
from proxy.services.audit_catalogue import EVENTS
from proxy.services.audit_chain import verify_log
from proxy.services.audit_format import COLUMNS, as_csv, as_line, table
from proxy.services.audit_reading import whole
from proxy.services.authority import resource_at, space_at
from proxy.services.problems import NotThere

Wanted = Callable[[Recorded], bool]


@click.group(cls=Commands)
def audit() -> None:
    """The audit log."""


@audit.command()
@config_option
def verify(path: Path) -> None:
    """Say whether the audit log is as it was written; exit code 1 where it is not.

    Names the first row that was changed, or that follows one which was removed.
    """
    verdict = with_store(configuration(path), lambda opened: verify_log(opened.store.database))
    if verdict.broken is None:
        click.echo(f"The audit log is as it was written: {verdict.count} events.")
        click.echo(f"It ends with event {verdict.last.id}, hash {verdict.last.hash}.")
        return
    click.echo(f"flowward: event {verdict.broken.id} is not as it was written: {verdict.broken.reason}.", err=True)
    click.echo(f"The {verdict.count} events before it are.", err=True)
    sys.exit(FAILED)


class Moment(click.ParamType[float]):
    """Seconds since the epoch, from a date, a time, or a duration before now."""

    name = "time"

    @override
    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return time.time() - parse_duration(value)
        except ValueError:
            pass
        try:
            said = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value} is no time. Write for example 2026-07-01, 2026-07-01T12:00Z or 7d.", param, ctx)
        return (said if said.tzinfo else said.replace(tzinfo=UTC)).timestamp()


@audit.command()
@config_option
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True, help="How.")
@click.option("--since", type=Moment(), help="Only events from this time on; a duration counts back.")
@click.option("--until", type=Moment(), help="Only events before this time.")
@click.option(
    "--scope", metavar="SCOPE", help="Only events of a space, a resource or a user, and below: address or id."
)
@click.option("--event", "events", multiple=True, metavar="EVENT", help="Only events of this name; may be repeated.")
def export(
    path: Path, form: str, since: float | None, until: float | None, scope: str | None, events: tuple[str, ...]
) -> None:
    """Write events to standard output, oldest first; times without a zone are UTC."""
    unknown = [event for event in events if event not in EVENTS]
    if unknown:
        raise click.BadParameter(f"There is no event {unknown[0]}. Run flowward audit events to see them all.")
    with_store(configuration(path), partial(_export, form, since, until, scope, events))


@audit.command("events")
def list_events() -> None:
    """List the names of all events."""
    for name, entry in sorted(EVENTS.items()):
        click.echo(f"{name:42} {entry.words}")


async def _export(
    form: str, since: float | None, until: float | None, scope: str | None, events: tuple[str, ...], opened: Opened
) -> None:
    within = await _scope(opened, scope) if scope else None

    def wanted(recorded: Recorded) -> bool:
        event = recorded.event
        return (
            (since is None or event.at >= since)
            and (until is None or event.at < until)
            and (within is None or within == event.scope_id or within in event.within)
            and (not events or event.event in events)
        )

    if form == "csv":
        click.echo(table([COLUMNS]), nl=False)
    async for rows in _matching(opened, wanted):
        click.echo(as_csv(rows) if form == "csv" else "".join(f"{as_line(row)}\n" for row in rows), nl=False)


async def _matching(opened: Opened, wanted: Wanted) -> AsyncIterator[Sequence[Recorded]]:
    async for rows in whole(opened.store.database):
        yield [row for row in rows if wanted(row)]


async def _scope(opened: Opened, name: str) -> str:
    """The id of what is named; a name of nothing is taken for the id of what is gone."""
    estate = await opened.store.database.estate()
    for look in (space_at, resource_at):
        try:
            return look(estate, name).id
        except NotThere:
            continue
    account = await opened.store.database.account(name)
    return account.user.id if account else name
