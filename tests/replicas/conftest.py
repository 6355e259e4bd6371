"""Real PostgreSQL and Redis for replicas to share."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.conftest import Needs
from tests.peers import redis
from tests.peers.postgresql import Postgresql
from tests.peers.state import open_postgresql


@pytest.fixture(scope="module")
def redis_server(needs: Needs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.RedisServer]:
    needs("redis-server")
    with redis.single(tmp_path_factory.mktemp("redis"), "appendonly yes", "appendfsync everysec") as server:
        yield server


@pytest.fixture(scope="session")
def template(postgresql_server: Postgresql) -> str:
    """The name of a database with our tables and nothing in them."""

    async def make() -> str:
        name = await postgresql_server.new_database()
        async with open_postgresql(postgresql_server.url(name)):
            return name

    return asyncio.run(make())


@pytest.fixture(scope="module")
def database(postgresql_server: Postgresql, template: str) -> str:
    """The URL of a database of its own for the tests of a file."""
    return postgresql_server.url(asyncio.run(postgresql_server.new_database(template)))
