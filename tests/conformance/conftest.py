"""Every implementation of the store, so that one suite holds for all of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest

from proxy.store import Database, Shared, Store
from proxy.store.sql import open_postgresql
from tests.conformance.things import opened
from tests.peers.postgresql import Postgresql

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


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the state of this test is: a folder, or a URL."""
    if request.param == "sqlite":
        return str(tmp_path)
    server: Postgresql = request.getfixturevalue("postgresql_server")
    template: str = request.getfixturevalue("template")
    return server.url(asyncio.run(server.new_database(template)))


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
