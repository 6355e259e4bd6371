"""Trouble with the server is told as such, in time, and is over when the server is back."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from proxy.store import Store, StoreUnavailable
from proxy.store.sql import open_postgresql
from tests.conformance.things import EVENT, put
from tests.peers import postgresql
from tests.peers.changes import DEADLINE, promised
from tests.peers.faults import Link, faults
from tests.peers.postgresql import Postgresql


@pytest.fixture
async def url(postgresql_server: Postgresql) -> str:
    """An empty database."""
    return postgresql_server.url(await postgresql_server.new_database())


@pytest.fixture
def own_server(postgresql_server: Postgresql) -> Iterator[Postgresql]:
    """A server that a test may stop."""
    with postgresql.postgresql(postgresql_server.programs) as server:
        yield server


@pytest.fixture
async def wire(postgresql_server: Postgresql) -> AsyncIterator[Link]:
    async with faults("127.0.0.1", postgresql_server.port) as opened:
        yield opened


async def refused(store: Store) -> None:
    async with promised(3.5):
        with pytest.raises(StoreUnavailable):
            await store.database.edit([put("nobody")], [EVENT])
        with pytest.raises(StoreUnavailable):
            await store.database.version()


async def answered(store: Store) -> None:
    """Within five seconds."""
    async with promised(5):
        while True:
            try:
                await store.database.version()
            except StoreUnavailable:
                await asyncio.sleep(0.05)
            else:
                return


async def somebody_waits(connection: asyncpg.Connection) -> None:
    """Until somebody waits for a lock."""
    async with asyncio.timeout(DEADLINE):
        while True:
            if await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                return
            await asyncio.sleep(0.01)


async def test_many_may_open_a_new_store_at_once(url: str) -> None:
    async def add(name: str) -> None:
        async with open_postgresql(url) as store:
            await store.database.edit([put(name)], [EVENT])

    await asyncio.gather(*(add(f"user {n}") for n in range(4)))
    async with open_postgresql(url) as store:
        assert len(await store.database.users()) == 4


async def test_a_server_that_stops_is_told_at_once_and_missed_no_longer_than_it_is_away(
    own_server: Postgresql,
) -> None:
    async with open_postgresql(own_server.url()) as store:
        await store.database.edit([put("ada")], [EVENT])
        own_server.stop()
        await refused(store)
        await asyncio.to_thread(own_server.start)
        await answered(store)
        await store.database.edit([put("vic")], [EVENT])
        assert [user.id for user in await store.database.users()] == ["ada", "vic"]


async def test_a_restart_in_between_is_not_noticed(own_server: Postgresql) -> None:
    async with open_postgresql(own_server.url()) as store:
        await asyncio.gather(*(store.database.version() for _ in range(5)))
        own_server.stop(signal.SIGINT)
        await asyncio.to_thread(own_server.start)
        await asyncio.gather(*(store.database.edit([put(f"user {n}")], [EVENT]) for n in range(5)))


async def test_a_network_that_swallows_everything_is_told_in_time(
    postgresql_server: Postgresql, url: str, wire: Link
) -> None:
    name = url.rpartition("/")[2].partition("?")[0]
    async with open_postgresql(postgresql_server.url(name, port=wire.port)) as store:
        await store.database.edit([put("ada")], [EVENT])
        wire.black_hole = True
        async with promised(3.5):
            with pytest.raises(StoreUnavailable, match="in time"):
                await store.database.edit([put("vic")], [EVENT])
        wire.black_hole = False
        await answered(store)
        await store.database.edit([put("max")], [EVENT])
        assert {user.id for user in await store.database.users()} == {"ada", "max"}


async def test_a_write_that_cannot_get_its_turn_is_refused_in_time(url: str) -> None:
    async with open_postgresql(url) as store:
        stranger = await asyncpg.connect(url)
        await stranger.execute("BEGIN; SELECT pg_advisory_xact_lock(7031001)")
        async with promised(3.5):
            with pytest.raises(StoreUnavailable, match=r"lock timeout|in time"):
                await store.database.edit([put("ada")], [EVENT])
            assert await store.database.person("ada") is None  # reading goes on
        await stranger.execute("ROLLBACK")
        await stranger.close()
        await store.database.edit([put("ada")], [EVENT])


async def test_a_cancelled_write_leaves_nothing_behind(url: str) -> None:
    async with open_postgresql(url) as store:
        stranger = await asyncpg.connect(url)
        await stranger.execute("BEGIN; SELECT pg_advisory_xact_lock(7031001)")
        writing = asyncio.create_task(store.database.edit([put("ada")], []))
        await somebody_waits(stranger)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        await stranger.execute("ROLLBACK")
        await stranger.close()
        await store.database.edit([put("vic")], [])
        assert [user.id for user in await store.database.users()] == ["vic"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("/test", "/nowhere"), "does not exist"),
        (("flowward@", "stranger:sesame@"), "stranger"),
        (("sslmode=disable", "sslmode=require"), "SSL"),
        (("sslmode=disable", "sslmode=odd"), "sslmode"),
    ],
)
async def test_a_database_that_cannot_be_opened_is_refused_at_start_without_its_password(
    url: str, change: tuple[str, str], told: str
) -> None:
    with pytest.raises(StoreUnavailable, match=told) as refusal:
        async with open_postgresql(url.replace(*change)):
            pass
    assert "sesame" not in str(refusal.value)
