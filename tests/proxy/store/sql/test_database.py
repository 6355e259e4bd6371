"""The record of what happened is written with the change, or neither is."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from proxy.model.audit import Event
from proxy.model.identity import UserState
from proxy.store import Conflict, Dangling
from proxy.store.sql import FILE, open_store
from tests.conformance.things import EVENT, put

FULL_EVENT = Event(
    event="user.created",
    at=12.5,
    actor="ada",
    actor_name="Ada",
    source="cli",
    address="192.0.2.7",
    scope_kind="user",
    scope_id="vic",
    body={"username": "vic", "roles": {"acme": "owner"}},
)


def recorded(directory: Path) -> list[Event]:
    with closing(sqlite3.connect(directory / FILE)) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("SELECT * FROM audit_event ORDER BY id")]
    return [
        Event(**{name: row[name] for name in row if name not in {"id", "body"}}, body=json.loads(row["body"]))
        for row in rows
    ]


async def test_events_are_recorded_with_the_edit_in_their_order(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        await store.database.edit([put("ada")], [FULL_EVENT, EVENT])
        await store.database.record(EVENT)
        await store.database.set_password("ada", "hash", FULL_EVENT)
        await store.database.set_state("ada", UserState.SUSPENDED, EVENT)
    assert recorded(tmp_path) == [FULL_EVENT, EVENT, EVENT, FULL_EVENT, EVENT]


async def test_a_refused_change_is_not_recorded(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        with pytest.raises(Conflict):
            await store.database.edit([put("ada"), put("ADA")], [EVENT])
        with pytest.raises(Dangling):
            await store.database.set_state("ada", UserState.ACTIVE, EVENT)
    assert recorded(tmp_path) == []
