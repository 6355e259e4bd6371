"""The record of what happened is written with the change, or neither is."""

from dataclasses import replace
from pathlib import Path

import pytest

from proxy.model.audit import Event, Update
from proxy.store import Conflict, Store
from proxy.store.chain import GENESIS, verify
from tests.conformance.things import EVENT, put
from tests.peers.state import open_store

FULL_EVENT = Event(
    event="user.created",
    at=12.5,
    actor="ada",
    actor_name="Ada",
    source="cli",
    token="t1",
    address="192.0.2.7",
    scope_kind="user",
    scope_id="vic",
    within=("vic", "acme"),
    user="vic",
    error="conflict",
    updates=(Update(key="admin", old=False, new=True), Update(key="tags", new={"a": ["b"]})),
    body={"username": "vic", "roles": {"acme": "owner"}},
)


async def recorded(store: Store) -> list[Event]:
    rows = await store.database.events_after(0, 100)
    assert verify(rows, GENESIS) is None
    return [row.event for row in rows]


async def test_events_are_recorded_with_the_edit_in_their_order(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        await store.database.edit([put("ada")], [FULL_EVENT, EVENT])
        await store.database.record(EVENT, FULL_EVENT)
        await store.database.set_password("ada", "hash", FULL_EVENT)
        await store.database.expire_password("ada", EVENT, set_before=100.0)
        assert await recorded(store) == [FULL_EVENT, EVENT, EVENT, FULL_EVENT, FULL_EVENT, EVENT]


async def test_a_refused_change_is_not_recorded(tmp_path: Path) -> None:
    async with open_store(tmp_path) as store:
        with pytest.raises(Conflict):
            await store.database.edit([put("ada"), put("ADA")], [EVENT])
        assert not await store.database.expire_password("ada", EVENT, set_before=100.0)
        assert await recorded(store) == []


async def test_what_no_database_can_hold_is_recorded_as_far_as_it_can(tmp_path: Path) -> None:
    """A visitor's words must not keep an event from being recorded, nor break the chain."""
    odd = {"name": "a\0b\ud800", "far": float("nan"), "huge": 2**70, "roles": frozenset({"x"}), "when": object}
    async with open_store(tmp_path) as store:
        await store.database.record(replace(EVENT, actor_name="\0", body=odd, updates=(Update(key="\0", new="\0"),)))
        [event] = await recorded(store)
    assert event.actor_name == "\ufffd"
    assert event.body["name"] == "a\ufffdb?"
    assert event.body["roles"] == ["x"]
