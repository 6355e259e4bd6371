"""A house for every test of the API."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.peers.postgresql import Postgresql
from tests.proxy.web.api import house as houses
from tests.proxy.web.api import yard as yards


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[houses.House]:
    async with houses.house(tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """What the configuration names as `state.database`: each of the two, with nothing in it."""
    if request.param == "sqlite":
        return "sqlite"
    server: Postgresql = request.getfixturevalue("postgresql_server")
    return server.url(asyncio.run(server.new_database()))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def yard(database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[yards.Yard]:
    """One for all tests of a file, which run on its loop; and again with the other database."""
    async with yards.opened(tmp_path_factory.mktemp("yard"), state={"database": database}) as made:
        yield made
