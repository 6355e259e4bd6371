"""Intents without an outcome, and forgetting, on a real store."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.model.audit import AuditQuery, Event, Phase
from proxy.services.audit_chain import verify_log
from proxy.services.audit_refusals import Refusals
from proxy.services.audit_upkeep import DAY, Upkeep
from proxy.services.traffic import Traffic
from proxy.store import Database
from tests.peers.state import open_store

NOW = 1_800_000_000.0
INTENT = Event(
    event="flows.set", at=NOW - 100, actor="u-ada", actor_name="ada", scope_kind="instance", scope_id="r", within=("r",)
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_store(tmp_path) as opened:
        yield opened.database


@pytest.fixture
def upkeep(database: Database) -> Upkeep:
    return Upkeep(database=database, refusals=Refusals(Traffic(), lambda _: None), now=lambda: NOW, retention=DAY)


async def outcomes(database: Database) -> list[Event]:
    found = await database.events(AuditQuery(phases=frozenset({Phase.OUTCOME})))
    return [each.event for each in found.items]


async def test_what_was_begun_and_never_finished_has_an_unknown_outcome(database: Database, upkeep: Upkeep) -> None:
    late = await database.begin(INTENT, NOW - 1)
    await database.begin(INTENT, NOW + 60)
    await upkeep.conclude()
    await upkeep.conclude()
    [outcome] = await outcomes(database)
    assert (outcome.event, outcome.intent, outcome.error) == ("flows.set", late, "unknown")
    assert (outcome.source, outcome.actor_name, outcome.within, outcome.at) == ("gateway", "ada", ("r",), NOW)


async def test_whoever_is_alone_says_at_once_that_what_was_left_unfinished_is_unknown(
    database: Database, upkeep: Upkeep
) -> None:
    """A process that is gone finishes nothing; with replicas, another one may."""
    number = await database.begin(INTENT, NOW + 600)
    await upkeep.begin()
    assert await outcomes(database) == []
    await replace(upkeep, alone=True).begin()
    assert [(outcome.intent, outcome.error) for outcome in await outcomes(database)] == [(number, "unknown")]


async def test_what_was_finished_in_time_is_left_alone(database: Database, upkeep: Upkeep) -> None:
    number = await database.begin(INTENT, NOW - 1)
    await database.finish(replace(INTENT, phase=Phase.OUTCOME, intent=number))
    await upkeep.conclude()
    assert [outcome.error for outcome in await outcomes(database)] == [""]


async def write(database: Database, *ages: float) -> None:
    await database.record(*(Event(event="account.login", at=NOW - age) for age in ages))


async def names(database: Database) -> list[str]:
    return [each.event.event for each in (await database.events(AuditQuery())).items]


async def test_events_are_forgotten_at_the_age_that_is_set_and_that_is_an_event(
    database: Database, upkeep: Upkeep
) -> None:
    await write(database, 3 * DAY, 2 * DAY, DAY / 2)
    await upkeep.prune()
    await upkeep.prune()
    assert await names(database) == ["audit.pruned", "account.login"], "pruning nothing is no event"
    told = (await database.events(AuditQuery(events=("audit.pruned",)))).items[0].event
    assert (told.body["count"], told.body["last"], told.source) == (2, 2, "gateway")
    assert (await verify_log(database)).broken is None


async def test_by_default_nothing_is_forgotten(database: Database, upkeep: Upkeep) -> None:
    await write(database, 9999 * DAY)
    await replace(upkeep, retention=0.0).prune()
    assert await names(database) == ["account.login"]


async def test_what_a_sink_has_not_taken_yet_is_not_forgotten(database: Database, upkeep: Upkeep) -> None:
    await write(database, 4 * DAY, 3 * DAY, 2 * DAY)
    await database.advance("webhook", 1)
    await database.advance("syslog", 2)
    await replace(upkeep, readers=("webhook", "syslog")).prune()
    assert [each.id for each in (await database.events(AuditQuery(events=("account.login",)))).items] == [3, 2]
    await database.advance("webhook", 3)
    await database.advance("syslog", 3)
    await replace(upkeep, readers=("webhook", "syslog")).prune()
    assert set(await names(database)) == {"audit.pruned"}
    assert (await verify_log(database)).broken is None
