"""Events leave the gateway at least once, in order, whatever goes away in between."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from proxy.model.audit import Event, Recorded
from proxy.services.audit_export import TURN, Forwarder, SinkGone
from proxy.services.clock import Clock
from proxy.store import Store
from tests.peers.changes import DEADLINE
from tests.peers.state import open_store
from tests.proxy.app.house import until


@dataclass(slots=True)
class Time:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class Archive:
    """A sink; while it is away nothing arrives."""

    name: str = "archive"
    batch: int = 3
    away: bool = False
    hangs: bool = False
    got: list[int] = field(default_factory=list)

    async def send(self, events: Sequence[Recorded]) -> None:
        if self.away:
            raise SinkGone("away")
        self.got += [each.id for each in events]
        if self.hangs:
            await asyncio.Event().wait()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "var") as opened:
        yield opened


def forwarder(store: Store, sink: Archive, time: Time | None = None, me: str = "one") -> Forwarder:
    clock = Clock() if time is None else Clock(wall=time)
    return Forwarder(sink, store.database, store.shared, clock=clock, me=me, jitter=lambda: 0.0)


async def write(store: Store, count: int, at: float = 1.0) -> None:
    await store.database.record(*(Event(event="account.login", at=at + number) for number in range(count)))


@asynccontextmanager
async def running(*forwarders: Forwarder) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each.run()) for each in forwarders]
    try:
        yield
    finally:
        for each in forwarders:
            each.stop()
        async with asyncio.timeout(DEADLINE):
            await asyncio.gather(*tasks)


async def test_every_event_arrives_once_and_in_order_also_after_a_restart(store: Store) -> None:
    sink = Archive()
    await write(store, 8)

    async def all_there() -> bool:
        return len(sink.got) >= 8

    async with running(forwarder(store, sink)):
        await until(all_there)
    await write(store, 1)

    async def one_more() -> bool:
        return len(sink.got) >= 9

    async with running(forwarder(store, sink, me="after a restart")):
        await until(one_more)
    assert sink.got == list(range(1, 10))


async def test_a_sink_that_was_away_gets_all_of_it_when_it_is_back(store: Store) -> None:
    sink = Archive(away=True)
    passing = forwarder(store, sink)
    await write(store, 4)

    async def failed() -> bool:
        return passing.failures > 0

    async def all_there() -> bool:
        return len(sink.got) >= 4

    async with running(passing):
        await until(failed)
        assert passing.lag > 0
        sink.away = False
        await until(all_there)
    assert sink.got == [1, 2, 3, 4]
    assert (passing.failures, passing.lag, passing.passed_on) == (0, 0, 4)


async def test_what_was_sent_when_the_process_was_killed_is_sent_again(store: Store) -> None:
    """Between the sink's taking and the position's moving; nothing is lost, some may arrive twice."""
    sink = Archive(hangs=True)
    await write(store, 4)
    killed = asyncio.create_task(forwarder(store, sink).pass_on())

    async def taken() -> bool:
        return sink.got == [1, 2, 3]

    await until(taken)
    killed.cancel()
    await asyncio.wait([killed])
    sink.hangs = False
    after = forwarder(store, sink, me="after the kill")
    while await after.pass_on():
        pass
    assert sink.got == [1, 2, 3, 1, 2, 3, 4]


async def test_of_several_processes_one_passes_events_on(store: Store) -> None:
    sink = Archive(batch=1)
    await write(store, 20)
    both = [forwarder(store, sink, me="one"), forwarder(store, sink, me="two")]

    async def all_there() -> bool:
        return len(sink.got) >= 20

    async with running(*both):
        await until(all_there)
    assert sink.got == list(range(1, 21))
    assert sorted(each.passed_on for each in both) == [0, 20]


async def test_another_process_goes_on_soon_after_one_was_killed(store: Store) -> None:
    sink, time = Archive(), Time()
    killed, other = forwarder(store, sink, time, "killed"), forwarder(store, sink, time, "other")
    await write(store, 1)
    assert await killed._round()
    await write(store, 1)
    assert not await other._round(), "it is not its turn"
    time.now += TURN
    assert await other._round(), "the turn of the killed one is over"
    assert sink.got == [1, 2]
    assert not await killed._round(), "it was not killed after all, but its turn is over"


async def test_attempts_become_rarer_up_to_a_minute(store: Store) -> None:
    sink, pauses = Archive(away=True), []
    passing = forwarder(store, sink)
    await write(store, 1)
    for _ in range(10):
        await passing._round()
        pauses.append(passing._pause())
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30]
