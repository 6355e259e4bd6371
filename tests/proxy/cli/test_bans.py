"""`flowward bans`: what is refused for now, and lifting it."""

import asyncio
import time
from pathlib import Path

import pytest

from config import schema
from proxy.model.audit import AuditQuery
from proxy.services.lockout import Lockout
from proxy.store import Store
from tests.peers.state import open_store
from tests.proxy.cli.conftest import Run

GUESSER = "2001:db8::7"


def _fail(site: Path) -> None:
    """As a gateway that runs beside the command line."""

    async def fail() -> None:
        async with open_store(site / "var") as store:
            lockout = _lockout(store)
            account = await lockout.account_of("ada")
            for number in range(60):
                await lockout.settle(f"name {number}", GUESSER, right=False)
            for _ in range(10):
                await lockout.settle(account, "192.0.2.1", right=False)

    asyncio.run(fail())


def _lockout(store: Store) -> Lockout:
    return Lockout(store.database, store.shared, schema.Lockout, time.time)


def _events(site: Path, name: str) -> int:
    async def count() -> int:
        async with open_store(site / "var") as store:
            return (await store.database.events(AuditQuery(events=(name,)))).total

    return asyncio.run(count())


@pytest.fixture(autouse=True)
def applied(run: Run) -> None:
    assert run("apply").exit_code == 0


def test_nothing_is_refused_at_first(run: Run) -> None:
    assert run("bans", "list").stdout == "Nobody is locked, and no address is banned.\n"


def test_what_is_refused_is_listed_and_can_be_lifted(run: Run, site: Path) -> None:
    _fail(site)
    listed = run("bans", "list").stdout
    assert [line.split()[:3] for line in listed.splitlines()[1:]] == [
        ["account", "ada", "elsewhere"],
        ["address", "2001:db8::/64", "everywhere"],
    ]
    assert run("bans", "lift", "ADA").stdout == "ada may log in again.\n"
    assert run("bans", "lift", GUESSER).stdout == f"{GUESSER} may try again.\n"
    assert run("bans", "lift", GUESSER).stdout == f"{GUESSER} was not banned.\n"
    assert run("bans", "list").stdout.startswith("Nobody")
    assert [_events(site, name) for name in ("user.unlocked", "platform.address.unbanned")] == [1, 1]


def test_who_is_nobody_is_told(run: Run) -> None:
    result = run("bans", "lift", "nobody-at-all")
    assert (result.exit_code, "There is no user nobody-at-all" in result.stderr) == (1, True)
