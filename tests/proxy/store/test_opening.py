"""The stores that a configuration names, opened as the gateway opens them."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from config.schema import State
from proxy.store import StoreUnavailable, Subject
from proxy.store.memory import LocalBus
from proxy.store.opening import held, open_state
from proxy.store.redis import RedisBus, RedisShared
from proxy.store.sql.copying import connect
from proxy.store.sql.holding import InUse
from tests.conformance.things import cookie, put, session
from tests.conftest import Needs
from tests.peers.ports import free_port
from tests.peers.postgresql import Postgresql
from tests.peers.redis import single


def state(directory: Path, **settings: str) -> State:
    return State.model_validate({"directory": directory, **settings})


async def test_by_default_everything_is_in_one_sqlite_file(tmp_path: Path) -> None:
    async with open_state(state(tmp_path)) as store:
        await store.database.edit([put("ada")], [])
        await store.shared.create_session(session("s1"), cookie("home"), "home.example")
        assert isinstance(store.bus, LocalBus)
    async with open_state(state(tmp_path)) as store:
        assert await store.shared.session(cookie("home")) is not None
    assert (tmp_path / "flowward.sqlite").is_file()


async def test_sessions_of_an_embedded_shared_are_in_postgresql_as_well(
    postgresql_server: Postgresql, tmp_path: Path
) -> None:
    url = postgresql_server.url(await postgresql_server.new_database())
    async with open_state(state(tmp_path, database=url)) as store, open_state(state(tmp_path, database=url)) as other:
        await store.shared.create_session(session("s1"), cookie("home"), "home.example")
        assert await other.shared.session(cookie("home")) is not None
    assert not (tmp_path / "flowward.sqlite").exists()


async def test_with_redis_the_end_of_a_session_is_told_by_the_database_too(needs: Needs, tmp_path: Path) -> None:
    """So a process that cannot ask Redis honours it."""
    needs("redis-server")
    with single(tmp_path) as server:
        where = state(tmp_path / "var", shared=f"redis://127.0.0.1:{server.port}")
        async with open_state(where) as store:
            assert isinstance(store.shared, RedisShared)
            assert isinstance(store.bus, RedisBus)
            lasting = replace(session("s1"), expires=time.time() + 3600)
            await store.shared.create_session(lasting, cookie("home"), "home.example")
            await store.shared.end_session("s1")
            (change,) = await store.database.changes(0)
            assert (change.subject, change.id) == (Subject.SESSION, "s1")


async def test_in_process_state_is_held_by_one_gateway_and_what_is_in_redis_by_all_that_share_it(
    database: str, tmp_path: Path
) -> None:
    alone = state(tmp_path, database=database, timeout="1s")
    several = state(tmp_path, database=database, timeout="1s", shared="redis://:hidden@127.0.0.1/1")
    setting = "state.directory: /" if database == "sqlite" else "state.database: postgresql://"
    async with held(alone):
        for refused, told in (
            (alone, "is in use by another gateway or by flowward state copy, and state.shared is embedded"),
            (several, "Stop it first, or set its state.shared to redis://:***@127.0.0.1:6379/1, as here."),
        ):
            with pytest.raises(InUse) as refusal:
                async with held(refused):
                    pass
            assert str(refusal.value).startswith(setting)
            assert told in str(refusal.value)
    async with held(several), held(several):
        with pytest.raises(InUse, match=r"Stop the other one first, or set state\.shared of both to a Redis"):
            async with held(alone):
                pass


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return "sqlite"
    server: Postgresql = request.getfixturevalue("postgresql_server")
    return server.url(await server.new_database())


async def test_whoever_waits_does_so_as_long_as_state_timeout_says(database: str, tmp_path: Path) -> None:
    hasty, patient = (state(tmp_path, database=database, timeout=timeout) for timeout in ("3s", "30s"))
    place = tmp_path if database == "sqlite" else database
    async with open_state(hasty) as store, open_state(patient) as other, connect(place) as third:
        async with third.writing(60.0):
            waiting = asyncio.create_task(other.database.edit([put("vic")], []))
            with pytest.raises(StoreUnavailable):
                await store.database.edit([put("ada")], [])
            assert not waiting.done()
        await waiting


async def test_a_redis_that_is_not_there_stops_the_start_and_is_named(tmp_path: Path) -> None:
    where = state(tmp_path, shared=f"redis://:hidden@127.0.0.1:{free_port()}")
    with pytest.raises(StoreUnavailable, match=r"^state\.shared: redis://:\*\*\*@127\.0\.0\.1:\d+ cannot be used"):
        async with open_state(where):
            pass
