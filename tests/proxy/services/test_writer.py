"""Changes that are decided while others write, on a real store."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.model.directory import Space, SpaceKind
from proxy.model.identity import Actor, Person, User, UserState
from proxy.services.snapshot import Snapshot
from proxy.services.writer import ActorGone, Moment, Step, Writer
from proxy.store import PutPerson, Store
from tests.peers.state import open_store

ADA = Person(user=User(id="ada", username="ada", email="", name="Ada", admin=True), memberships={})


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as opened:
        await opened.database.edit([PutPerson(person=ADA)], [])
        yield opened


@pytest.fixture
async def writer(store: Store) -> Writer:
    snapshot = Snapshot(store.database, await store.database.estate())
    return Writer(
        database=store.database, shared=store.shared, snapshot=snapshot, now=lambda: 1_800_000_000.0, wake=lambda: None
    )


def step(moment: Moment, slug: str) -> Step[int]:
    """A new space; the result is how many there were."""
    space = Space(id=slug, kind=SpaceKind.TEAM, slug=slug, title=slug)
    return Step(result=len(moment.estate.spaces), edits=[space])


async def test_who_was_too_late_decides_again_on_what_is_there_then(writer: Writer, store: Store) -> None:
    seen: list[int] = []

    async def late(moment: Moment) -> Step[int]:
        seen.append(len(moment.estate.spaces))
        if len(seen) == 1:
            await store.database.edit(step(moment, "other").edits, [])
        return step(moment, "mine")

    assert await writer.write(Actor(person=ADA), late) == 1
    assert seen == [0, 1]


async def test_who_takes_long_to_decide_is_too_late_only_once(writer: Writer, store: Store) -> None:
    """Others of the same process wait then, however quick they are."""
    calls = 0
    quick_ones: list[asyncio.Task[int]] = []

    async def slow(moment: Moment) -> Step[int]:
        nonlocal calls
        calls += 1
        decided = asyncio.Event()

        async def quick(moment: Moment) -> Step[int]:
            decided.set()
            return step(moment, f"quick-{calls}")

        quick_ones.append(asyncio.create_task(writer.write(Actor(person=ADA), quick)))
        await (quick_ones[0] if calls == 1 else decided.wait())
        return step(moment, "slow")

    assert await writer.write(Actor(person=ADA), slow) == 1
    assert calls == 2
    assert [await each for each in quick_ones] == [0, 2]
    assert set((await store.database.estate()).spaces) == {"quick-1", "slow", "quick-2"}


async def test_nobody_writes_who_was_suspended_meanwhile(writer: Writer, store: Store) -> None:
    async def late(moment: Moment) -> Step[int]:
        gone = User(id="ada", username="ada", email="", name="Ada", state=UserState.SUSPENDED)
        await store.database.edit([PutPerson(person=Person(user=gone, memberships={}))], [])
        return step(moment, "mine")

    with pytest.raises(ActorGone):
        await writer.write(Actor(person=ADA), late)
    assert not (await store.database.estate()).spaces
