"""What every Database promises about the audit log."""

import asyncio
from dataclasses import replace

import pytest

from proxy.model.audit import AuditQuery, Event, Phase, Recorded, Update
from proxy.services.audit_chain import verify_log
from proxy.services.audit_refusals import Refusals
from proxy.services.audit_upkeep import Upkeep
from proxy.services.traffic import Traffic
from proxy.store import Database, Store
from proxy.store.chain import GENESIS, PRUNED, beginning, verify
from proxy.store.sql.database import FORGOTTEN_AT_ONCE
from tests.conformance.things import put
from tests.peers.changes import DEADLINE

EVENT = Event(event="account.login", at=100.0, actor="ada", actor_name="Ada")
PRUNING = Event(event=PRUNED, at=1_000.0, source="gateway")


def at(*times: float) -> list[Event]:
    return [replace(EVENT, at=time) for time in times]


async def numbers(database: Database, query: AuditQuery) -> list[int]:
    return [each.id for each in (await database.events(query)).items]


async def chain(database: Database) -> list[Recorded]:
    """All that is kept, once it has been verified."""
    rows = list(await database.events_after(0, 10_000))
    pruned = [row.event for row in rows if row.event.event == PRUNED]
    assert verify(rows, beginning(pruned[-1] if pruned else None)) is None
    return rows


async def test_events_are_numbered_without_a_gap_and_chained_whoever_writes(store: Store, other: Store) -> None:
    writers = [(store, other)[n % 2].database for n in range(20)]
    await asyncio.gather(*(writer.record(*at(n, n)) for n, writer in enumerate(writers)))
    await asyncio.gather(*(writer.edit([put(f"user {n}")], at(n)) for n, writer in enumerate(writers)))
    assert [row.id for row in await chain(store.database)] == list(range(1, 61))


async def test_events_are_read_on_from_any_number(database: Database) -> None:
    await database.record(*at(1, 2, 3, 4))
    assert [row.event.at for row in await database.events_after(1, 2)] == [2.0, 3.0]
    assert await database.events_after(4, 10) == []


async def test_events_are_found_by_what_they_tell(database: Database) -> None:
    await database.record(
        EVENT,
        replace(EVENT, event="user.deleted", actor_name="Vic", body={"username": "Ölaf"}),
        replace(EVENT, event="team.updated", updates=(Update(key="title", old="North_1", new="South"),)),
        replace(EVENT, error="credentials_wrong", address="192.0.2.7"),
    )
    assert await numbers(database, AuditQuery()) == [4, 3, 2, 1]
    assert await numbers(database, AuditQuery(events=("user.deleted", "team.updated"))) == [3, 2]
    assert await numbers(database, AuditQuery(actor="ADA")) == [4, 3, 1]
    assert await numbers(database, AuditQuery(text="öLAF")) == [2]
    assert await numbers(database, AuditQuery(text="north_1")) == [3]
    assert await numbers(database, AuditQuery(text="north%")) == []
    assert await numbers(database, AuditQuery(text="credentials")) == [4]
    assert await numbers(database, AuditQuery(text="DELETED", actor="ada")) == []


async def test_events_are_found_by_when_they_happened(database: Database) -> None:
    await database.record(*at(10, 20, 30))
    assert await numbers(database, AuditQuery(since=20)) == [3, 2]
    assert await numbers(database, AuditQuery(until=20)) == [1]


async def test_events_are_found_by_where_they_happened_and_below(database: Database) -> None:
    await database.record(
        replace(EVENT, scope_kind="space", scope_id="acme", within=("acme",)),
        replace(EVENT, scope_kind="instance", scope_id="line", within=("line", "plant", "acme")),
        replace(EVENT, scope_kind="space", scope_id="other", within=("other",)),
        EVENT,
    )
    assert await numbers(database, AuditQuery(scope="acme")) == [2, 1]
    assert await numbers(database, AuditQuery(scope="acme", children=False)) == [1]
    assert await numbers(database, AuditQuery(hidden=frozenset({"plant", "other"}))) == [4, 1]
    assert await numbers(database, AuditQuery(scope="acme", hidden=frozenset({"line"}))) == [1]


@pytest.mark.parametrize("limit", [1, 2, 7])
async def test_pages_hold_every_event_once_and_say_how_many_there_are(database: Database, limit: int) -> None:
    await database.record(*at(*range(7)))
    found: list[int] = []
    query = AuditQuery(limit=limit)
    while True:
        page = await database.events(query)
        assert page.total == 7
        found += [each.id for each in page.items]
        if not page.more:
            break
        assert len(page.items) == limit
        query = replace(query, before=found[-1])
    assert found == [7, 6, 5, 4, 3, 2, 1]


