"""Every implementation of the store, so that one suite holds for all of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial

import pytest

from proxy.store import Database, Shared, Store
from tests.conformance.things import opened
from tests.conftest import Needs
from tests.peers.postgresql import Postgresql
from tests.peers.redis import RedisServer, address_of, address_of_cluster, cluster, single
from tests.peers.state import open_postgresql, open_redis

NOW = 100.0
"""What the clock of these stores says: the times in the tests are small numbers."""

Opener = Callable[[], AbstractAsyncContextManager[Store]]
"""Opens the same state each time, as another process would."""


@pytest.fixture(scope="session")
def template(postgresql_server: Postgresql) -> str:
    """The name of a database with our tables and nothing in them."""

    async def make() -> str:
        name = await postgresql_server.new_database()
        async with open_postgresql(postgresql_server.url(name)):
            return name

    return asyncio.run(make())


def place_of(kind: str, request: pytest.FixtureRequest) -> str:
    """Where the state of a test is: a folder, or a URL."""
    if kind == "sqlite":
        return str(request.getfixturevalue("tmp_path"))
    server: Postgresql = request.getfixturevalue("postgresql_server")
    template: str = request.getfixturevalue("template")
    return server.url(asyncio.run(server.new_database(template)))


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> str:
    return place_of(request.param, request)


@pytest.fixture
def opener(place: str) -> Opener:
    return partial(opened, place)


@pytest.fixture
async def store(opener: Opener) -> AsyncIterator[Store]:
    async with opener() as store:
        yield store


@pytest.fixture
async def other(opener: Opener) -> AsyncIterator[Store]:
    """The same state, opened once more."""
    async with opener() as store:
        yield store


@pytest.fixture
def database(store: Store) -> Database:
    return store.database


@pytest.fixture
def shared(store: Store) -> Shared:
    return store.shared


@pytest.fixture(scope="module")
def redis_servers(
    kind: str, needs: Needs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RedisServer, ...]]:
    """One Redis, or the nodes of a cluster, as the `kind` of a test module says."""
    needs("redis-server")
    needs("redis-cli")
    directory = tmp_path_factory.mktemp("redis")
    if kind == "redis+cluster":
        with cluster(directory) as nodes:
            yield nodes
    else:
        with single(directory) as server:
            yield (server,)


@asynccontextmanager
async def opened_with_redis(place: str, servers: Sequence[RedisServer]) -> AsyncIterator[Store]:
    """A database beside a Redis that is shared."""
    address = address_of_cluster(servers) if len(servers) > 1 else address_of(servers[0])
    async with opened(place) as store, open_redis(address, store.database.publish, lambda: NOW) as parts:
        yield replace(store, shared=parts.shared, bus=parts.bus, limits=parts.limits)
