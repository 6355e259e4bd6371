"""Events that nobody waits for: in order, many at once, and none forgotten because the store is away for a while."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from proxy.inspection.notes import Notes
from proxy.model.audit import AuditQuery, Event
from proxy.store import Database
from tests.peers.changes import DEADLINE, Changes
from tests.peers.state import open_store


class Counting:
    """Records in the store, and tells how many at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.turns: list[int] = []
        self.changes = Changes()

    async def record(self, *events: Event) -> None:
        await self._database.record(*events)
        self.turns.append(len(events))
        self.changes.told()


def event(number: int) -> Event:
    return Event(event="editor.opened", at=float(number))


async def recorded(database: Database) -> Sequence[float]:
    page = await database.events(AuditQuery(limit=1000))
    return [each.event.at for each in reversed(page.items)]


async def test_many_are_written_at_once_and_in_order(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        counting = Counting(store.database)
        notes = Notes(counting.record)
        for number in range(500):
            notes.note(event(number))
        await counting.changes.until(lambda: sum(counting.turns) == 500)
        assert len(counting.turns) <= 4
        assert await recorded(store.database) == list(range(500))
        notes.note(event(500))
        await counting.changes.until(lambda: sum(counting.turns) == 501)
        await notes.close()


async def test_what_waits_is_written_at_the_end(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        notes = Notes(store.database.record)
        notes.note(event(1))
        await notes.close()
        assert await recorded(store.database) == [1.0]
        await notes.close()


async def test_they_wait_while_the_store_is_away(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        counting = Counting(store.database)
        notes = Notes(counting.record)
        with closing(sqlite3.connect(tmp_path / "flowward.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            notes.note(event(1))
            await asyncio.sleep(0)
            notes.note(event(2))
            other.execute("COMMIT")
        await counting.changes.until(lambda: sum(counting.turns) == 2)
        assert await recorded(store.database) == [1.0, 2.0]
        await notes.close()


async def test_a_gateway_that_ends_does_not_wait_for_a_store_that_is_away(tmp_path: Path) -> None:
    async with open_store(tmp_path, patience=3.0) as store:
        notes = Notes(store.database.record)
        with closing(sqlite3.connect(tmp_path / "flowward.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            notes.note(event(1))
            async with asyncio.timeout(DEADLINE):
                await notes.close()
        assert await recorded(store.database) == []