async def test_an_intent_is_open_until_its_outcome_and_twice_is_once(database: Database) -> None:
    number = await database.begin(EVENT, until=200.0)
    assert await database.unfinished(199.9) == []
    [late] = await database.unfinished(200.0)
    assert (late.id, late.event) == (number, replace(EVENT, phase=Phase.INTENT))
    outcome = replace(EVENT, at=150.0, intent=number, error="refused")
    await database.finish(outcome)
    await database.finish(outcome)
    assert await database.unfinished(1_000.0) == []
    assert [row.event for row in await chain(database)][1:] == [replace(outcome, phase=Phase.OUTCOME)]


async def test_of_many_who_finish_one_intent_exactly_one_is_recorded(store: Store, other: Store) -> None:
    number = await store.database.begin(EVENT, until=200.0)
    outcome = replace(EVENT, intent=number)
    await asyncio.gather(*((store, other)[n % 2].database.finish(outcome) for n in range(10)))
    assert len(await chain(store.database)) == 2


async def test_pruning_keeps_the_chain_verifiable_and_says_what_it_did(database: Database) -> None:
    await database.record(*at(10, 20, 30, 40))
    before = await chain(database)
    assert await database.prune_events(30.0, PRUNING) == 2
    rows = await chain(database)
    assert [row.id for row in rows] == [3, 4, 5]
    assert rows[-1].event.body == {"count": 2, "last": 2, "hash": before[1].hash}
    assert await database.prune_events(35.0, replace(PRUNING, at=1_001.0)) == 1
    assert [row.id for row in await chain(database)] == [4, 5, 6]


async def test_very_much_is_forgotten_some_at_a_time_and_others_write_in_between(store: Store, other: Store) -> None:
    await store.database.record(*at(*[10.0] * (2 * FORGOTTEN_AT_ONCE + 1)))
    for gone in (FORGOTTEN_AT_ONCE, FORGOTTEN_AT_ONCE, 1, 0):
        assert await store.database.prune_events(30.0, PRUNING) == gone
        assert (await verify_log(other.database)).broken is None
        await other.database.record(EVENT)
    events = [row.event for row in await chain(store.database)]
    assert [event.body["count"] for event in events if event.event == PRUNED] == [FORGOTTEN_AT_ONCE] * 2 + [1]
    assert events.count(EVENT) == 4


async def test_forgetting_that_is_interrupted_leaves_a_sound_log_and_goes_on_later(store: Store, other: Store) -> None:
    await store.database.record(*at(*[10.0] * (3 * FORGOTTEN_AT_ONCE)), EVENT)
    upkeep = Upkeep(
        database=store.database, refusals=Refusals(Traffic(), lambda _: None), now=lambda: 1_000.0, retention=900.0
    )
    forgetting = asyncio.create_task(upkeep.prune())
    async with asyncio.timeout(DEADLINE):
        while not (await other.database.events(AuditQuery(events=(PRUNED,)))).items:
            await other.database.record(EVENT)
    forgetting.cancel()
    await asyncio.wait([forgetting])
    assert (await verify_log(other.database)).broken is None
    await upkeep.prune()
    assert {row.event.at for row in await chain(other.database)} == {EVENT.at, 1_000.0}
    assert (await verify_log(other.database)).broken is None


async def test_nothing_to_forget_is_not_recorded(database: Database) -> None:
    assert await database.prune_events(10.0, PRUNING) == 0
    await database.record(*at(10))
    assert await database.prune_events(10.0, PRUNING) == 0
    assert len(await chain(database)) == 1


async def test_an_old_event_behind_a_younger_one_is_kept_until_that_one_goes(database: Database) -> None:
    """Clocks of several processes differ; the chain has no holes."""
    await database.record(*at(10, 50, 20))
    assert await database.prune_events(30.0, PRUNING) == 1
    assert [row.id for row in await chain(database)] == [2, 3, 4]


async def test_all_events_can_be_forgotten_but_that_they_were(database: Database) -> None:
    await database.record(*at(10, 20))
    assert await database.prune_events(500.0, PRUNING) == 2
    assert [row.id for row in await chain(database)] == [3]
    await database.record(EVENT)
    assert [row.id for row in await chain(database)] == [3, 4]


async def test_what_was_forgotten_is_not_found_any_more(database: Database) -> None:
    await database.record(replace(EVENT, within=("acme",)))
    await database.begin(replace(EVENT, within=("acme",)), until=0.0)
    await database.prune_events(500.0, PRUNING)
    assert await numbers(database, AuditQuery(scope="acme")) == []
    assert await database.unfinished(1_000.0) == []


async def test_a_reader_goes_on_where_it_was(database: Database) -> None:
    assert await database.position("syslog") == 0
    await database.advance("syslog", 7)
    await database.advance("webhook", 3)
    await database.advance("syslog", 9)
    assert (await database.position("syslog"), await database.position("webhook")) == (9, 3)


async def test_a_row_changed_behind_the_programs_back_is_found(database: Database) -> None:
    await database.record(*at(10, 20, 30))
    rows = list(await database.events_after(0, 10))
    rows[1] = replace(rows[1], event=replace(rows[1].event, actor_name="Eve"))
    found = verify(rows, GENESIS)
    assert found is not None
    assert found.id == 2
