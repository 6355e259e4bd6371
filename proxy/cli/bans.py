"""`flowward bans`: accounts and addresses that are refused for a while since too many logins failed."""

from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import click

from proxy.cli.opening import Opened, config_option, configuration, tell_table, with_store
from proxy.services.audit import PLATFORM, happened, on_user
from proxy.services.bans import Ban, Kind

_HEAD = ("KIND", "WHO", "REFUSED FROM", "UNTIL", "TIMES")


@click.group()
def bans() -> None:
    """Accounts and addresses that are refused for a while: list them, lift them."""


@bans.command("list")
@config_option
def list_bans(path: Path) -> None:
    """Print every account that is locked, and every address that is banned, since too many logins failed."""

    async def work(opened: Opened) -> list[tuple[str, ...]]:
        return [await _row(opened, ban) for ban in await opened.lockout.bans()]

    rows = with_store(configuration(path), work)
    if rows:
        tell_table([_HEAD, *rows])
    else:
        click.echo("Nobody is locked, and no address is banned.")


async def _row(opened: Opened, ban: Ban) -> tuple[str, ...]:
    until = datetime.fromtimestamp(ban.until, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if ban.kind is Kind.ADDRESS:
        return ban.kind, ban.subject, "everywhere", until, str(ban.times)
    person = await opened.store.database.person(ban.subject)
    return ban.kind, person.user.username if person else ban.subject, ban.place, until, str(ban.times)


@bans.command()
@click.argument("who")
@config_option
def lift(who: str, path: Path) -> None:
    """Let an account (its username) or an address try again at once, and forget what failed."""

    async def work(opened: Opened) -> str:
        return await (_lift_address(opened, who) if _is_address(who) else _lift_account(opened, who))

    click.echo(with_store(configuration(path), work))


async def _lift_address(opened: Opened, address: str) -> str:
    lockout, by = opened.lockout, opened.by_hand
    before = await lockout.bans()
    await lockout.lift_ban(address)
    gone = {ban.subject for ban in before} - {ban.subject for ban in await lockout.bans()}
    if not gone:
        return f"{address} was not banned."
    body = {"address": gone.pop()}
    event = happened("platform.address.unbanned", at=by.now(), by=by.by, on=PLATFORM, body=body)
    await opened.store.database.record(event)
    return f"{address} may try again."


async def _lift_account(opened: Opened, username: str) -> str:
    user, by = (await opened.directory.named(username)).user, opened.by_hand
    await opened.store.database.record(
        happened("user.unlocked", at=by.now(), by=by.by, on=on_user(user.id), user=user.id)
    )
    await opened.lockout.lift(user.id)
    return f"{user.username} may log in again."


def _is_address(who: str) -> bool:
    try:
        ip_network(who, strict=False)
    except ValueError:
        return False
    return True
